// Looks at pages in a real Chromium as contacts do: on a narrow phone, light and
// dark, with JavaScript and without. Told on standard input as JSON:
// {chromium, modules, base, pages: [[name, path]], pictures?, scenes?, ben?, eva?}; answers
// with {faults: [text], seen: [name]}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const told = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(`${told.modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// The smallest phones that are still in use, and the height of a short one.
const PHONE = { width: 320, height: 568 };
// WCAG 2.2, 2.5.5: a finger hits 44 pixels.
const FINGER = 44;
// Longer than a page takes that asks every 20 s, on a machine with much else to do.
const PATIENCE_MS = 60000;

const faults = [];
const seen = [];

async function open(browser, more, name) {
  const context = await browser.newContext({ viewport: PHONE, deviceScaleFactor: 2, ...more });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("console", (message) => {
    // A page that tells of an error is itself answered with one.
    const told = message.text().includes("the server responded with a status of 4");
    if (message.type() === "error" && !told) faults.push(`${name}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`${name}: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(told.base)) faults.push(`${name}: asked ${request.url()}`);
  });
  return page;
}

// What axe finds, what does not fit, and what a finger misses.
async function judge(page, name) {
  const found = await page.evaluate(`${axe}; axe.run({resultTypes: ["violations"]})`);
  for (const violation of found.violations) {
    const nodes = violation.nodes.map((node) => `${node.html} ${node.failureSummary}`);
    faults.push(`${name}: axe ${violation.impact} ${violation.id}: ${nodes.join("; ")}`);
  }
  const fits = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  if (!fits) faults.push(`${name}: wider than the phone`);
  const small = await page.$$eval(
    ".button, input:not([type=hidden])",
    (all, finger) =>
      all.filter((one) => one.getBoundingClientRect().height < finger).map((one) => one.outerHTML),
    FINGER,
  );
  for (const one of small) faults.push(`${name}: too small for a finger: ${one}`);
}

async function lookAtAll(browser) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, path] of told.pages) {
      const label = `${name}-${colorScheme}`;
      const page = await open(browser, { colorScheme }, label);
      await page.goto(told.base + path);
      await judge(page, label);
      if (told.pictures) {
        await page.screenshot({ path: `${told.pictures}/${label}.png`, fullPage: true });
      }
      seen.push(label);
      await page.context().close();
    }
  }
}

// The first action is on the first screen, without scrolling.
async function firstScreen(browser) {
  const page = await open(browser, {}, "first screen");
  await page.goto(told.base + told.ben);
  const box = await page.locator(".first").boundingBox();
  if (!box || box.y + box.height > PHONE.height) faults.push("the first action is below the fold");
  await page.context().close();
  seen.push("first-screen");
}

// Somebody answers on a phone without JavaScript; Ben's open page hears of it.
async function live(browser) {
  const ben = await open(browser, {}, "live");
  // It may come before the page is said to be loaded.
  const stream = ben.waitForResponse((answer) => answer.url().endsWith("/live"));
  await ben.goto(told.base + told.ben);
  const before = await ben.locator("[data-part=head]").innerText();
  const eva = await open(browser, { javaScriptEnabled: false }, "without JavaScript");
  await eva.goto(told.base + told.eva);
  if (!(await eva.content()).includes('http-equiv="refresh"')) faults.push("no refresh");
  await eva.locator(".first").click();
  await eva.fill("input[name=name]", "Eva Vidal");
  await eva.locator("button[type=submit]").click();
  await eva.waitForURL((url) => url.pathname === told.eva);
  if (!(await eva.locator(".state").innerText()).includes("You are on it")) {
    faults.push("the form without JavaScript answered nothing");
  }
  if ((await (await stream).headerValue("content-type")) !== "text/event-stream") {
    faults.push("the live stream is no event stream");
  }
  await ben.locator(".state", { hasText: "Eva Vidal" }).waitFor();
  if (before === (await ben.locator("[data-part=head]").innerText())) faults.push("not live");
  await judge(ben, "live");
  for (const page of [ben, eva]) await page.context().close();
  seen.push("live");
}

// A page that cannot reach us says so, and goes on when it can.
async function offline(browser) {
  const page = await open(browser, {}, "offline");
  await page.goto(told.base + told.ben);
  await page.route("**/*", (route) => route.abort());
  page.removeAllListeners("console");
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await page.locator("[data-offline]:visible").waitFor();
  await page.unroute("**/*");
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await page.locator("[data-offline]").waitFor({ state: "hidden" });
  await page.context().close();
  seen.push("offline");
}

const browser = await chromium.launch({
  executablePath: told.chromium,
  timeout: PATIENCE_MS,
  // Root in a container has no sandbox to give; the pages are our own.
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  await lookAtAll(browser);
  if (told.scenes) {
    await firstScreen(browser);
    await offline(browser);
    await live(browser);
  }
} catch (error) {
  faults.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ faults, seen }));
