// What a person does, in a real browser, on the real system.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { api, launch, listen, open, origin, patience } from "./chromium.js";
import { average, button, create, dialog, fill, notice, rate, rateAnew } from "./person.js";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Asks the one who runs this test to stop or start the process of the rating service. */
async function control(what) {
  const response = await fetch(`${process.env.WEB_CONTROL}/${what}`, {
    method: "POST",
    signal: AbortSignal.timeout(patience),
  });
  assert.equal(response.status, 204, await response.text());
}

async function become(page, name) {
  await page.locator(".acting button").first().click();
  await dialog(page).getByRole("searchbox").fill(name);
  await dialog(page).locator(".choices").getByRole("button", { name, exact: true }).click();
  await page.locator(".acting", { hasText: name }).waitFor();
}

const named = async (kind, prefix) =>
  (await api("GET", `/${kind}?displayNamePrefix=${encodeURIComponent(prefix)}`))[kind];

/** Opens the page of a new service, as one of two new users. */
async function withService(page, label) {
  const ada = await api("POST", "/users", { displayName: `Ada ${label}` });
  const grace = await api("POST", "/users", { displayName: `Grace ${label}` });
  const service = await api("POST", "/services", { displayName: `Café ${label}` });
  await page.addInitScript(
    (name) => localStorage.getItem("rating.actingAs") || localStorage.setItem("rating.actingAs", name),
    ada.name,
  );
  await page.goto(`${origin}/ui/${service.name}`);
  await page.getByRole("heading", { name: `Café ${label}`, level: 1 }).waitFor();
  return { ada, grace, service };
}

test("a person rates, and the average moves", async () => {
  const { page, context, complaints } = await open(browser);
  await page.goto(`${origin}/`);
  await page.waitForURL(`${origin}/ui/services`);
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByRole("heading", { name: "Users", level: 1 }).waitFor();

  await button(page, "New user").click();
  await fill(page, { Name: "Ada One", "E-mail": "nonsense" });
  await button(dialog(page), "Create").click();
  await dialog(page).getByText("Must be a valid email address.").waitFor();
  await fill(page, { "E-mail": "ada@example.org" });
  await button(dialog(page), "Create").click();
  await notice(page, "Ada One created.").waitFor();
  await create(page, "user", { Name: "Grace One" });

  await page.getByRole("link", { name: "Services" }).click();
  await create(page, "service", { Name: "Café One", Description: "Coffee and cake." });
  await page.getByRole("link", { name: "Café One" }).click();
  await page.getByText("Coffee and cake.").waitFor();

  await become(page, "Ada One");
  await rate(page, 4, "Good coffee.");
  await average(page, "4.0");
  await page.locator(".rows", { hasText: "Good coffee." }).waitFor();
  await become(page, "Grace One");
  await rate(page, 1);
  await average(page, "2.5");

  await rateAnew(page, 5);
  await average(page, "4.5");

  await button(page.locator(".panel"), "Delete your rating").click();
  await average(page, "4.0");
  await button(notice(page, "Your rating deleted."), "Undo").click();
  await average(page, "4.5");
  const [{ name }] = await named("services", "Café One");
  assert.equal((await api("GET", `/${name}/ratingSummary`)).ratingCount, "2");

  await button(page.locator(".panel"), "Delete your rating").click();
  await average(page, "4.0");
  await page.goto("about:blank"); // the deletion goes out with the page
  for (const end = Date.now() + patience; ; ) {
    if ((await api("GET", `/${name}/ratingSummary`)).ratingCount === "1") break;
    assert.ok(Date.now() < end, "the deletion did not go out");
  }
  // The one refusal is Chromium's own report of the answer.
  assert.deepEqual(
    complaints.filter((text) => !text.includes("status of 400")),
    [],
  );
  await context.close();
});

test("what has ratings is deleted with them, after a question", async () => {
  const { page, context, complaints } = await open(browser);
  const { ada, service } = await withService(page, "Two");
  await api("POST", "/ratings", { user: ada.name, service: service.name, score: 3 });
  await button(page, "Delete Café Two").click();
  await dialog(page).getByText("This deletes its 1 rating too.").waitFor();
  await button(dialog(page), "Delete service").click();
  await page.waitForURL(`${origin}/ui/services`);
  await button(notice(page, "Café Two deleted."), "Undo").click();
  await page.waitForURL(`${origin}/ui/${service.name}`);
  await page.goto(`${origin}/ui/users?q=${encodeURIComponent("Ada Two")}`);
  await button(page, "Delete Ada Two").click();
  await button(dialog(page), "Delete user").click();
  await page.getByText("Nobody's name begins with “Ada Two”.").waitFor();
  await notice(page, "Ada Two deleted.").waitFor({ state: "detached" }); // its time is over
  for (const end = Date.now() + patience; (await named("users", "Ada Two")).length; ) assert.ok(Date.now() < end);
  assert.equal((await api("GET", `/${service.name}`)).ratingCount, "0");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("nothing is lost and nothing is done twice while the rating service is killed and comes back", async () => {
  const { page, context } = await open(browser);
  const { service } = await withService(page, "Three");
  await control("kill");
  await rate(page, 4, "Written while it was down.");
  await average(page, "4.0", 5_000); // at once, before the server has it
  await page.locator(".row.pending", { hasText: "Saving…" }).waitFor();
  await control("start");
  await page.locator(".row:not(.pending)", { hasText: "Written while it was down." }).waitFor();

  await control("kill");
  await rateAnew(page, 2);
  await average(page, "2.0", 5_000);
  await control("start");
  await dialog(page).waitFor({ state: "detached" });

  await button(page.locator(".panel"), "Delete your rating").click();
  await control("kill");
  await button(notice(page, "Your rating deleted."), "Undo").click();
  await average(page, "2.0", 5_000);
  await control("start");
  const { ratings } = await api("GET", `/ratings?service=${encodeURIComponent(service.name)}`);
  assert.deepEqual(
    ratings.map(({ score, comment }) => ({ score, comment })),
    [{ score: 2, comment: "Written while it was down." }],
  );
  await context.close();
});

test("what is sent again after its answer was lost is done once", async () => {
  const { page, context } = await open(browser);
  await page.goto(`${origin}/ui/users?q=Lost`);
  const keys = new Set();
  await page.route("**/api/users", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    keys.add(await route.request().headerValue("idempotency-key"));
    await route.fetch(); // it acts
    await route.abort();
  });
  await button(page, "New user").click();
  await fill(page, { Name: "Lost Answer" });
  await button(dialog(page), "Create").click();
  await dialog(page).getByText("Nothing is lost: try again, and it happens once.").waitFor();
  await page.unroute("**/api/users");
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await button(dialog(page), "Try again").click();
  keys.add(await (await answered).request().headerValue("idempotency-key"));
  await dialog(page).waitFor({ state: "detached" });
  await page.getByText("1 user", { exact: true }).waitFor();
  assert.equal(keys.size, 1);
  assert.equal((await named("users", "Lost")).length, 1);
  await context.close();
});

test("what one tab does the other shows", async () => {
  const { page, context, complaints } = await open(browser);
  const { service } = await withService(page, "Four");
  const other = await context.newPage();
  const others = listen(other);
  await other.goto(`${origin}/ui/${service.name}`);
  await average(other, "–");
  await rate(page, 5);
  await average(other, "5.0");
  await button(other.locator(".panel"), "Edit your rating").waitFor();
  await become(other, "Grace Four");
  await page.locator(".acting", { hasText: "Grace Four" }).waitFor();
  await rate(other, 2);
  await average(page, "3.5");
  assert.deepEqual([...complaints, ...others], []);
  await context.close();
});

test("a change by somebody else is not overwritten unseen", async () => {
  const { page, context } = await open(browser);
  const { service } = await withService(page, "Five");
  await button(page, "Edit Café Five").click();
  await fill(page, { Description: "Tea too." });
  await api("PATCH", `/${service.name}?updateMask=displayName`, { displayName: "Café Five and a half" });
  await button(dialog(page), "Save").click();
  await dialog(page).getByText("Somebody has changed it meanwhile.").waitFor();
  await button(dialog(page), "Reload").click();
  await dialog(page).getByText("This is the newest version").waitFor();
  await button(dialog(page), "Save").click();
  await dialog(page).waitFor({ state: "detached" });
  const { displayName, description } = await api("GET", `/${service.name}`);
  assert.deepEqual({ displayName, description }, { displayName: "Café Five and a half", description: "Tea too." });
  await button(page, "Edit Café Five and a half").click();
  await fill(page, { Description: "" });
  await button(dialog(page), "Save").click();
  await dialog(page).waitFor({ state: "detached" });
  assert.equal((await api("GET", `/${service.name}`)).description, "");
  await context.close();
});

test("long lists come by pages and are searched", async () => {
  const { page, context, complaints } = await open(browser);
  for (let i = 0; i < 25; i++) await api("POST", "/services", { displayName: `Six ${String(i).padStart(2, "0")}` });
  await page.goto(`${origin}/ui/services?q=six`);
  await page.getByText("The first 20 services").waitFor();
  await button(page, "Load more").click();
  await page.getByText("25 services", { exact: true }).waitFor();
  await page.getByRole("searchbox").fill("six 2");
  await page.getByText("5 services", { exact: true }).waitFor();
  assert.equal(page.url(), `${origin}/ui/services?q=six%202`);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the API may be on another origin", async () => {
  const { page, context, complaints } = await open(browser);
  await page.goto(`${process.env.WEB_ELSEWHERE}/ui/users?q=Distant`);
  await create(page, "user", { Name: "Distant" });
  await button(page, "Edit Distant").click();
  await fill(page, { "E-mail": "distant@example.org" });
  await button(dialog(page), "Save").click();
  await page.getByText("distant@example.org").waitFor();
  await button(page, "Delete Distant").click();
  await page.getByText("Nobody's name begins with “Distant”.").waitFor();
  await page.goto("about:blank"); // the deletion goes out with the page
  for (const end = Date.now() + patience; (await named("users", "Distant")).length; ) assert.ok(Date.now() < end);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("who has signed in acts as the user whom they own", async () => {
  const { page, context, complaints } = await open(browser);
  const grace = await api("POST", "/users", { displayName: "Grace Signed" });
  const service = await api("POST", "/services", { displayName: "Café Signed" });
  const session = { signIn: true, signedIn: false, api: "/api" };
  await page.route("**/ui/auth/session", (route) => route.fulfill({ json: session }));
  await page.route("**/api/users/me", (route) => route.fulfill({ json: grace }));
  await page.goto(`${origin}/ui/${service.name}`);
  const back = encodeURIComponent(`/ui/${service.name}`);
  await page.locator(`.acting a[href="/ui/auth/login?return=${back}"]`, { hasText: "Sign in" }).waitFor();
  await page.locator(".panel a", { hasText: "Sign in to rate" }).waitFor();
  assert.equal(await page.getByRole("button", { name: /Edit|Delete|New|Rate/ }).count(), 0);

  Object.assign(session, { signedIn: true, subject: "1", name: "Grace" });
  await page.reload();
  await rate(page, 3);
  await average(page, "3.0");
  await page.locator(".row:not(.pending)").waitFor();
  const { ratings } = await api("GET", `/ratings?service=${encodeURIComponent(service.name)}`);
  assert.deepEqual(
    ratings.map(({ user }) => user),
    [grace.name],
  );

  await page.route("**/ui/auth/logout", (route) => route.fulfill({ json: { location: "/ui/users" } }));
  await button(page, "Sign out").click();
  await page.waitForURL(`${origin}/ui/users`);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the keyboard is enough, and the focus is where one looks", async () => {
  const { page, context, complaints } = await open(browser);
  await api("POST", "/services", { displayName: "Seven" });
  await page.goto(`${origin}/ui/users`);
  const focused = (text) => page.waitForFunction((want) => document.activeElement?.textContent?.startsWith(want), text);
  await page.keyboard.press("Tab");
  await focused("Skip to the content");
  for (let i = 0; i < 2; i++) await page.keyboard.press("Tab");
  await focused("Services");
  await page.keyboard.press("Enter");
  await focused("Services");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  assert.equal(await page.title(), "Services · Rating");
  await page.keyboard.press("Tab");
  await focused("New service");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor();
  await page.keyboard.type("Seven B");
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  await focused("New service");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor();
  await page.keyboard.type("Seven B");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor({ state: "detached" });
  await focused("New service");
  await notice(page, "Seven B created.").waitFor();
  await page.goto(`${origin}/ui/services?q=Seven`);
  await button(page, "Delete Seven B").focus();
  await page.keyboard.press("Enter");
  await focused("Undo");
  await page.keyboard.press("Enter");
  await button(page, "Delete Seven B").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});
