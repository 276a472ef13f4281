import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, it } from "vitest";
import type { Service, User } from "../backend";
import { ownUser, type Session, session } from "../session";
import { ChangeButtons, NewButton, serviceKind, userKind } from "./edit";

const ada = { name: "users/ada", displayName: "Ada" } as User;
const cafe = { name: "services/cafe", displayName: "Café" } as Service;
const development: Session = { signIn: false };
const signedOut: Session = { signIn: true, signedIn: false };
const signedIn: Session = { signIn: true, signedIn: true, subject: "1" };

/** Has somebody act who owns a user, "" for none, undefined while that is unknown. */
function become(who: Session, own?: string) {
  session.value = who;
  ownUser.value = own;
}

const buttons = () => screen.queryAllByRole("button").map(({ textContent }) => textContent);

afterEach(() => {
  cleanup();
  become(development);
});

describe("the buttons of a user", () => {
  it.each([
    ["everybody where nobody signs in", development, undefined, ["Edit Ada", "Delete Ada"]],
    ["nobody who has yet to sign in", signedOut, undefined, []],
    ["nobody of whom it is not known whom they own", signedIn, undefined, []],
    ["nobody who owns no user", signedIn, "", []],
    ["nobody who owns another user", signedIn, "users/grace", []],
    ["the owner", signedIn, "users/ada", ["Edit Ada", "Delete Ada"]],
  ])("are for %s", (_, who, own, want) => {
    become(who, own);
    render(<ChangeButtons kind={userKind} resource={ada} />);
    expect(buttons()).toEqual(want);
  });

  it("come and go with the session", () => {
    become(signedIn, "");
    render(<ChangeButtons kind={userKind} resource={ada} />);
    act(() => become(signedIn, "users/ada"));
    expect(buttons()).toEqual(["Edit Ada", "Delete Ada"]);
    act(() => become(signedOut, "users/ada"));
    expect(buttons()).toEqual([]);
  });
});

describe("the buttons of a service", () => {
  it.each([
    ["everybody where nobody signs in", development, ["Edit Café", "Delete Café"]],
    ["nobody who has yet to sign in", signedOut, []],
    ["all who have signed in, for it is not known whose it is", signedIn, ["Edit Café", "Delete Café"]],
  ])("are for %s", (_, who, want) => {
    become(who);
    render(<ChangeButtons kind={serviceKind} resource={cafe} />);
    expect(buttons()).toEqual(want);
  });
});

describe("the buttons for new ones", () => {
  it.each([
    ["of both kinds where nobody signs in", development, undefined, ["New user", "New service"]],
    ["of none before one signs in", signedOut, undefined, []],
    ["of services only until it is known whom one owns", signedIn, undefined, ["New service"]],
    ["of both kinds for who owns no user yet", signedIn, "", ["New user", "New service"]],
    ["of services only for who owns a user", signedIn, "users/ada", ["New service"]],
  ])("are %s", (_, who, own, want) => {
    become(who, own);
    render(
      <>
        <NewButton kind={userKind} />
        <NewButton kind={serviceKind} />
      </>,
    );
    expect(buttons()).toEqual(want);
  });
});
