import assert from "node:assert/strict";
import { test } from "node:test";

import { flush } from "../src/flush.js";

const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;

test("a flush that is over leaves no timer, which would keep the process alive", async () => {
  const before = timers();
  await flush({ flush: async () => undefined }, 60_000);
  assert.equal(timers(), before);
  await assert.rejects(flush({ flush: () => Promise.reject(new Error("lost")) }, 60_000), { message: "lost" });
  assert.equal(timers(), before);
});

test("a flush that is not answered is waited for so long and no longer", async () => {
  await flush({ flush: () => new Promise<void>(() => undefined) }, 1);
});
