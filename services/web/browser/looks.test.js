// How the app looks, to eyes and to screen readers, and what it costs to load.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch, open, origin } from "./chromium.js";
import { seed } from "./seed.js";

// The least that a first load may cost is not the point, but it must not grow unseen. In bytes over the wire.
const mostScript = 30_000;

let browser;
let seeded;
let axe;
before(async () => {
  browser = await launch();
  seeded = await seed();
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
});
after(() => browser.close());

const views = {
  "the services": { path: () => "/ui/services" },
  "a service": { path: () => `/ui/${seeded.service}` },
  "a service that is not rated": { path: () => `/ui/${seeded.unrated}` },
  "a service, to nobody": { path: () => `/ui/${seeded.service}`, nobody: true },
  "a service, to who has yet to sign in": {
    path: () => `/ui/${seeded.service}`,
    before: (page) =>
      page.route("**/ui/auth/session", (route) =>
        route.fulfill({ json: { signIn: true, signedIn: false, api: "/api" } }),
      ),
  },
  "a service, to who has signed in and has no user": {
    path: () => `/ui/${seeded.service}`,
    before: (page) =>
      page.route("**/ui/auth/session", (route) =>
        route.fulfill({ json: { signIn: true, signedIn: true, subject: "1", name: "Ada", api: "/api" } }),
      ),
    complains: true, // there is no users/me
  },
  "the users": { path: () => "/ui/users" },
  "a user": { path: () => `/ui/${seeded.user}` },
  "nothing found": { path: () => "/ui/users?q=zzz" },
  "no such page": { path: () => "/ui/nowhere" },
  "a dialog": { path: () => "/ui/users", act: (page) => page.getByRole("button", { name: "New user" }).click() },
  "a refused form": {
    path: () => "/ui/services",
    async act(page) {
      await page.getByRole("button", { name: "New service" }).click();
      await page.getByRole("button", { name: "Create" }).click();
      await page.getByText("Name is needed.").waitFor();
    },
  },
  "the choice of who one is": { path: () => "/ui/services", act: (page) => page.locator(".acting button").click() },
  "a notice": {
    path: () => `/ui/${seeded.service}`,
    async act(page) {
      await page.locator(".panel").getByRole("button", { name: "Delete your rating" }).click();
      await page.getByRole("button", { name: "Undo" }).waitFor();
    },
    undo: (page) => page.getByRole("button", { name: "Undo" }).click(),
  },
  "a failure": {
    path: () => "/ui/users",
    before: (page) =>
      page.route("**/api/users*", (route) =>
        route.fulfill({ status: 500, json: { error: { code: 500, message: "broken", status: "INTERNAL" } } }),
      ),
    complains: true,
  },
};

for (const colorScheme of ["light", "dark"]) {
  for (const [screen, viewport] of Object.entries({
    phone: { width: 360, height: 740 },
    desktop: { width: 1200, height: 800 },
  })) {
    test(`axe finds nothing in ${colorScheme} on a ${screen}, and nothing is cut off`, async (t) => {
      for (const [name, view] of Object.entries(views)) {
        await t.test(name, async () => {
          const { context, page, complaints } = await open(browser, { colorScheme, viewport, reducedMotion: "reduce" });
          if (!view.nobody)
            await context.addInitScript((user) => localStorage.setItem("rating.actingAs", user), seeded.user);
          await view.before?.(page);
          await page.goto(origin + view.path(), { waitUntil: "networkidle" });
          await view.act?.(page);
          await page.evaluate(axe);
          const { violations, passes } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
          assert.deepEqual(
            violations.map(
              ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => html + failureSummary)}`,
            ),
            [],
          );
          assert.ok(passes.length > 10, "axe has looked");
          assert.ok(
            await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
            "something is wider than the screen",
          );
          await view.undo?.(page);
          if (!view.complains) assert.deepEqual(complaints, []);
          await context.close();
        });
      }
    });
  }
}

test("the first load is small", async () => {
  const { context, page } = await open(browser);
  const scripts = [];
  page.on("requestfinished", (request) => {
    if (request.resourceType() === "script") scripts.push(request.sizes());
  });
  await page.goto(`${origin}/ui/services`, { waitUntil: "networkidle" });
  const bytes = (await Promise.all(scripts)).reduce(
    (sum, { responseBodySize, responseHeadersSize }) => sum + responseBodySize + responseHeadersSize,
    0,
  );
  console.log(`${bytes} bytes of JavaScript`);
  assert.ok(bytes > 1_000 && bytes < mostScript, `${bytes} bytes`);
  await context.close();
});

test("nothing runs in the page but its own", async () => {
  const { context, page, complaints } = await open(browser);
  await page.goto(`${origin}/ui/services`, { waitUntil: "networkidle" });
  await page.evaluate(() => {
    const script = document.createElement("script");
    try {
      script.text = "globalThis.intruder = true";
    } catch {
      script.append("globalThis.intruder = true");
    }
    document.head.append(script);
    return fetch("https://elsewhere.invalid/").catch(() => undefined);
  });
  assert.equal(await page.evaluate(() => globalThis.intruder), undefined);
  assert.match(complaints.join("\n"), /Content Security Policy[\s\S]*connect-src/);
  await context.close();
});
