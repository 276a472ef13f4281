// What a person does with the app's pages.
import { patience } from "./chromium.js";

export const button = (within, name) => within.getByRole("button", { name });
export const dialog = (page) => page.getByRole("dialog");
export const notice = (page, text) => page.locator(".notice", { hasText: text });

export async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) await dialog(page).getByLabel(label).fill(value);
}

export async function create(page, kind, values) {
  await button(page, `New ${kind}`).click();
  await fill(page, values);
  await button(dialog(page), "Create").click();
  await dialog(page).waitFor({ state: "detached" });
}

export async function rate(page, score, comment = "") {
  const form = page.locator(".panel form");
  await form.getByRole("radio", { name: String(score) }).check();
  await form.getByLabel("Comment").fill(comment);
  await button(form, "Rate").click();
}

export async function rateAnew(page, score) {
  await button(page.locator(".panel"), "Edit your rating").click();
  await dialog(page)
    .getByRole("radio", { name: String(score) })
    .check();
  await button(dialog(page), "Save").click();
}

/** Waits until the average is a text, within some ms. */
export const average = (page, text, timeout = patience) =>
  page.locator(".average-number", { hasText: new RegExp(`^${text.replace(".", "\\.")}$`) }).waitFor({ timeout });
