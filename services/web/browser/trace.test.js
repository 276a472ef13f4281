// The traces that a person's acts begin, in a real browser. What becomes of them is for the one who runs this test to see.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { api, launch, open, origin, patience } from "./chromium.js";
import { average, rate } from "./person.js";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const root = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/;

test("a rating is a trace that begins in the browser", async () => {
  const { page, context, complaints } = await open(browser);
  const ada = await api("POST", "/users", { displayName: "Ada" });
  const service = await api("POST", "/services", { displayName: "Café" });
  await page.addInitScript((name) => localStorage.setItem("rating.actingAs", name), ada.name);
  const calls = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/")) calls.push(request);
  });
  await page.goto(`${origin}/ui/${service.name}`);
  await page.locator(".panel form").waitFor();
  const opening = new Set(calls.map((call) => call.headers().traceparent));
  assert.equal(opening.size, 1, [...opening].join());
  const [first] = opening;
  assert.match(first, root);

  const rating = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/ratings"));
  await rate(page, 4, "Between us.");
  const { traceparent } = (await rating).headers();
  await average(page, "4.0");
  await page.locator(".row:not(.pending)", { hasText: "Between us." }).waitFor();
  const [, trace, span] = traceparent.match(root);
  assert.ok(!first.includes(trace), "the act of rating is not that of opening the page");
  const told = await fetch(process.env.WEB_TRACE, {
    method: "POST",
    body: JSON.stringify({ trace, span }),
    signal: AbortSignal.timeout(patience),
  });
  assert.equal(told.status, 204);
  assert.deepEqual(complaints, []);
  await context.close();
});
