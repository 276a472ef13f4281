// How users show in lists, and how one is picked.
import { useMemo } from "preact/hooks";
import { idOf } from "../../api/client";
import { isPending } from "../change";
import { initials } from "../format";
import { useQuery } from "../hooks";
import { canWrite, session } from "../session";
import { users } from "../stores";

export const userPath = (name: string) => `/ui/users/${idOf(name)}`;
export const servicePath = (name: string) => `/ui/services/${idOf(name)}`;

/** The initials of a name, for the eye. */
export function Avatar({ name }: { name: string }) {
  const hue = useMemo(() => [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 6, [name]);
  return (
    <span class={`avatar tone-${hue}`} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

/** A user's name, as a link where the user has a page. Who has yet to sign in does not get to see users. */
export function UserName({ name }: { name: string }) {
  if (!canWrite.value) return <span class="muted">{session.value ? "Somebody" : "…"}</span>;
  return <KnownName name={name} />;
}

function KnownName({ name }: { name: string }) {
  const { item } = useQuery(
    () => users.item(name),
    ({ item }) => void item.refresh(),
    [name],
  );
  const user = item.value.value;
  if (!user) return <span class="muted">{item.phase.value === "loading" ? "…" : "Somebody"}</span>;
  if (isPending(user)) return <span>{user.displayName}</span>;
  return <a href={userPath(name)}>{user.displayName}</a>;
}
