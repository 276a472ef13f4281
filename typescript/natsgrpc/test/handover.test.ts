import assert from "node:assert/strict";
import { test } from "node:test";

import { versionOf } from "../src/request.js";
import { Slots } from "../src/slots.js";
import { waitOf } from "../src/strays.js";
import { handOverFilter, offerSubject, parseHandOver, parseSlotOffer, parseSlotSeek, seekSubject } from "../src/subject.js";

test("slots are sought under the version of the request's wire", () => {
  for (const [version, stream, want] of [["", "", "1"], ["2", "", "2"], ["", "1", "1-1"], ["2", "3", "2-3"]] as const) {
    assert.equal(versionOf(version, stream), want);
  }
  assert.equal(seekSubject("a_v1_S", "cmd", 2, "Do", "1"), "seek.a_v1_S.cmd.2.Do.1");
});

test("the subject of a request that is handed over is read", () => {
  assert.equal(handOverFilter("a_v1_S", "me", "qry", 0), "hand.a_v1_S.me.*.qry.a_v1_S.0.*.*.>");
  const ack = "$JS.ACK.hub.HASH.QRY_a_v1_S_0.workers.2.5.7.1700000000123456789.3";
  assert.deepEqual(parseHandOver(`${offerSubject("a_v1_S", "me", "z")}.qry.a_v1_S.0.Do.id.${ack}`), {
    offer: "z",
    request: "qry.a_v1_S.0.Do.id",
    reply: ack,
  });
  for (const subject of ["", "hand.s.me.1", "hand.s.me.1.qry.s.0.Do.id", `hold.s.me.1.qry.s.0.Do.id.${ack}`]) {
    assert.equal(parseHandOver(subject), undefined, subject);
  }
});

test("offers are read, and those of another service are of nothing", () => {
  const read = (text: string) => parseSlotOffer(Buffer.from(text), "s");
  assert.deepEqual(read('{"slots": 2, "subject": "hand.s.me.1", "later": true}'), { slots: 2, subject: "hand.s.me.1" });
  for (const text of [
    '{"slots": 0}',
    '{"slots": 1}',
    '{"slots": 1, "subject": "hand.other.me.1"}',
    '{"slots": 1, "subject": "hand.s.me.1.2"}',
    '{"slots": 1, "subject": "hand.s.>"}',
    '{"slots": 1, "subject": "hand.s.*.1"}',
    '{"slots": 1, "subject": "$JS.API.STREAM.DELETE"}',
  ]) {
    assert.deepEqual(read(text), { slots: 0, subject: "" }, text);
  }
  for (const text of ["", "x", "null", "[]", "{}", '{"slots": -1}', '{"slots": 1.5}', '{"slots": "1"}']) {
    assert.throws(() => read(text), SyntaxError, text);
  }
});

test("for how many requests slots are sought is read", () => {
  assert.equal(parseSlotSeek(Buffer.from('{"calls": 3}')), 3);
  for (const text of ["", "x", "null", "{}", '{"calls": 0}', '{"calls": -1}', '{"calls": 0.5}', '{"calls": "3"}']) {
    assert.equal(parseSlotSeek(Buffer.from(text)), 0, text);
  }
});

test("a call waits for a server that knows it for half of its time, 30 s at most, and the opening of a stream for 5 s", () => {
  const now = 1_700_000_000_000;
  for (const [seconds, opensStream, end, patience] of [
    [4, false, 4, 2],
    [100, false, 100, 30],
    [undefined, false, Infinity, 30],
    [4, true, 4, 2],
    [100, true, 10, 5],
    [undefined, true, 10, 5],
  ] as const) {
    const deadline = seconds === undefined ? undefined : now + seconds * 1000;
    assert.deepEqual(waitOf({ deadline, opensStream }, now), { end: end * 1000, patience: patience * 1000 });
  }
});

test("no more slots are taken than there are, and who waits longest has the next", async () => {
  const slots = new Slots(3);
  let freed = 0;
  slots.onFree = () => freed++;
  assert.equal(slots.take(2), 2);
  assert.equal(slots.take(2), 1);
  assert.equal(slots.take(2), 0);
  const order: string[] = [];
  const waiting = ["first", "second"].map(async (name) => {
    await slots.acquire();
    order.push(name);
  });
  slots.release();
  await waiting[0];
  assert.deepEqual([order, slots.free, freed], [["first"], 0, 0]);
  slots.release();
  await waiting[1];
  slots.release();
  assert.deepEqual([order, slots.free, freed], [["first", "second"], 1, 1]);
  await slots.acquire();
  assert.equal(slots.free, 0);
});
