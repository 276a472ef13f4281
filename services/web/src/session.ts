// Who acts. In development a person picks which user they are; where people sign in it is the one who has.
import { computed, effect, signal } from "@preact/signals";

/** What /ui/auth/session tells. */
interface Session {
  readonly signIn: boolean;
  readonly subject?: string;
  readonly name?: string;
}

const storageKey = "rating.actingAs";

/** undefined until it is known whether people sign in. */
export const session = signal<Session | undefined>(undefined);

/** The user who was picked, `users/{user}`, or "". */
const picked = signal(stored());

/** Whether the person can pick who they are. */
export const canPick = computed(() => session.value?.signIn === false);

/** The user who acts, `users/{user}`; empty while that is nobody. */
export const actingUser = computed(() => {
  if (!session.value) return "";
  if (!session.value.signIn) return picked.value;
  return session.value.subject ? `users/${session.value.subject}` : "";
});

/** Makes a user, or nobody, the one who acts, in all tabs. */
export function actAs(user: string): void {
  picked.value = user;
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

/** Asks who has signed in. Where nobody answers, nobody does sign in. */
export async function loadSession(): Promise<void> {
  try {
    const response = await fetch("/ui/auth/session", {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(10_000),
    });
    session.value = response.ok ? await response.json() : { signIn: false };
  } catch {
    session.value = { signIn: false };
  }
}
