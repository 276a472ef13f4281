// Tells the other tabs of this browser what has changed.

/** The kinds of things that change. */
export type Kind = "users" | "services" | "ratings";

type Listener = (kind: Kind) => void;

const listeners = new Set<Listener>();
const channel = new BroadcastChannel("rating");
channel.onmessage = ({ data }: MessageEvent<Kind>) => tell(data);

function tell(kind: Kind) {
  for (const listener of listeners) listener(kind);
}

/** Tells this tab and the others that something of a kind has changed. */
export function announceChange(kind: Kind): void {
  tell(kind);
  channel.postMessage(kind);
}

/** Calls a function for each change, here and in other tabs, until the function that it returns is called. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Calls a function whenever the person comes back to this tab, until the function that it returns is called. */
export function onReturn(listener: () => void): () => void {
  const visible = () => document.visibilityState === "visible" && listener();
  document.addEventListener("visibilitychange", visible);
  window.addEventListener("focus", listener);
  return () => {
    document.removeEventListener("visibilitychange", visible);
    window.removeEventListener("focus", listener);
  };
}
