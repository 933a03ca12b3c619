// node docs.mjs <base> <folder for screenshots> <page>...: reads the pages for readers. Exits with 0 if all is well.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Sim } from "./support.mjs";

const [base, shots, ...pages] = process.argv.slice(2);
/** Pages that are made by the program and longer than a reader would make them. */
const LONG = ["scenarios", "fidelity", "control-api"];
const PAGE_BYTES = 60 * 1024;
mkdirSync(shots, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sim = new Sim(`${base}/none`, "desktop", shots, axe);

for (const [name, options] of Object.entries({
  "light": { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  "narrow-dark": { viewport: { width: 320, height: 640 }, colorScheme: "dark" },
})) {
  const context = await sim.open(options);
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  for (const at of pages) {
    const answer = await page.goto(`${base}/_sim/docs/${at}`);
    assert.equal(answer.status(), 200, at);
    const size = (await answer.body()).length;
    assert.ok(size <= PAGE_BYTES || LONG.includes(at), `${at} has ${size} bytes`);
    await sim.look(page, `docs-${at || "contents"}-${name}`);
  }
  await context.close();
}

const context = await sim.open({ viewport: { width: 1280, height: 800 } });
context.setDefaultTimeout(20_000);
const page = await context.newPage();
await page.goto(`${base}/_sim/docs/`);
await page.keyboard.press("/");
await page.keyboard.type("system error 9999");
const first = page.locator("#results li a").first();
await first.getByText(/9999/).waitFor();
await sim.look(page, "docs-search");
await first.click();
await page.waitForURL(/status-9999/);
assert.equal(await page.locator("nav a[aria-current]").count(), 1);
await page.getByRole("link", { name: "Dashboard", exact: true }).click();
await page.waitForURL(`${base}/_sim/`);
await page.getByRole("link", { name: "Docs", exact: true }).click();
await page.waitForURL(`${base}/_sim/docs/`);
await context.close();

// Without scripts a search is a page of its own.
const plain = await sim.open({ javaScriptEnabled: false });
const still = await plain.newPage();
await still.goto(`${base}/_sim/docs/`);
await still.getByRole("searchbox").fill("push-back late");
await still.getByRole("button", { name: "Search" }).click();
await still.locator("#results li").first().waitFor();
await plain.close();
await sim.close();
console.log(`${pages.length} pages`);
