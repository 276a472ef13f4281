import assert from "node:assert/strict";
import { test } from "node:test";

import { headers } from "@nats-io/transport-node";

import { Code } from "../src/code.js";
import { BadRequestSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { copyHeaders, headerBytes, putMetadata, putStatus, takeMetadata } from "../src/header.js";
import { Metadata } from "../src/metadata.js";
import { StatusError } from "../src/status.js";

test("metadata comes back as it was put", () => {
  const values: [string, string | Uint8Array][] = [
    ["one", "1"],
    ["many", "a"],
    ["many", "b, c"],
    ["empty", ""],
    ["spaces", "  a b "],
    ["percent", "100%25 %"],
    ["data-bin", new Uint8Array([0, 255, 10])],
    ["empty-bin", new Uint8Array()],
  ];
  const metadata = new Metadata();
  values.forEach(([key, value]) => metadata.append(key, value));
  const wire = headers();
  putMetadata(wire, "Md-", metadata);
  assert.equal(wire.get("Md-spaces"), "%20%20a b%20");
  assert.equal(wire.get("Md-percent"), "100%2525 %25");
  assert.equal(wire.get("Md-data-bin"), "AP8K");
  assert.deepEqual([...takeMetadata(wire, "Md-")], values);
  assert.deepEqual([...takeMetadata(wire, "Tr-")], []);
});

test("base64 with padding is read too", () => {
  const wire = headers();
  wire.append("Md-x-bin", "AA==");
  assert.deepEqual(takeMetadata(wire, "Md-").get("x-bin"), new Uint8Array([0]));
});

test("keys that gRPC keeps to itself are not sent", () => {
  const wire = headers();
  putMetadata(wire, "Md-", new Metadata().append("user-agent", "x").append("grpc-status", "0"));
  assert.deepEqual(wire.keys(), []);
});

test("malformed metadata names its header", () => {
  for (const [name, value, want] of [
    ["Md-key", "%zz", 'header Md-key: invalid URL escape "%zz"'],
    ["Md-key", "a%2", 'header Md-key: invalid URL escape "%2"'],
    ["Md-x-bin", "?", "header Md-x-bin: invalid base64 string"],
  ] as const) {
    const wire = headers();
    wire.append(name, value);
    assert.throws(() => takeMetadata(wire, "Md-"), { message: want });
  }
});

test("metadata that gRPC forbids is refused", () => {
  for (const [key, value, want] of [
    ["a b", "", 'metadata key "a b" contains illegal characters not in [0-9a-z-_.]'],
    ["key", "a\nb", 'metadata key "key" contains value with non-printable ASCII characters'],
    ["key-bin", "text", 'metadata key "key-bin": keys that end in -bin have bytes, others have strings'],
    ["key", new Uint8Array(), 'metadata key "key": keys that end in -bin have bytes, others have strings'],
  ] as const) {
    assert.throws(() => new Metadata().append(key, value), { message: want });
  }
});

test("a status is put with what its message needs to pass", () => {
  const status = new StatusError(Code.NOT_FOUND, " 100% é\n").with(BadRequestSchema, { fieldViolations: [{ field: "a" }] });
  const wire = headers();
  putStatus(wire, status);
  assert.equal(wire.get("Grpc-Status"), "5");
  assert.equal(wire.get("Grpc-Message"), "%20100%25 %C3%A9%0A");
  const decoded = StatusError.decode(Buffer.from(wire.get("Grpc-Status-Details-Bin"), "base64"));
  assert.deepEqual([decoded.code, decoded.message, decoded.details.length], [Code.NOT_FOUND, " 100% é\n", 1]);
});

test("the bytes of headers are counted as they are sent", () => {
  const wire = headers();
  wire.append("A", "é");
  wire.append("A", "2");
  assert.equal(headerBytes(wire), Buffer.byteLength("NATS/1.0\r\nA: é\r\nA: 2\r\n\r\n"));
  assert.equal(copyHeaders(wire, ["A"]).keys().length, 0);
});
