import assert from "node:assert/strict";
import { test } from "node:test";

import { Backlog } from "../src/backlog.js";
import { Code } from "../src/code.js";
import { checkEncoding, compress, expand } from "../src/compress.js";
import { backoffOf, defaultDelivery, kindOf, methodDelivery, queueDelivery, token } from "../src/delivery.js";
import { nanoseconds } from "../src/jetstream.js";
import { parseParts } from "../src/parts.js";
import { isPanic, RetryError, StatusError, statusOf } from "../src/status.js";
import { parseAckSubject, parseRequestSubject } from "../src/subject.js";
import { EchoService } from "../fixture/gen/natsgrpctest/v1/echo_pb.js";

test("ack subjects are read in both forms", () => {
  const want = { stream: "QRY_s_0", consumer: "workers", attempt: 2, delivered: 7, time: 1700000000123456789n, pending: 3 };
  for (const subject of [
    "$JS.ACK.QRY_s_0.workers.2.5.7.1700000000123456789.3",
    "$JS.ACK.hub.HASH.QRY_s_0.workers.2.5.7.1700000000123456789.3",
    "$JS.ACK._.HASH.QRY_s_0.workers.2.5.7.1700000000123456789.3.token",
  ]) {
    assert.deepEqual(parseAckSubject(subject), want);
  }
  for (const subject of [undefined, "", "_INBOX.x", "$JS.ACK.s.c.x.5.7.1.3", "$JS.ACK.s.c.1.5.7.1", "$JS.ACK.s.c.1.5.7.1.3.4"]) {
    assert.equal(parseAckSubject(subject), undefined);
  }
});

test("subjects of requests are read", () => {
  assert.deepEqual(parseRequestSubject("cmd.a_v1_S.0.Do.id-1"), { method: "Do", id: "id-1" });
  for (const subject of ["cmd.s.0.Do", "cmd.s.0.Do.id.x", `cmd.s.0.Do.${"x".repeat(129)}`]) {
    assert.equal(parseRequestSubject(subject), undefined);
  }
});

test("times of stored messages are exact", () => {
  assert.equal(nanoseconds("2026-11-30T15:00:00.123456789Z"), BigInt(Date.UTC(2026, 10, 30, 15)) * 1_000_000n + 123456789n);
  assert.equal(nanoseconds("1970-01-01T00:00:01Z"), 1_000_000_000n);
  assert.equal(nanoseconds("1970-01-01T00:00:00.5Z"), 500_000_000n);
  assert.throws(() => nanoseconds("yesterday"), { message: 'not a time in UTC: "yesterday"' });
});

test("where parts are is read", () => {
  assert.deepEqual(parseParts("abc 2 1500000"), { token: "abc", count: 2, bytes: 1500000 });
  for (const value of ["abc", "abc 0 1", "a.b 1 1", "abc 1 -1", "abc 1 1 1", "abc 4097 1"]) {
    assert.throws(() => parseParts(value), { message: `header Natsgrpc-Parts: not "<token> <count> <bytes>": ${JSON.stringify(value)}` });
  }
});

test("the options of a service are read", () => {
  assert.equal(token(EchoService), "natsgrpctest_v1_EchoService");
  assert.deepEqual(EchoService.methods.map(kindOf), ["qry", "cmd", "cmd"]);
  assert.deepEqual(methodDelivery(EchoService.method.command), { attempts: 3, backoff: 20, keepAnswer: undefined });
  assert.deepEqual(methodDelivery(EchoService.method.query), defaultDelivery);
  assert.deepEqual(queueDelivery(EchoService, "cmd"), { shards: 1, ackWait: 1000 });
});

test("the back-off doubles up to 32 times, changed by up to a fifth", () => {
  for (const [attempt, want] of [[1, 100], [2, 200], [6, 3200], [40, 3200]] as const) {
    const wait = backoffOf(defaultDelivery, attempt);
    assert.ok(wait >= want * 0.8 && wait <= want * 1.2, `${attempt}: ${wait}`);
  }
});

test("a backlog is told while there is one, once when it has ended, and at most once in 50 ms", () => {
  const backlog = new Backlog("qry.s.0");
  const note = (pending: number, delivered: number) => backlog.note({ stream: "QRY_s_0", consumer: "workers", attempt: 1, time: 0n, pending, delivered });
  note(0, 1);
  assert.equal(backlog.tell(0), undefined);
  note(5, 2);
  assert.equal(backlog.tell(100), "qry.s.0 5 2");
  assert.equal(backlog.tell(149), undefined);
  assert.equal(backlog.tell(150), "qry.s.0 5 2");
  note(0, 7);
  assert.equal(backlog.tell(200), "qry.s.0 0 7");
  assert.equal(backlog.tell(250), undefined);
});

test("what a handler throws is a status or a panic", () => {
  const reason = new StatusError(Code.CANCELLED, "left");
  const abort = new Error("aborted", { cause: reason });
  abort.name = "AbortError";
  for (const [thrown, code, message] of [
    [new StatusError(Code.ABORTED, "x"), Code.ABORTED, "x"],
    [new StatusError(Code.OK, "x"), Code.UNKNOWN, "x"],
    [new Error("out of tea"), Code.UNKNOWN, "out of tea"],
    ["text", Code.UNKNOWN, "text"],
    [abort, Code.CANCELLED, "left"],
  ] as const) {
    const status = statusOf(thrown);
    assert.deepEqual([status.code, status.message], [code, message]);
    assert.equal(isPanic(thrown), false);
  }
  assert.equal(isPanic(new TypeError("x is undefined")), true);
  assert.equal(isPanic(new RetryError("x")), false);
});

test("bodies are compressed and expanded", async () => {
  const body = Buffer.from("large ".repeat(1000));
  const small = await compress(body, "gzip");
  assert.ok(small.length < body.length / 10);
  assert.deepEqual(await expand(small, "gzip", body.length), body);
  assert.deepEqual(await compress(new Uint8Array(), "gzip"), new Uint8Array());
  assert.deepEqual(await expand(new Uint8Array(), "gzip", 1), new Uint8Array());
  for (const [encoding, data, code] of [
    ["gzip", small, Code.RESOURCE_EXHAUSTED],
    ["gzip", body, Code.INTERNAL],
  ] as const) {
    await assert.rejects(expand(data, encoding, 100), { code });
  }
  checkEncoding("");
  checkEncoding("gzip");
  assert.throws(() => checkEncoding("snappy"), { code: Code.UNIMPLEMENTED, message: 'grpc: Decompressor is not installed for grpc-encoding "snappy"' });
});
