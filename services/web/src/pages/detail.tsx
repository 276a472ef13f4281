// The pages of one user and of one service.
import { useLocation } from "preact-iso";
import { Distribution } from "../components/distribution";
import { ChangeButtons, serviceKind, userKind } from "../components/edit";
import { Listing } from "../components/listing";
import { Avatar, servicePath, userPath } from "../components/people";
import { OwnRating, RatingCard } from "../components/rating";
import { Stars } from "../components/score";
import { Empty, Failure, Loading } from "../components/states";
import { hasStatus } from "../errors";
import { count, formatAverage, formatDate } from "../format";
import { usePage, useQuery } from "../hooks";
import type { Query } from "../query";
import { ratings, services, summary, users } from "../stores";

/** Stands for a page whose subject is not there. */
function Absent({ what, query }: { what: string; query: Query }) {
  const heading = usePage(what);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {what}
      </h1>
      {hasStatus(query.error.value, "NOT_FOUND") ? (
        <Empty title="It does not exist, or does no more." />
      ) : (
        <Failure what="It cannot be shown." error={query.error.value} onRetry={() => void query.retry()} />
      )}
    </>
  );
}

export function ServicePage({ id = "" }: { id?: string }) {
  const name = `services/${decodeURIComponent(id)}`;
  const { route } = useLocation();
  const { item } = useQuery(
    () => services.item(name),
    ({ item }) => void item.refresh(),
    [name],
  );
  const { list } = useQuery(
    () => ratings.list({ service: name }),
    ({ list }) => void list.refresh(),
    [name],
  );
  const service = item.value.value;
  const heading = usePage(service?.displayName ?? "");
  if (item.phase.value === "failed") return <Absent what="Service" query={item} />;
  return (
    <>
      <a class="back" href="/ui/services">
        All services
      </a>
      <div class="head">
        <h1 ref={heading} tabIndex={-1}>
          {service?.displayName ?? "Service"}
        </h1>
        {service && (
          <ChangeButtons
            kind={serviceKind}
            resource={service}
            onDeleted={() => route("/ui/services")}
            onUndone={() => route(servicePath(name))}
          />
        )}
      </div>
      {!service && <Loading />}
      {service?.description && <p class="description">{service.description}</p>}
      <div class="columns">
        <SummaryPanel service={name} />
        <OwnRating service={name} />
      </div>
      <h2>Ratings</h2>
      <Listing
        list={list}
        noun="rating"
        empty={<Empty title="Nobody has rated this yet." />}
        row={(rating) => <RatingCard rating={rating} of="service" />}
      />
    </>
  );
}

function SummaryPanel({ service }: { service: string }) {
  const { item } = useQuery(
    () => summary(service),
    ({ item }) => void item.refresh(),
    [service],
  );
  const value = item.value.value;
  const ratingCount = Number(value?.ratingCount ?? 0);
  return (
    <section class="panel" aria-label="What people think">
      {!value &&
        (item.phase.value === "failed" ? (
          <Failure what="The scores cannot be shown." error={item.error.value} onRetry={() => void item.retry()} />
        ) : (
          <Loading />
        ))}
      {value && (
        <>
          <div class="average" role="status">
            <span class="average-number">{ratingCount ? formatAverage(Number(value.averageScore)) : "–"}</span>
            <div>
              <Stars score={Number(value.averageScore)} size={22} />
              <p class="muted">{ratingCount ? count(ratingCount, "rating") : "No ratings yet"}</p>
            </div>
          </div>
          <Distribution summary={value} />
        </>
      )}
    </section>
  );
}

export function UserPage({ id = "" }: { id?: string }) {
  const name = `users/${decodeURIComponent(id)}`;
  const { route } = useLocation();
  const { item } = useQuery(
    () => users.item(name),
    ({ item }) => void item.refresh(),
    [name],
  );
  const { list } = useQuery(
    () => ratings.list({ user: name }),
    ({ list }) => void list.refresh(),
    [name],
  );
  const user = item.value.value;
  const heading = usePage(user?.displayName ?? "");
  if (item.phase.value === "failed") return <Absent what="User" query={item} />;
  return (
    <>
      <a class="back" href="/ui/users">
        All users
      </a>
      <div class="head">
        {user && <Avatar name={user.displayName} />}
        <div class="head-main">
          <h1 ref={heading} tabIndex={-1}>
            {user?.displayName ?? "User"}
          </h1>
          {user && (
            <p class="muted">
              {user.email && `${user.email} · `}
              {user.createTime && `here since ${formatDate(user.createTime)}`}
            </p>
          )}
        </div>
        {user && (
          <ChangeButtons
            kind={userKind}
            resource={user}
            onDeleted={() => route("/ui/users")}
            onUndone={() => route(userPath(name))}
          />
        )}
      </div>
      {!user && <Loading />}
      <h2>Ratings</h2>
      <Listing
        list={list}
        noun="rating"
        empty={<Empty title="No ratings yet." />}
        row={(rating) => <RatingCard rating={rating} of="user" />}
      />
    </>
  );
}
