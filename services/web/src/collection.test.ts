import { describe, expect, it, vi } from "vitest";
import { Collection } from "./collection";
import { Memory, type Query, type Thing } from "./memory";
import { pageSize } from "./query";

const ada: Thing = { name: "things/ada", displayName: "Ada", etag: "7" };
const grace: Thing = { name: "things/grace", displayName: "Grace", etag: "8" };

const draft = (displayName: string): Thing => ({ name: "", displayName, etag: "" });

/** Opens a collection and a list of all of it, which has been loaded. */
async function open(things: readonly Thing[]) {
  const memory = new Memory(things);
  const collection = new Collection<Thing, Query>("users", memory, ({ displayName }, { prefix = "" }) =>
    displayName.startsWith(prefix),
  );
  const { list, close } = collection.list({});
  await list.refresh();
  const names = () => list.items.value.map(({ displayName }) => displayName);
  return { memory, collection, list, close, names };
}

describe("a creation", () => {
  it("shows at once, and under its name when the server has given it", async () => {
    const { memory, collection, list, names } = await open([ada]);
    memory.held = true;
    const creating = collection.create(draft("Grace"), "key");
    expect(names()).toEqual(["Ada", "Grace"]);
    expect(list.items.value[1]?.name).toMatch(/^pending\//);
    expect(memory.last("create").key).toBe("key");
    memory.last("create").answer();
    await creating;
    expect(list.items.value.map(({ name }) => name)).toEqual(["things/ada", "things/1"]);
  });

  it("is taken back when it fails", async () => {
    const { memory, collection, names } = await open([ada]);
    memory.held = true;
    const creating = collection.create(draft("Grace"), "key");
    memory.last("create").fail(new Error("no"));
    await expect(creating).rejects.toThrow("no");
    expect(names()).toEqual(["Ada"]);
  });

  it("stays in view behind pages that are not loaded, also when the list is loaded again", async () => {
    const many = Array.from({ length: pageSize + 1 }, (_, i) => ({
      name: `things/x${i}`,
      displayName: `X${i}`,
      etag: "1",
    }));
    const { collection, list, names } = await open(many);
    await collection.create(draft("New"), "key");
    await list.refresh();
    expect(names().at(-1)).toBe("New");
    await list.more();
    await list.refresh();
    expect(names().filter((name) => name === "New")).toHaveLength(1);
    expect(names()).toHaveLength(pageSize + 2);
  });
});

describe("an update", () => {
  it("shows at once and is sent with the etag that the person knew", async () => {
    const { memory, collection, names, list } = await open([ada, grace]);
    memory.held = true;
    const updating = collection.update(ada, { displayName: "Ada L." }, "key");
    expect(names()).toEqual(["Ada L.", "Grace"]);
    memory.last("update").answer();
    await updating;
    expect(list.items.value[0]).toEqual({ ...ada, displayName: "Ada L.", etag: "7'" });
  });

  it("is taken back when it fails, and others stay", async () => {
    const { memory, collection, names } = await open([ada, grace]);
    memory.held = true;
    const failing = collection.update(ada, { displayName: "X" }, "1");
    const call = memory.last("update");
    void collection.update(grace, { displayName: "Y" }, "2");
    call.fail(new Error("changed meanwhile"));
    await expect(failing).rejects.toThrow();
    expect(names()).toEqual(["Ada", "Y"]);
  });
});

describe("a deletion", () => {
  it("hides, shows again, and is sent once with its etag", async () => {
    const { memory, collection, names } = await open([ada, grace]);
    const hidden = collection.hide(ada, true);
    expect(names()).toEqual(["Grace"]);
    hidden.show();
    expect(names()).toEqual(["Ada", "Grace"]);
    await collection.hide(ada, true).remove(true);
    expect(names()).toEqual(["Grace"]);
    expect(memory.deletions).toEqual([
      {
        etag: "7",
        force: true,
        keepalive: true,
        key: expect.stringMatching(/^[0-9a-f]{32}$/),
        traceparent: expect.stringMatching(/^00-/),
      },
    ]);
  });

  it("that fails brings it back", async () => {
    const { memory, collection, names } = await open([ada]);
    memory.held = true;
    const removing = collection.hide(ada, false).remove(false);
    memory.last("remove").fail(new Error("no"));
    await expect(removing).rejects.toThrow();
    expect(names()).toEqual(["Ada"]);
  });
});

describe("a list", () => {
  it("loads by pages and keeps its size when it is loaded again", async () => {
    const many = Array.from({ length: 3 * pageSize }, (_, i) => ({
      name: `things/${i}`,
      displayName: `X${i}`,
      etag: "1",
    }));
    const { list, names } = await open(many);
    expect(names()).toHaveLength(pageSize);
    await list.more();
    expect(names()).toEqual(many.slice(0, 2 * pageSize).map(({ displayName }) => displayName));
    await list.refresh();
    expect(names()).toHaveLength(2 * pageSize);
    await list.more();
    expect([names().length, list.nextPageToken.value]).toEqual([3 * pageSize, ""]);
  });

  it("shows no older answer after a newer one", async () => {
    const { memory, list, names } = await open([ada]);
    memory.held = true;
    const first = list.refresh();
    const older = memory.last("list");
    const second = list.refresh();
    memory.things = [grace];
    memory.last("list").answer();
    await second;
    older.answer();
    await first;
    expect(names()).toEqual(["Grace"]);
  });

  it("keeps what it has when it cannot be loaded again, and says so", async () => {
    const { memory, list, names } = await open([ada]);
    memory.held = true;
    const refreshing = list.refresh();
    memory.last("list").fail(new Error("down"));
    await refreshing;
    expect([names(), list.phase.value, list.error.value]).toEqual([["Ada"], "ready", new Error("down")]);
    const retrying = list.retry();
    memory.last("list").answer();
    await retrying;
    expect(list.error.value).toBeUndefined();
  });

  it("is loaded no more once it is closed", async () => {
    const { memory, collection, close } = await open([ada]);
    const before = memory.calls.length;
    close();
    collection.refresh();
    expect(memory.calls).toHaveLength(before);
  });
});

it("an item follows what is done to it", async () => {
  const { collection } = await open([ada]);
  const { item } = collection.item("things/ada");
  await item.refresh();
  const settled = vi.fn();
  collection.onSettled(settled);
  const updating = collection.update(ada, { displayName: "Countess" }, "key");
  expect(item.value.value?.displayName).toBe("Countess");
  const after = await updating;
  expect(item.value.value).toEqual(after);
  expect(settled).toHaveBeenCalledExactlyOnceWith({ before: ada, after });
  collection.hide(after, false);
  expect(item.value.value).toBeUndefined();
});

it("an item that was deleted is asked for no more", async () => {
  const { memory, collection } = await open([ada]);
  const { item } = collection.item("things/ada");
  await item.refresh();
  await collection.hide(ada, false).remove(false);
  const asked = memory.calls.filter(({ method }) => method === "get").length;
  await item.refresh();
  expect([item.value.value, memory.calls.filter(({ method }) => method === "get").length]).toEqual([undefined, asked]);
});
