import assert from "node:assert/strict";
import { test } from "node:test";

import { help, readConfig } from "../src/config.js";

test("a flag is preferred to its variable, and that to the default", () => {
  assert.deepEqual(readConfig([], {})?.listen, { host: "127.0.0.1", port: 8082 });
  assert.equal(readConfig([], { MODERATION_SLOTS: "3" })?.slots, 3);
  assert.equal(readConfig(["--slots=4"], { MODERATION_SLOTS: "3" })?.slots, 4);
  assert.deepEqual(readConfig(["--nats", "nats://a,nats://b"], {})?.nats.servers, ["nats://a", "nats://b"]);
  assert.equal(readConfig(["--drain-timeout=2"], {})?.drainTimeout, 2000);
});

test("bad input names the flag", () => {
  for (const [args, want] of [
    [["--slots=0"], '--slots: "0" is not a number from 1 to 999999'],
    [["--listen=8080"], '--listen: "8080" is not host:port'],
    [["--nats-creds=a", "--nats-nkey=b"], "--nats-creds and --nats-nkey exclude each other"],
    [["--nats-cert=a"], "--nats-cert and --nats-key need each other"],
  ] as const) {
    assert.throws(() => readConfig([...args], {}), { message: want });
  }
});

test("--help is complete", () => {
  assert.equal(readConfig(["--help"], {}), undefined);
  assert.match(help(), /--words=VALUE\n {6}File with .* \(\$MODERATION_WORDS\)/);
});
