// node login.mjs <base> <folder for screenshots> <token>: logs in to a dashboard that wants a token. Exits with 0 if all
// is well.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { MERCHANT, Sim, by } from "./support.mjs";

const [base, shots, token] = process.argv.slice(2);
mkdirSync(shots, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sim = new Sim(base, "desktop", shots, axe);
const context = await sim.open();
context.setDefaultTimeout(20_000);
const page = await context.newPage();
const live = page.locator("[data-testid=stream][data-state=live]");

await page.goto(`${base}/_sim/`);
await by(page, "token").fill("wrong");
await by(page, "login").click();
await page.getByRole("alert").getByText("the token is not the one of --control-token").waitFor();
assert.deepEqual(await context.cookies(), [], "a wrong token gets no cookie");
assert.equal(await live.count(), 0, "nothing is told without the token");
await sim.look(page, "dashboard-login");

await by(page, "token").fill(token);
await by(page, "login").click();
await page.locator("#login").waitFor({ state: "detached" });
const [cookie] = await context.cookies();
assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Strict", "/"]);
assert.ok(!cookie.value.includes(token) && !page.url().includes(token), "the token itself is kept nowhere");
await live.waitFor();
await sim.register("CREDIT_DEBIT", { txId: "told-live" });
await page.locator(".list li a").filter({ hasText: "told-live" }).waitFor();

// It lasts: a page that is loaded again asks for nothing.
await page.reload();
await live.waitFor();
await page.locator(".list li a").filter({ hasText: "told-live" }).waitFor();
assert.equal(await page.locator("#login").count(), 0);
await context.close();
sim.complaints = sim.complaints.filter((complaint) => !/status of 401/.test(complaint));
await sim.close();
console.log("ok   logged in");
