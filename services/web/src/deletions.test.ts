import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { Collection } from "./collection";
import { deleteSoon, sendDeletions } from "./deletions";
import { Memory, type Query, type Thing } from "./memory";
import { notices, noticeTime } from "./notices";

const ada: Thing = { name: "things/ada", displayName: "Ada", etag: "7" };

async function open() {
  const memory = new Memory([ada]);
  const collection = new Collection<Thing, Query>("users", memory, () => true);
  const { list } = collection.list({});
  await list.refresh();
  return { memory, collection, names: () => list.items.value.map(({ displayName }) => displayName) };
}

const texts = () => notices.value.map(({ text }) => text);
const undo = () => notices.value.find(({ action }) => action?.label === "Undo")?.action?.run();

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(async () => {
  await sendDeletions();
  await vi.runAllTimersAsync();
  vi.useRealTimers();
});

describe("a deletion", () => {
  it("is sent only when it can no longer be undone", async () => {
    const { memory, collection, names } = await open();
    deleteSoon(collection, ada, "Ada");
    expect([names(), texts()]).toEqual([[], ["Ada deleted."]]);
    await vi.advanceTimersByTimeAsync(noticeTime - 1);
    expect(memory.deletions).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(memory.deletions).toMatchObject([{ etag: "7", force: false, keepalive: false }]);
    expect([names(), texts()]).toEqual([[], []]);
  });

  it("that is undone is never sent", async () => {
    const { memory, collection, names } = await open();
    const undone = vi.fn();
    deleteSoon(collection, ada, "Ada", { undone });
    undo();
    expect([names(), texts()]).toEqual([["Ada"], ["Ada is back."]]);
    await vi.runAllTimersAsync();
    window.dispatchEvent(new Event("pagehide"));
    expect(memory.deletions).toEqual([]);
    expect(undone).toHaveBeenCalledOnce();
  });

  it("is sent when the page goes away, so that it survives that", async () => {
    const { memory, collection } = await open();
    deleteSoon(collection, ada, "Ada", { force: true });
    window.dispatchEvent(new Event("pagehide"));
    await vi.advanceTimersByTimeAsync(0);
    expect(memory.deletions).toMatchObject([{ force: true, keepalive: true }]);
    await vi.runAllTimersAsync();
    expect(memory.deletions).toHaveLength(1);
  });

  it.each([
    [new ApiError(409, "ABORTED", ""), ["Ada"], ["Ada was not deleted. Somebody has changed it meanwhile."]],
    [new ApiError(404, "NOT_FOUND", ""), ["Ada"], []], // until the list is loaded again
  ])("that fails with %o shows what is there", async (error, shown, told) => {
    const { memory, collection, names } = await open();
    deleteSoon(collection, ada, "Ada");
    memory.held = true;
    await vi.advanceTimersByTimeAsync(noticeTime);
    memory.last("remove").fail(error);
    await vi.advanceTimersByTimeAsync(0);
    expect([names(), texts()]).toEqual([shown, told]);
  });
});
