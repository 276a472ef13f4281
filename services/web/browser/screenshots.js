// Takes the pictures of docs/images: WEB_ORIGIN=… node browser/screenshots.js FOLDER
import path from "node:path";
import { launch, open, origin } from "./chromium.js";
import { seed } from "./seed.js";

const folder = process.argv[2];
if (!folder) throw new Error("usage: screenshots.js FOLDER");

const { user, service } = await seed();
const browser = await launch();
const pictures = [
  { file: "web-services.png", path: "/ui/services", colorScheme: "light", viewport: { width: 1000, height: 660 } },
  { file: "web-service.png", path: `/ui/${service}`, colorScheme: "light", viewport: { width: 1000, height: 860 } },
  { file: "web-phone.png", path: `/ui/${service}`, colorScheme: "dark", viewport: { width: 360, height: 760 } },
];
for (const { file, path: at, ...options } of pictures) {
  const { context, page } = await open(browser, options);
  await context.addInitScript((name) => localStorage.setItem("rating.actingAs", name), user);
  await page.goto(origin + at, { waitUntil: "networkidle" });
  await page.screenshot({ path: path.join(folder, file) });
  await context.close();
}
await browser.close();
