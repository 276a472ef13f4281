import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { sendDeletions } from "../deletions";
import { explain } from "../errors";
import { useQuery } from "../hooks";
import { notify } from "../notices";
import { actAs, actingUser, canPick, type Session, session, signInPath, signOut } from "../session";
import { users } from "../stores";
import { Dialog } from "./dialog";
import { Search } from "./listing";
import { Avatar, userPath } from "./people";
import { Empty, Failure, Loading } from "./states";

const sections = [
  { path: "/ui/services", title: "Services" },
  { path: "/ui/users", title: "Users" },
];

/** What surrounds every page. */
export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <div class="bar">
          <a class="brand" href="/ui/services">
            <svg width="24" height="24" viewBox="0 0 20 20" aria-hidden="true">
              <path d="M10 1.6l2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8-4.2-4.1 5.8-.8z" />
            </svg>
            Rating
          </a>
          <nav aria-label="Main">
            {sections.map((section) => (
              <a
                key={section.path}
                href={section.path}
                aria-current={path.startsWith(section.path) ? "page" : undefined}
              >
                {section.title}
              </a>
            ))}
          </nav>
          <Acting />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Acting() {
  const [picking, setPicking] = useState(false);
  if (!session.value) return <div class="acting" />;
  if (!canPick.value) {
    return <SignedIn {...session.value} />;
  }
  return (
    <div class="acting">
      <button type="button" class="quiet" onClick={() => setPicking(true)}>
        {actingUser.value ? <ActingName name={actingUser.value} /> : "Choose who you are"}
      </button>
      {picking && <PickUser onClose={() => setPicking(false)} />}
    </div>
  );
}

function SignedIn({ signedIn, name, subject }: Session) {
  const shown = name || subject || "";
  if (!signedIn) {
    return (
      <div class="acting">
        <a class="button" href={signInPath()}>
          Sign in
        </a>
      </div>
    );
  }
  const leave = async () => {
    await sendDeletions();
    await signOut().catch((error) => notify(`You are still signed in. ${explain(error)}`, { failed: true }));
  };
  return (
    <div class="acting">
      <span class="signed-in">
        <Avatar name={shown} />
        <span class="acting-name">
          <span class="hidden">You are </span>
          {actingUser.value ? <a href={userPath(actingUser.value)}>{shown}</a> : shown}
        </span>
        <button type="button" class="quiet" onClick={() => void leave()}>
          Sign out
        </button>
      </span>
    </div>
  );
}

function ActingName({ name }: { name: string }) {
  const { item } = useQuery(
    () => users.item(name),
    ({ item }) => void item.refresh(),
    [name],
  );
  const user = item.value.value;
  if (item.phase.value === "loading") return <>…</>;
  if (!user) return <>Choose who you are</>;
  return (
    <>
      <Avatar name={user.displayName} />
      <span class="acting-name">
        <span class="hidden">You are </span>
        {user.displayName}
      </span>
      <span class="hidden">, change</span>
    </>
  );
}

/** Lets the person pick the user who acts. */
export function PickUser({ onClose }: { onClose: () => void }) {
  const [prefix, setPrefix] = useState("");
  const { list } = useQuery(
    () => users.list({ displayNamePrefix: prefix }),
    ({ list }) => void list.refresh(),
    [prefix],
  );
  const pick = (user: string) => {
    actAs(user);
    onClose();
  };
  return (
    <Dialog title="Who are you?" onClose={onClose}>
      <p class="muted">Nobody signs in here: this is for development. Pick the user in whose name you rate.</p>
      <Search label="Find users whose name begins with" value={prefix} onInput={setPrefix} />
      {list.phase.value === "loading" && <Loading />}
      {list.phase.value === "failed" && (
        <Failure what="The users cannot be shown." error={list.error.value} onRetry={() => void list.retry()} />
      )}
      {list.phase.value === "ready" && !list.items.value.length && (
        <Empty title={prefix ? "Nobody has such a name." : "There are no users yet."} />
      )}
      <ul class="choices">
        {list.items.value.map((user) => (
          <li key={user.name}>
            <button type="button" aria-pressed={user.name === actingUser.value} onClick={() => pick(user.name)}>
              <Avatar name={user.displayName} />
              {user.displayName}
            </button>
          </li>
        ))}
      </ul>
      {list.nextPageToken.value && (
        <button type="button" onClick={() => void list.more()}>
          Load more
        </button>
      )}
      <div class="actions">
        {actingUser.value && (
          <button type="button" onClick={() => pick("")}>
            Be nobody
          </button>
        )}
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
