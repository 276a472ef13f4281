import { describe, expect, it } from "vitest";
import { ApiError } from "../api/client";
import { Submission } from "./submission";

/** Submits values one after the other and returns the keys they were sent under. */
async function keys(steps: readonly [values: unknown, failure?: ApiError][]): Promise<string[]> {
  const submission = new Submission();
  const sent: string[] = [];
  for (const [values, failure] of steps) {
    await submission
      .run(values, async (key) => {
        sent.push(key);
        if (failure) throw failure;
      })
      .catch((error) => expect(error).toBe(failure));
  }
  return sent;
}

describe("a submission", () => {
  const noAnswer = new ApiError(504, "DEADLINE_EXCEEDED", "too late");
  const offline = new ApiError(0, "UNAVAILABLE", "no answer");
  const refused = new ApiError(400, "INVALID_ARGUMENT", "wrong");

  it("has one key until it is known whether it has acted", async () => {
    const [first, second, third, fourth] = await keys([["a", noAnswer], ["a", offline], ["a"], ["a"]]);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect([second, third]).toEqual([first, first]);
    expect(fourth).not.toBe(first);
  });

  it("has another key once it has been refused, since errors are kept under a key too", async () => {
    const [first, second] = await keys([["a", refused], ["a"]]);
    expect(second).not.toBe(first);
  });

  it("has another key for other values", async () => {
    const [first, second, third] = await keys([["a", noAnswer], ["b", noAnswer], ["b"]]);
    expect(second).not.toBe(first);
    expect(third).toBe(second);
  });
});
