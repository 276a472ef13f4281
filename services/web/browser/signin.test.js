// What a person does who signs in, in a real browser, on the real system, at an OpenID provider.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { api, launch, open, origin, patience } from "./chromium.js";
import { average, button, create, dialog, fill, rate, rateAnew } from "./person.js";

const issuer = process.env.WEB_ISSUER;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Every token and code that the issuer has given out. */
async function issued() {
  const response = await fetch(process.env.WEB_ISSUED, { signal: AbortSignal.timeout(patience) });
  return response.json();
}

/** Keeps what the browser asks for while it goes from page to page, without what is behind "?". */
function follow(page) {
  const visited = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest()) visited.push(request.url().replace(/\?.*/, "").replace(origin, ""));
  });
  return visited;
}

/** Keeps what scripts of the page get to read. */
function overhear(page) {
  const heard = [];
  page.on("response", (response) => {
    if (response.request().resourceType() === "fetch") heard.push(response.text().catch(String));
  });
  return heard;
}

/** What a script of the page can find of the session, wherever a page can keep something. */
const kept = (page) =>
  page.evaluate(async () => ({
    cookie: document.cookie,
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
  }));

const keptWithoutSession = { cookie: "", local: { "rating.actingAs": "" }, session: {}, databases: [], caches: [] };

/** Tries what the page offers to nobody who has not signed in, and returns the status and the reason. */
const tryToWrite = (page) =>
  page.evaluate(async () => {
    const { api } = await (await fetch("/ui/auth/session")).json();
    const response = await fetch(`${api}/services`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ displayName: "Café Nobody" }),
    });
    const { error } = await response.json();
    return [response.status, error?.details[0].reason];
  });

const writing = (page) => page.getByRole("button", { name: /^(New|Edit|Delete|Rate|Choose)/ }).count();

test("a person reads, signs in, rates under their own name, and signs out", async () => {
  const { page, context, complaints } = await open(browser);
  const visited = follow(page);
  const heard = overhear(page);
  const { services } = await api("GET", "/services");
  const cafe = `/ui/${services[0].name}`;

  // Who has not signed in sees services and ratings, not who has rated, and is asked to sign in to write.
  await page.goto(`${origin}/ui/users`);
  await page.getByText("The users cannot be shown. You are not signed in.").waitFor();
  await page.locator(`main a[href="/ui/auth/login?return=${encodeURIComponent("/ui/users")}"]`).waitFor();
  await page.getByRole("link", { name: "Services", exact: true }).click();
  await page.getByRole("link", { name: "Café Central" }).click();
  await average(page, "3.0");
  await page.locator(".row", { hasText: "Somebody" }).getByText("Loud.").waitFor();
  await page.locator(".acting").getByRole("link", { name: "Sign in" }).waitFor();
  assert.equal(await writing(page), 0);
  assert.deepEqual(await tryToWrite(page), [401, "TOKEN_MISSING"]);

  // The way to the issuer and back ends where it began.
  visited.length = 0;
  await page.getByRole("link", { name: "Sign in to rate" }).click();
  await button(page, "Sign out").waitFor();
  assert.deepEqual(visited, ["/ui/auth/login", `${issuer}/authorize`, "/ui/auth/callback", cafe]);
  await page.locator(".acting", { hasText: "Ada Lovelace" }).waitFor();

  await button(page, "Choose your name").click();
  await fill(page, { Name: "Ada L." });
  await button(dialog(page), "Create").click();
  await rate(page, 5, "Good coffee.");
  await average(page, "4.0");
  await rateAnew(page, 4);
  await average(page, "3.5");
  await dialog(page).waitFor({ state: "detached" });
  await page.reload();
  await average(page, "3.5");
  await button(page.locator(".panel"), "Edit your rating").waitFor();
  await button(page, "Sign out").waitFor();

  // What is another's cannot be changed, and is not offered where that is known.
  await page.locator(".row", { hasText: "Ada L." }).waitFor();
  await page.locator(".row", { hasText: "Grace Hopper" }).waitFor();
  assert.equal(await page.locator(".row", { hasText: "Grace Hopper" }).getByRole("button").count(), 0);
  assert.equal(await page.locator(".row", { hasText: "Ada L." }).getByRole("button").count(), 2);
  await button(page, "Edit Café Central").click();
  await fill(page, { Description: "Mine." });
  await button(dialog(page), "Save").click();
  await dialog(page).getByText("It is not yours.").waitFor();
  await button(dialog(page), "Cancel").click();
  await page.getByRole("link", { name: "Services", exact: true }).click();
  await create(page, "service", { Name: "Café Ada" });
  await page.getByRole("link", { name: "Users", exact: true }).click();
  await button(page, "Edit Ada L.").waitFor();
  await page.getByRole("link", { name: "Grace Hopper" }).waitFor();
  assert.equal(await writing(page), 2, "Edit and Delete of the own user");

  // Scripts have nothing of the session that would be of use elsewhere.
  assert.deepEqual(await kept(page), keptWithoutSession);
  const cookies = await context.cookies(origin);
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })),
    [{ name: "session", httpOnly: true, sameSite: "Strict" }],
  );
  const tokens = await issued();
  const texts = [...(await Promise.all(heard)), await page.content()];
  assert.ok(tokens.length >= 4 && texts.length > 10, `${tokens.length} tokens, ${texts.length} texts`);
  for (const token of [...tokens, cookies[0].value]) assert.ok(!texts.some((text) => text.includes(token)));

  visited.length = 0;
  await button(page, "Sign out").click();
  await page.locator(".acting").getByRole("link", { name: "Sign in" }).waitFor();
  await page.waitForURL(`${origin}/ui/services`);
  assert.deepEqual(visited, [`${issuer}/logout`, "/ui/"]);
  assert.deepEqual(await context.cookies(origin), []);
  await page.getByRole("link", { name: "Café Central" }).click();
  await page.getByRole("link", { name: "Sign in to rate" }).waitFor();
  await page.locator(".row", { hasText: "Good coffee." }).waitFor();
  assert.equal(await writing(page), 0);
  assert.deepEqual(await tryToWrite(page), [401, "TOKEN_MISSING"]);
  assert.deepEqual(await kept(page), keptWithoutSession);

  // Nothing was against the pages' policy. Chromium reports the refusals: the list of users, the first try to write, that Ada
  // had no user yet, Grace's service, and the second try.
  assert.deepEqual(
    complaints.map((text) => text.replace(/.*the server responded with a status of (\d+).*/, "$1")),
    ["401", "401", "404", "403", "401"],
  );
  await context.close();
});
