import assert from "node:assert/strict";
import { test } from "node:test";

import { Finding_Rule as Rule } from "../src/gen/moderation/v1/moderation_pb.js";
import { check, fold } from "../src/rules.js";

const listed = new Set(["shit", "scheiße", "merde"].map(fold));

for (const [comment, want] of Object.entries<[Rule, string, number][]>({
  "Great coffee, friendly people. 4.5 of 5!": [],
  "Since 1998, open 9-17, 12.50 EUR each": [],
  "NASA and the UN ate here": [],
  "Sehr gut... wirklich": [],
  "とても美味しいです": [],
  "see https://example.com/a?b=1 now": [[Rule.LINK, "https://example.com/a?b=1", 4]],
  "Cheap pills at pills.example.shop": [[Rule.LINK, "pills.example.shop", 15]],
  "😀 www.example.org": [[Rule.LINK, "www.example.org", 2]],
  "mail me: ada@example.com": [[Rule.CONTACT, "ada@example.com", 9]],
  "call +49 (30) 1234-5678 today": [[Rule.CONTACT, "+49 (30) 1234-5678", 5]],
  "THIS IS THE WORST café": [[Rule.SHOUTING, "THIS IS THE WORST", 0]],
  "ЭТО УЖАСНО плохо": [[Rule.SHOUTING, "ЭТО УЖАСНО", 0]],
  "sooooooo good": [[Rule.REPETITION, "ooooooo", 1]],
  "buy buy Buy buy it": [[Rule.REPETITION, "buy buy Buy buy", 0]],
  "What a Scheisse, merdé": [[Rule.PROFANITY, "Scheisse", 7], [Rule.PROFANITY, "merdé", 17]],
  "Scunthorpe and shitake": [],
  "shit!!!!! http://a.b": [[Rule.PROFANITY, "shit", 0], [Rule.REPETITION, "!!!!!", 4], [Rule.LINK, "http://a.b", 10]],
})) {
  test(JSON.stringify(comment), () => {
    assert.deepEqual(check(comment, listed).map(({ rule, text, offset }) => [rule, text, offset]), want);
  });
}

test("the worst comments of the greatest length are checked in time", () => {
  for (const part of ["a", "A ", "1 ", "a.", "a@", "ab ", "-.", "!"]) {
    const comment = part.repeat(2000).slice(0, 2000);
    const start = process.cpuUsage(); // a busy machine lets it wait for longer
    check(comment, listed);
    const { user } = process.cpuUsage(start);
    assert.ok(user < 250_000, `${part}: ${user} µs`);
  }
});
