import { afterEach, describe, expect, it, vi } from "vitest";
import { actAs, actingUser, canPick, canWrite, loadSession, signInPath } from "./session";

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

  it("is the own user of who has signed in, whatever was picked", async () => {
    actAs("users/ada");
    answer(() => Response.json({ signIn: true, signedIn: true, subject: "g", name: "Grace", api: "/ui/api" }));
    expect((await loadSession()).api).toBe("/ui/api");
    expect([canPick.value, canWrite.value, actingUser.value]).toEqual([false, true, ""]);
    actAs("users/grace");
    expect([actingUser.value, localStorage.getItem("rating.actingAs")]).toEqual(["users/grace", "users/ada"]);
  });

  it("is nobody, who changes nothing, where one has yet to sign in", async () => {
    actAs("");
    answer(() => Response.json({ signIn: true, signedIn: false, api: "/ui/api" }));
    await loadSession();
    expect([canPick.value, canWrite.value, actingUser.value]).toEqual([false, false, ""]);
    expect(signInPath()).toBe(`/ui/auth/login?return=${encodeURIComponent(location.pathname)}`);
  });

  it("follows other tabs", async () => {
    answer(() => Response.json({ signIn: false }));
    await loadSession();
    window.dispatchEvent(new StorageEvent("storage", { key: "rating.actingAs", newValue: "users/grace" }));
    expect(actingUser.value).toBe("users/grace");
  });
});
