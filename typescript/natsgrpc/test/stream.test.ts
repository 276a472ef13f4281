import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeFrame, encodeCredit, encodeFrame, type FrameKind, firstPart, frameCost, initialCredit, readNumber } from "../src/frame.js";
import { Inbound } from "../src/inbound.js";
import { Outbound } from "../src/outbound.js";

/** Sends messages through an Outbound, and returns their frames. */
async function frames(partBytes: number, ...messages: Uint8Array[]): Promise<{ kind: FrameKind; body: Uint8Array }[]> {
  const sent: { kind: FrameKind; body: Uint8Array }[] = [];
  const out = new Outbound(partBytes, (kind, body) => sent.push({ kind, body }));
  out.raise(Number.MAX_SAFE_INTEGER);
  for (const message of messages) {
    await out.message(message);
  }
  return sent;
}

test("frames are read as they are written", () => {
  const frame = decodeFrame(encodeFrame("P", 2 ** 40, encodeCredit(7)));
  assert.deepEqual([frame?.kind, frame?.number, readNumber(frame?.body ?? new Uint8Array(), 8)], ["P", 2 ** 40, 7]);
  assert.equal(decodeFrame(new Uint8Array(8)), undefined);
  assert.equal(decodeFrame(encodeFrame("X" as FrameKind, 1)), undefined);
  assert.equal(readNumber(new Uint8Array(3), 4), undefined);
});

test("messages are divided and come whole", async () => {
  const messages = [new Uint8Array(), Buffer.from("abc"), Buffer.from("abcdefgh")];
  const sent = await frames(3, ...messages);
  assert.deepEqual(sent.map(({ kind }) => kind).join(""), "MMMCC");
  const inbound = new Inbound(100, () => undefined);
  sent.forEach(({ kind, body }, i) => assert.ok(inbound.part({ kind, number: i + 1, body })));
  assert.ok(inbound.close());
  for (const want of messages) {
    assert.deepEqual(Buffer.from((await inbound.next()) ?? []), Buffer.from(want));
  }
  assert.equal(await inbound.next(), undefined);
});

test("what breaks a stream is told", () => {
  const inbound = () => new Inbound(1000, () => undefined);
  const message = (length: number, part: number) => ({ kind: "M" as const, number: 1, body: firstPart(length, new Uint8Array(part)) });
  const next = { kind: "C" as const, number: 2, body: new Uint8Array(3) };
  assert.equal(inbound().part(next), false, "a part without a message");
  assert.equal(inbound().part({ kind: "M", number: 1, body: new Uint8Array(3) }), false, "a message without a length");
  assert.equal(inbound().part(message(2, 3)), false, "more than its length");
  const begun = inbound();
  assert.ok(begun.part(message(4, 3)));
  assert.equal(begun.part(message(4, 3)), false, "a message in a message");
  assert.equal(begun.close(), false, "the end in a message");
  const closed = inbound();
  assert.ok(closed.close());
  assert.equal(closed.part(message(1, 1)), false, "a message after the end");
  const flooded = inbound();
  let ok = 0;
  while (flooded.part(message(0, 0))) {
    ok++;
  }
  assert.equal(ok, initialCredit / frameCost, "more than the credit");
  assert.throws(() => inbound().part(message(1001, 0)), { message: "grpc: received message larger than max (1001 vs. 1000)" });
});

test("credit is given as messages are read, and parts of one that is waited for as they come", async () => {
  const credits: number[] = [];
  const inbound: Inbound = new Inbound(10 << 20, () => credits.push(inbound.credit));
  const [first, ...rest] = await frames(60_000, new Uint8Array(600_000));
  assert.ok(first !== undefined);
  let number = 0;
  assert.ok(inbound.part({ ...first, number: ++number }));
  assert.deepEqual(credits, [], "nobody reads yet");
  const message = inbound.next();
  for (const frame of rest) {
    assert.ok(inbound.part({ ...frame, number: ++number }));
    await Promise.resolve();
  }
  assert.equal((await message)?.length, 600_000);
  assert.equal(credits.at(-1), initialCredit + 10 * (60_000 + frameCost));
});

test("a sender waits for credit, and ends with the stream", async () => {
  let sent = 0;
  const out = new Outbound(65_536, () => sent++);
  const sending = out.message(new Uint8Array(1 << 20));
  await Promise.resolve();
  assert.equal(sent, 3, "three parts and their cost are within the credit");
  out.raise(initialCredit + 65_536 + frameCost);
  out.raise(0); // an old one
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sent, 4);
  out.fail(new Error("over"));
  await assert.rejects(sending, { message: "over" });
  await assert.rejects(out.message(new Uint8Array()), { message: "over" });
});
