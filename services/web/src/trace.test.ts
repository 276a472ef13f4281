import { afterEach, describe, expect, it, vi } from "vitest";
import { connect, ratingBackend } from "./backend";
import { Collection } from "./collection";
import { Memory } from "./memory";
import { traceparent } from "./trace";

describe("a trace", () => {
  it("begins with each act of the person", () => {
    const roots = [traceparent()];
    expect(traceparent()).toBe(roots[0]);
    for (const act of ["click", "submit", "input"]) {
      document.body.dispatchEvent(new Event(act, { bubbles: true }));
      roots.push(traceparent());
    }
    dispatchEvent(new Event("popstate"));
    roots.push(traceparent());
    dispatchEvent(new Event("focus"));
    roots.push(traceparent());
    expect(new Set(roots).size).toBe(roots.length);
    for (const one of roots) expect(one).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it("has begun before whatever else is done about the act", () => {
    const before = traceparent();
    let seen = before;
    const listener = () => {
      seen = traceparent();
    };
    document.body.addEventListener("click", listener);
    document.body.click();
    document.body.removeEventListener("click", listener);
    expect(seen).not.toBe(before);
    expect(seen).toBe(traceparent());
  });

  it("does not begin with the focus of an element", () => {
    const before = traceparent();
    document.body.dispatchEvent(new Event("focus"));
    expect(traceparent()).toBe(before);
  });

  it("is that of the deletion, also when other things were done before it is sent", async () => {
    const memory = new Memory([{ name: "things/1", displayName: "One", etag: "1" }]);
    const collection = new Collection("users", memory, () => true);
    const before = traceparent();
    const { remove } = collection.hide({ name: "things/1", displayName: "One", etag: "1" }, false);
    document.body.click();
    await remove(false);
    expect(memory.deletions.map((deletion) => deletion.traceparent)).toEqual([before]);
  });
});

describe("calls of the API", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** Calls the API at a base, and returns the traceparents of a read, a creation and a deletion. */
  async function sent(base: string): Promise<(string | null)[]> {
    const seen: (string | null)[] = [];
    vi.stubGlobal("fetch", async (request: Request) => {
      seen.push(request.headers.get("Traceparent"));
      return Response.json({ ratings: [], nextPageToken: "" });
    });
    connect(Promise.resolve(base));
    await ratingBackend.list({}, { pageSize: 1 }, AbortSignal.timeout(1_000));
    await ratingBackend.create({} as never, "a key");
    await ratingBackend.remove("ratings/1", {
      etag: "",
      force: false,
      key: "",
      keepalive: false,
      traceparent: "of the act",
    });
    return seen;
  }

  it("belong to the act", async () => {
    expect(await sent("/api")).toEqual([traceparent(), traceparent(), "of the act"]);
  });

  it("do so on another origin where that costs no further request", async () => {
    expect(await sent("https://api.example.org/api")).toEqual([null, traceparent(), "of the act"]);
  });
});
