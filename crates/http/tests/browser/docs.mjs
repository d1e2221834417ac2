// Looks at the API reference in a real Chromium, on a phone and on a desktop, light and
// dark. Told on standard input as JSON: {chromium, modules, base, pictures?}; answers with
// {faults: [text], seen: [name], routes: [operation id]}, the routes as the page shows them.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const told = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(`${told.modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const SCREENS = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };
const PATIENCE_MS = 60000;

const faults = [];
const seen = [];
const routes = new Set();

async function open(browser, more, name) {
  const context = await browser.newContext(more);
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`${name}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`${name}: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(told.base)) faults.push(`${name}: asked ${request.url()}`);
  });
  return page;
}

// Each described operation has its section, with a title, a sample and a link to it.
async function sections(page, name) {
  const found = await page.evaluate(async () => {
    const description = await (await fetch("/openapi.json")).json();
    const missing = [];
    const ids = [];
    for (const item of Object.values(description.paths)) {
      for (const operation of Object.values(item)) {
        const article = document.getElementById(operation.operationId);
        const link = document.querySelector(`nav a[href="#${operation.operationId}"]`);
        const title = article && article.querySelector("h3").textContent === operation.summary;
        const painted = article && article.querySelectorAll(".sample").length === 2;
        if (title && painted && link) ids.push(operation.operationId);
        else missing.push(operation.operationId);
      }
    }
    const drawn = [...document.querySelectorAll("article.route")].map((one) => one.id);
    const undrawn = [...document.querySelectorAll(".undrawn")].map((one) => one.id);
    const extra = drawn.filter((id) => !ids.includes(id));
    return { ids, missing, extra, undrawn, text: document.body.innerText };
  });
  for (const kind of ["missing", "extra", "undrawn"]) {
    if (found[kind].length) faults.push(`${name}: ${kind}: ${found[kind].join(", ")}`);
  }
  for (const words of ["could not be", "undefined", "[object", "NaN"]) {
    if (found.text.includes(words)) faults.push(`${name}: the page says ${words}`);
  }
  for (const id of found.ids) routes.add(id);
}

async function judge(page, name) {
  const found = await page.evaluate(`${axe}; axe.run({resultTypes: ["violations"]})`);
  for (const violation of found.violations) {
    const nodes = violation.nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`);
    faults.push(`${name}: axe ${violation.impact} ${violation.id}: ${nodes.join("; ")}`);
  }
  const fits = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  if (!fits) faults.push(`${name}: wider than the screen`);
}

async function lookAtAll(browser) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    for (const colorScheme of ["light", "dark"]) {
      const name = `docs-${screen}-${colorScheme}`;
      const page = await open(browser, { viewport, colorScheme }, name);
      await page.goto(`${told.base}/docs`);
      await page.locator("article.route").first().waitFor();
      await sections(page, name);
      await judge(page, name);
      if (told.pictures) await page.screenshot({ path: `${told.pictures}/${name}.png`, fullPage: true });
      await page.context().close();
      seen.push(name);
    }
  }
}

// What is typed beside the examples appears in all of them, and the search hides the others.
async function used(browser) {
  const page = await open(browser, { viewport: SCREENS.desktop }, "used");
  await page.goto(`${told.base}/docs`);
  await page.getByLabel("X-User-ID").fill("ben-7");
  await page.locator(".curl", { hasText: "X-User-ID: ben-7" }).first().waitFor();
  await page.locator("#find").fill("sos/cancel");
  const left = await page.locator("article.route:visible").count();
  if (left !== 1) faults.push(`used: the search leaves ${left} routes`);
  await page.context().close();
  seen.push("used");
}

// A route that cannot be drawn says so and leaves the others alone.
async function broken(browser) {
  const page = await open(browser, { viewport: SCREENS.desktop }, "broken");
  page.removeAllListeners("console");
  await page.route("**/openapi.json", async (route) => {
    const answer = await route.fetch();
    const description = await answer.json();
    description.paths["/v1/sdk/sos"].post.parameters = [null];
    await route.fulfill({ response: answer, json: description });
  });
  await page.goto(`${told.base}/docs`);
  await page.locator(".undrawn").waitFor();
  const whole = await page.locator("article.route:not(.undrawn)").count();
  const without = await page.locator(".undrawn").count();
  if (without !== 1 || whole < 40) faults.push(`broken: ${without} undrawn, ${whole} whole`);
  await page.context().close();
  seen.push("broken");
}

const browser = await chromium.launch({
  executablePath: told.chromium,
  timeout: PATIENCE_MS,
  // Root in a container has no sandbox to give; the page is our own.
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  await lookAtAll(browser);
  await used(browser);
  await broken(browser);
} catch (error) {
  faults.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ faults, seen, routes: [...routes] }));
