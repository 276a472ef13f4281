// Who acts, and where the API is. In development a person picks which user they are; where people sign in it is the user
// whom the signed-in person owns.
import { computed, effect, signal } from "@preact/signals";

/** What /ui/auth/session tells. */
export interface Session {
  /** Whether there is sign-in at all. */
  readonly signIn: boolean;
  readonly signedIn?: boolean;
  readonly subject?: string;
  readonly name?: string;
  /** Where the API is called: a path or a URL. */
  readonly api?: string;
}

const development: Session = { signIn: false };
const storageKey = "rating.actingAs";
const timeout = 10_000; // milliseconds

/** undefined until it is known whether people sign in. */
export const session = signal<Session | undefined>(undefined);

/** The user who was picked, `users/{user}`, or "". */
const picked = signal(stored());

/** The user whom the signed-in person owns, "" if none, undefined until that is known. */
export const ownUser = signal<string | undefined>(undefined);

/** Whether the person can pick who they are. */
export const canPick = computed(() => session.value?.signIn === false);

/** Whether the person may change anything at all. */
export const canWrite = computed(() => canPick.value || session.value?.signedIn === true);

/** Whether the person may create a user: who signs in has one. */
export const canCreateUser = computed(() => canPick.value || (canWrite.value && ownUser.value === ""));

/** Whether the person may change a user: who signs in their own one. Of administrators nothing is known here. */
export const canChangeUser = (name: string): boolean => canPick.value || (canWrite.value && ownUser.value === name);

/** The user who acts, `users/{user}`; empty while that is nobody. */
export const actingUser = computed(() => (canPick.value ? picked.value : session.value ? (ownUser.value ?? "") : ""));

/** Makes a user, or nobody, the one who acts, in all tabs. */
export function actAs(user: string): void {
  if (canPick.value) picked.value = user;
  else ownUser.value = user;
}

/** Where one signs in, to come back to this page. */
export const signInPath = (): string =>
  `/ui/auth/login?return=${encodeURIComponent(location.pathname + location.search)}`;

/** Ends the session and goes where that leads. */
export async function signOut(): Promise<void> {
  const response = await fetch("/ui/auth/logout", {
    method: "POST",
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(timeout),
  });
  const { location: target } = (await response.json()) as { location: string };
  location.assign(target);
}

/** Asks who has signed in. Where nobody answers, nobody does sign in. */
export async function loadSession(): Promise<Session> {
  const asked = await ask();
  session.value = asked;
  return asked;
}

async function ask(): Promise<Session> {
  try {
    const response = await fetch("/ui/auth/session", {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(timeout),
    });
    return response.ok ? await response.json() : development;
  } catch {
    return development;
  }
}

function stored(): string {
  try {
    return localStorage.getItem(storageKey) ?? "";
  } catch {
    return ""; // the browser keeps nothing for this site
  }
}

effect(() => {
  const user = picked.value;
  try {
    localStorage.setItem(storageKey, user);
  } catch {
    // as above
  }
});
addEventListener("storage", (event) => {
  if (event.key === storageKey) picked.value = event.newValue ?? "";
});
