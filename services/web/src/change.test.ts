import { describe, expect, it } from "vitest";
import { type Change, isPending, withChanges } from "./change";

interface Thing {
  name: string;
  size: number;
}

const a: Thing = { name: "things/a", size: 1 };
const b: Thing = { name: "things/b", size: 2 };
const created: Thing = { name: "pending/1", size: 3 };

describe("a list with changes", () => {
  const cases: [what: string, changes: Change<Thing>[], want: Thing[]][] = [
    ["none", [], [a, b]],
    ["a creation, last", [{ after: created }], [a, b, created]],
    ["a creation once, though it has been loaded meanwhile", [{ after: { ...a, size: 4 } }], [b, { ...a, size: 4 }]],
    ["a creation that does not match", [{ after: { name: "pending/2", size: 99 } }], [a, b]],
    ["an update, in its place", [{ before: a, after: { ...a, size: 5 } }], [{ ...a, size: 5 }, b]],
    ["a deletion", [{ before: a }], [b]],
    ["an update and the deletion of the same", [{ before: a, after: { ...a, size: 5 } }, { before: a }], [b]],
    [
      "an update of what is not there",
      [{ before: { name: "things/c", size: 1 }, after: { name: "things/c", size: 2 } }],
      [a, b],
    ],
  ];
  it.each(cases)("shows %s", (_, changes, want) => {
    expect(withChanges([a, b], changes, ({ size }) => size < 10)).toEqual(want);
  });

  it("tells what the server has not named yet", () => {
    expect([a, created].map(isPending)).toEqual([false, true]);
  });
});
