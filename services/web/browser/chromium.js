// Chromium as Debian has it, for the tests and the pictures of the app.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const args = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long anything in a page may take, in ms. It is more than the proxy's longest wait for a service. */
export const patience = 45_000;

/** Where the app is served, without a slash at the end. */
export const origin = process.env.WEB_ORIGIN ?? "http://localhost:8080";

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Chromium's own sandbox refuses root.
    args: process.getuid?.() === 0 ? [...args, "--no-sandbox"] : args,
  });

/** Opens a page whose complaints are kept: what it logs, throws, or was kept from by its policy. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  return { context, page, complaints: listen(page) };
}

/** Keeps the complaints of a page. */
export function listen(page) {
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return complaints;
}

/** Calls the API and returns its answer. */
export async function api(method, path, body) {
  const response = await fetch(`${origin}/api${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
    signal: AbortSignal.timeout(patience),
  });
  const answer = await response.json();
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
}
