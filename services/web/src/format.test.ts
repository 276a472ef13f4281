import { expect, it } from "vitest";
import { count, formatAverage, initials } from "./format";

it.each([
  ["Ada Lovelace", "AL"],
  ["Ada", "A"],
  ["  ada  king  lovelace ", "AL"],
  ["😀 b", "😀B"],
  ["", ""],
])("stands for %j with %j", (name, want) => expect(initials(name)).toBe(want));

it.each([
  [0, "0 ratings"],
  [1, "1 rating"],
  [1200, "1,200 ratings"],
])("counts %i as %j", (value, want) => expect(count(value, "rating")).toBe(want));

it("writes averages with one digit", () => expect([4, 3.25, 4.96].map(formatAverage)).toEqual(["4.0", "3.3", "5.0"]));
