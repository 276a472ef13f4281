// Where traces begin: with what a person does. Each act is the root of one, as W3C Trace Context has it, and the calls of the
// API that follow it, until the next act, are its children. The page sends no spans: what the proxy and all behind it send
// makes the trace.
import { newKey } from "./submission";

/** What begins an act: in the capturing phase, so before whatever else the page does about it. */
const acts = ["click", "submit", "input", "popstate", "visibilitychange"];

let current = root();

/** Returns a traceparent that nobody has had before. It asks for spans; the proxy decides whether there are any. */
function root(): string {
  return `00-${newKey()}-${newKey().slice(16)}-01`;
}

/** Returns the traceparent of what the person did last; at first, that of opening the page. */
export const traceparent = (): string => current;

const begin = () => {
  current = root();
};
for (const act of acts) addEventListener(act, begin, { capture: true });
addEventListener("focus", begin); // of the window: those of elements do not bubble
