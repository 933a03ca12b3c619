// node foreign.mjs <base> <token or nothing>: a page of another site, opened by somebody who has the dashboard open, tries
// to read the control plane and to change something there. Exits with 0 if it gets nothing and changes nothing.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Sim, by } from "./support.mjs";

const [base, token] = process.argv.slice(2);
const control = `${base}/_sim/v1`;
const headers = token ? { authorization: `Bearer ${token}` } : {};
const ask = async (path) => (await fetch(`${control}/${path}`, { headers })).json();

/** Everything that a foreign page could have changed. */
const state = async () => {
  const [spaces, rules, orders, clock, snapshots] = await Promise.all(
    ["spaces", "rules", "orders", "clock", "snapshots"].map(ask));
  return JSON.stringify({ spaces: spaces.spaces.map(({ name }) => name), rules, orders, frozen: clock.frozen, snapshots });
};

/** What the page tries. Each attempt says what it got, or "nothing". */
const attempts = async ({ control, dashboard }) => {
  const got = {};
  const soon = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 3000, "nothing"))]);
  const readable = async (call) => { try { return `${(await call()).type} answer`; } catch { return "nothing"; } };
  const frame = (name) => new Promise((done) => {
    const frame = Object.assign(document.createElement("iframe"), { name, onload: () => done(frame) });
    document.body.append(frame);
  });
  const element = (tag, src) => new Promise((done) => {
    const made = Object.assign(document.createElement(tag), { src, onload: () => done("loaded"), onerror: () => done("nothing") });
    document.body.append(made);
  });

  const post = (path, body, more) => fetch(`${control}/${path}`, { method: "POST", body, credentials: "include", ...more });
  const plain = { headers: { "content-type": "text/plain" } };
  got["simple post"] = await readable(() => post("clock", '{"freeze":true}', plain));
  got["json post"] = await readable(() => post("spaces", '{"name":"json"}', { headers: { "content-type": "application/json" } }));
  got["put"] = await readable(() => fetch(`${control}/rules`, { method: "PUT", body: "[]", credentials: "include" }));
  got["delete"] = await readable(() => fetch(`${control}/rules`, { method: "DELETE", credentials: "include" }));
  got["get"] = await readable(() => fetch(`${control}/orders`, { credentials: "include" }));
  // Such an answer can be had, yet not looked into; what counts is what it did.
  await post("clock", '{"freeze":true}', { mode: "no-cors" }).catch(() => {});
  await post("spaces", '{"name":"no-cors"}', { mode: "no-cors", referrerPolicy: "no-referrer" }).catch(() => {});
  navigator.sendBeacon(`${control}/reset`, "{}");

  for (const [name, path, text] of [["form", "spaces", '{"name":"form","x":"'], ["reset", "reset", '{"x":"']]) {
    const target = await frame(name);
    const form = Object.assign(document.createElement("form"), { method: "post", action: `${control}/${path}`, enctype: "text/plain", target: name });
    form.append(Object.assign(document.createElement("input"), { name: text, value: '"}' }));
    document.body.append(form);
    const done = new Promise((done) => { target.onload = done; });
    form.submit();
    await soon(done);
  }

  got["image"] = await soon(element("img", `${control}/orders`));
  got["script"] = await soon(element("script", `${control}/journal`));
  got["script of the dashboard"] = await soon(element("script", `${dashboard}assets/x/main.js`));
  got["stream"] = await soon(new Promise((done) => {
    const source = new EventSource(`${control}/events?after=0`, { withCredentials: true });
    source.onopen = () => done("opened");
    source.onmessage = () => done("told");
    source.onerror = () => { source.close(); done("nothing"); };
  }));
  const shown = await frame("dashboard");
  shown.src = dashboard;
  await soon(new Promise((done) => { shown.onload = done; }));
  return got;
};

const page = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><html lang=en><title>Foreign</title><link rel=icon href=data:,><body>");
});
await new Promise((ready) => page.listen(0, "127.0.0.1", ready));
const port = page.address().port;
const sim = new Sim(base, "desktop");
const context = await sim.open();
context.setDefaultTimeout(20_000);

// Its people are logged in, and one of them has frozen nothing, armed a rule and made an order.
const own = await context.newPage();
await own.goto(`${base}/_sim/`);
if (token) {
  await by(own, "token").fill(token);
  await by(own, "login").click();
}
await own.locator("[data-testid=stream][data-state=live]").waitFor();
const before = await state();

// The same site on another port, and another site altogether.
for (const origin of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
  const foreign = await context.newPage();
  await foreign.goto(origin);
  const got = await foreign.evaluate(attempts, { control, dashboard: `${base}/_sim/` });
  for (const [what, found] of Object.entries(got)) assert.equal(found, "nothing", `${what} from ${origin}`);
  for (const frame of foreign.frames().filter((frame) => frame !== foreign.mainFrame() && frame.name())) {
    const text = await frame.evaluate(() => document.body.innerText).catch(() => "");
    assert.ok(!/payon-sim|txId|Register/.test(text) || frame.name() !== "dashboard", `the dashboard is in a frame: ${text}`);
  }
  assert.equal(await state(), before, `changed from ${origin}`);
  console.log(`ok   ${origin} got nothing and changed nothing`);
  await foreign.close();
}
page.close();
page.closeAllConnections();
await context.close();
await sim.browser.close();
