import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, it } from "vitest";
import type { Rating } from "../backend";
import { actAs, ownUser, type Session, session } from "../session";
import { RatingCard } from "./rating";

const rating = { name: "ratings/1", user: "users/ada", service: "services/cafe", score: 4 } as Rating;
const development: Session = { signIn: false };

afterEach(() => {
  cleanup();
  session.value = development;
  ownUser.value = undefined;
  actAs("");
});

describe("the buttons of a rating", () => {
  it.each([
    ["who acts as its user", development, "users/ada", true],
    ["nobody who acts as another user", development, "users/grace", false],
    ["nobody who has yet to sign in", { signIn: true, signedIn: false }, "", false],
    ["nobody who has signed in and owns another user", { signIn: true, signedIn: true }, "users/grace", false],
    ["who has signed in and owns its user", { signIn: true, signedIn: true }, "users/ada", true],
  ])("are for %s", (_, who, user, want) => {
    session.value = who;
    actAs(user);
    render(<RatingCard rating={rating} of="person" />);
    const buttons = screen.queryAllByRole("button").map(({ textContent }) => textContent);
    expect(buttons).toEqual(want ? ["Edit your rating", "Delete your rating"] : []);
  });
});
