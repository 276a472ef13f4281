// The two lists, of users and of services.

import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Service, User } from "../backend";
import { isPending } from "../change";
import { SmallDistribution } from "../components/distribution";
import { ChangeButtons, NewButton, serviceKind, userKind } from "../components/edit";
import { Listing, Search } from "../components/listing";
import { Avatar, servicePath, userPath } from "../components/people";
import { Average } from "../components/score";
import { Empty } from "../components/states";
import { count } from "../format";
import { usePage, useQuery } from "../hooks";
import { services, summary, users } from "../stores";

const searchDelay = 200; // milliseconds without a key

/** The text that is searched for, which the page's address keeps. */
function useSearch() {
  const { query, path, route } = useLocation();
  const [text, setText] = useState(query.q ?? "");
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== (query.q ?? "")) route(text ? `${path}?q=${encodeURIComponent(text)}` : path, true);
    }, searchDelay);
    return () => clearTimeout(timer);
  }, [text, query.q, path, route]);
  return { text, setText, prefix: query.q ?? "" };
}

export function Users() {
  const heading = usePage("Users");
  const { text, setText, prefix } = useSearch();
  const { list } = useQuery(
    () => users.list({ displayNamePrefix: prefix }),
    ({ list }) => void list.refresh(),
    [prefix],
  );
  return (
    <>
      <div class="head">
        <h1 ref={heading} tabIndex={-1}>
          Users
        </h1>
        <NewButton kind={userKind} />
      </div>
      <Search label="Find users whose name begins with" value={text} onInput={setText} />
      <Listing
        list={list}
        noun="user"
        empty={<Empty title={prefix ? `Nobody's name begins with “${prefix}”.` : "There are no users yet."} />}
        row={(user) => <UserRow user={user} />}
      />
    </>
  );
}

function UserRow({ user }: { user: User }) {
  return (
    <>
      <Avatar name={user.displayName} />
      <div class="row-main">
        {isPending(user) ? (
          <strong>{user.displayName}</strong>
        ) : (
          <a class="row-title" href={userPath(user.name)}>
            {user.displayName}
          </a>
        )}
        {user.email && <p class="muted">{user.email}</p>}
      </div>
      {!isPending(user) && <ChangeButtons kind={userKind} resource={user} />}
    </>
  );
}

export function Services() {
  const heading = usePage("Services");
  const { text, setText, prefix } = useSearch();
  const { list } = useQuery(
    () => services.list({ displayNamePrefix: prefix }),
    ({ list }) => void list.refresh(),
    [prefix],
  );
  return (
    <>
      <div class="head">
        <h1 ref={heading} tabIndex={-1}>
          Services
        </h1>
        <NewButton kind={serviceKind} />
      </div>
      <Search label="Find services whose name begins with" value={text} onInput={setText} />
      <Listing
        list={list}
        noun="service"
        empty={<Empty title={prefix ? `No service's name begins with “${prefix}”.` : "There are no services yet."} />}
        row={(service) => <ServiceRow service={service} />}
      />
    </>
  );
}

function ServiceRow({ service }: { service: Service }) {
  const ratingCount = Number(service.ratingCount);
  const pending = isPending(service);
  return (
    <>
      <div class="row-main">
        {pending ? (
          <strong>{service.displayName}</strong>
        ) : (
          <a class="row-title" href={servicePath(service.name)}>
            {service.displayName}
          </a>
        )}
        {service.description && <p class="muted clamp">{service.description}</p>}
      </div>
      {!pending && (
        <div class="row-score">
          <div>
            <Average average={Number(service.averageScore)} ratingCount={ratingCount} />
            {ratingCount > 0 && <p class="muted">{count(ratingCount, "rating")}</p>}
          </div>
          {ratingCount > 0 && <SeenDistribution service={service.name} />}
        </div>
      )}
      {!pending && <ChangeButtons kind={serviceKind} resource={service} />}
    </>
  );
}

/** The distribution of a service's ratings, which is asked for once it can be seen. */
function SeenDistribution({ service }: { service: string }) {
  const place = useRef<HTMLDivElement>(null);
  const { item } = useQuery(
    () => summary(service),
    () => undefined,
    [service],
  );
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return;
      observer.disconnect();
      void item.refresh();
    });
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, [item]);
  return (
    <div ref={place} class="seen-distribution">
      {item.value.value && <SmallDistribution summary={item.value.value} />}
    </div>
  );
}
