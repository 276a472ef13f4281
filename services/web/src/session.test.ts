import { afterEach, describe, expect, it, vi } from "vitest";
import { actAs, actingUser, canPick, loadSession, session } from "./session";

afterEach(() => {
  vi.unstubAllGlobals();
  actAs("");
});

const answer = (response: () => Response) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => response()),
  );

describe("who acts", () => {
  it("is picked where nobody signs in", async () => {
    answer(() => Response.json({ signIn: false }));
    await loadSession();
    actAs("users/ada");
    expect([canPick.value, actingUser.value, localStorage.getItem("rating.actingAs")]).toEqual([
      true,
      "users/ada",
      "users/ada",
    ]);
  });

  it.each([
    ["there is no session", () => new Response("", { status: 404 })],
    [
      "there is no answer",
      () => {
        throw new TypeError("offline");
      },
    ],
  ])("is picked where %s", async (_, response) => {
    answer(response as () => Response);
    await loadSession();
    expect(canPick.value).toBe(true);
  });

  it("is who has signed in, whatever was picked", async () => {
    actAs("users/ada");
    answer(() => Response.json({ signIn: true, subject: "grace", name: "Grace" }));
    await loadSession();
    expect([canPick.value, actingUser.value, session.value?.name]).toEqual([false, "users/grace", "Grace"]);
  });

  it("is nobody where one has yet to sign in", async () => {
    answer(() => Response.json({ signIn: true }));
    await loadSession();
    expect([canPick.value, actingUser.value]).toEqual([false, ""]);
  });

  it("follows other tabs", async () => {
    answer(() => Response.json({ signIn: false }));
    await loadSession();
    window.dispatchEvent(new StorageEvent("storage", { key: "rating.actingAs", newValue: "users/grace" }));
    expect(actingUser.value).toBe("users/grace");
  });
});
