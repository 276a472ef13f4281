import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { type Session, session } from "../session";
import { Failure } from "./states";

const development: Session = { signIn: false };
const signedOut: Session = { signIn: true, signedIn: false };

afterEach(() => {
  cleanup();
  session.value = development;
});

describe("a failure", () => {
  const missing = new ApiError(401, "UNAUTHENTICATED", "a token is needed");
  const away = new ApiError(503, "UNAVAILABLE", "no worker");

  it.each([
    ["another try", signedOut, away, "Try again"],
    ["another try where nobody signs in", development, missing, "Try again"],
  ])("offers %s", (_, who, error, want) => {
    session.value = who;
    const onRetry = vi.fn();
    render(<Failure what="The users cannot be shown." error={error} onRetry={onRetry} />);
    expect(screen.queryByRole("link")).toBeNull();
    screen.getByRole("button", { name: want }).click();
    expect(onRetry).toHaveBeenCalledOnce();
  });

  it("offers to sign in where that is wanted, and to come back", () => {
    session.value = signedOut;
    render(<Failure what="The users cannot be shown." error={missing} onRetry={() => undefined} />);
    expect(screen.getByRole("alert").textContent).toBe("The users cannot be shown. You are not signed in.Sign in");
    const link = screen.getByRole("link", { name: "Sign in" });
    expect(link.getAttribute("href")).toBe(`/ui/auth/login?return=${encodeURIComponent(location.pathname)}`);
    expect(screen.queryByRole("button")).toBeNull();
  });
});
