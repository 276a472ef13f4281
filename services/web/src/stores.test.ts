import { describe, expect, it } from "vitest";
import type { Rating, RatingSummary } from "./backend";
import { summarize } from "./stores";

const summaryOf = (averageScore: number, ...counts: number[]): RatingSummary =>
  ({
    name: "services/1/ratingSummary",
    averageScore,
    ratingCount: String(counts.reduce((sum, count) => sum + count, 0)),
    scoreCounts: counts.map((count, score) => ({ score, count: String(count) })),
  }) as RatingSummary;

const scored = (score: number) => ({ user: "users/1", service: "services/1", score }) as Rating;

describe("a summary moves", () => {
  it.each([
    ["with a first rating", summaryOf(0, 0, 0, 0, 0, 0, 0), { after: scored(4) }, summaryOf(4, 0, 0, 0, 0, 1, 0)],
    ["with another one", summaryOf(4, 0, 0, 0, 0, 1, 0), { after: scored(1) }, summaryOf(2.5, 0, 1, 0, 0, 1, 0)],
    [
      "with a changed one",
      summaryOf(4, 0, 0, 0, 0, 2, 0),
      { before: scored(4), after: scored(5) },
      summaryOf(4.5, 0, 0, 0, 0, 1, 1),
    ],
    ["with the end of one", summaryOf(4.5, 0, 0, 0, 0, 1, 1), { before: scored(5) }, summaryOf(4, 0, 0, 0, 0, 1, 0)],
    ["with the end of the last", summaryOf(5, 0, 0, 0, 0, 0, 1), { before: scored(5) }, summaryOf(0, 0, 0, 0, 0, 0, 0)],
    ["not with ratings of other services", summaryOf(5, 0, 0, 0, 0, 0, 1), {}, summaryOf(5, 0, 0, 0, 0, 0, 1)],
  ])("%s", (_, before, change, after) => {
    expect(summarize(before, [change])).toEqual(after);
  });
});
