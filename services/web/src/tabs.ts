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

/** Calls a function for each change, here and in other tabs. */
export function onChange(listener: Listener): void {
  listeners.add(listener);
}

const returnPause = 1_000; // milliseconds

/** Calls a function whenever the person comes back to this tab, but not twice for the events of one return. */
export function onReturn(listener: () => void): void {
  let last = Number.NEGATIVE_INFINITY;
  const returned = () => {
    if (document.visibilityState !== "visible" || performance.now() - last < returnPause) return;
    last = performance.now();
    listener();
  };
  document.addEventListener("visibilitychange", returned);
  window.addEventListener("focus", returned);
}
