// A browser whose every request and complaint is watched, a shop to return to, and short words for
// what a payer does.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { publicEncrypt, constants } from "node:crypto";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-features=OptimizationHints,Translate,MediaRouter"];

export const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
};

export const MERCHANT = { merchantId: "C0000143", termId: "CT03000003" };
export const OTP = "654321";

// The merchant's site: says what it was called with, and at /hop sends its payer on to the app in `to`.
export async function openShop() {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    if (request.url === "/favicon.ico") return response.writeHead(204).end();
    const to = new URL(request.url, "http://shop.test").searchParams.get("to");
    if (to) return response.writeHead(302, { location: to }).end();
    response.end("<!doctype html><html lang=en><title>Shop</title><link rel=icon href=data:,><p id=back>" +
      request.url.split("?")[0]);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

export class Sim {
  constructor(base, device, shots, axe) {
    Object.assign(this, { base, device, shots, axe, complaints: [], checked: new Set(), orders: 0 });
  }

  async open(options = {}) {
    this.browser ??= await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS,
    });
    const context = await this.browser.newContext({ ...DEVICES[this.device], locale: "en-US", ...options });
    context.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      // An app's address opens an app; nothing goes over the network.
      if (/^(https?|wss?):$/.test(protocol) && hostname !== "127.0.0.1") this.complaints.push(`left the machine: ${request.url()}`);
    });
    context.on("response", async (response) => {
      if (!response.url().startsWith(this.base) || response.status() === 303) return;
      const size = (await response.body().catch(() => "")).length;
      if (size > 100 * 1024) this.complaints.push(`${size} bytes: ${response.url()}`);
    });
    context.on("console", (message) => {
      // The browser logs every page with an error status; those that are meant to be are listed.
      const meant = /status of (400|403|404|410|422)/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !meant) {
        this.complaints.push(`console: ${message.text()} at ${message.location().url}`);
      }
    });
    context.on("weberror", (error) => this.complaints.push(`script: ${error.error()}`));
    return context;
  }

  async close() {
    await this.browser?.close();
    assert.deepEqual(this.complaints, []);
  }

  async call(path, body) {
    const answer = await fetch(this.base + path, { method: "POST", body: JSON.stringify(body) });
    return answer.json();
  }

  async register(method, more = {}) {
    this.orders += 1;
    const txId = more.txId ?? `${this.device}-${process.pid}-${this.orders}`;
    const order = { ...MERCHANT, trt: "10", currency: "USD", amount: "12.50", paymentMethod: method, ...more, txId };
    const { resultCode, resultMsg, resultData } = await this.call("/pg/order/register", order);
    assert.equal(resultCode, "0000", resultMsg);
    return resultData;
  }

  link(path, members) {
    const key = readFileSync(`${process.env.PGTEST}/gateway-public.pem`);
    const text = Buffer.from(JSON.stringify(members));
    const blocks = [];
    for (let at = 0; at < text.length; at += 100) {
      blocks.push(publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, text.subarray(at, at + 100)));
    }
    return `${this.base}${path}?merchantId=${members.merchantId}&data=${Buffer.concat(blocks).toString("base64url")}`;
  }

  // Chromium refuses a picture now and then, with nothing wrong with the page, and takes it when asked again.
  async picture(page, name, tries = 3) {
    try {
      await page.screenshot({ path: `${this.shots}/${this.device}-${name}.png`, fullPage: true });
    } catch (error) {
      if (tries <= 1 || !error.message.includes("Unable to capture screenshot")) throw error;
      await this.picture(page, name, tries - 1);
    }
  }

  // Notes how a kind of page looks, and lets axe look at it, once for each name.
  async look(page, name) {
    if (this.checked.has(name)) return;
    this.checked.add(name);
    await this.picture(page, name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} is ${wide} px wider than the screen`);
    if (!this.axe) return;
    await page.evaluate(this.axe);
    const found = await page.evaluate(() => axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }));
    for (const { id, impact, nodes } of found.violations) {
      if (this.strict || ["serious", "critical", "moderate"].includes(impact)) {
        this.complaints.push(`axe on ${name}: ${id} (${impact}) ${nodes.map((node) => node.html).join(" ").slice(0, 300)}`);
      }
    }
  }
}

export const by = (page, id) => page.getByTestId(id);

export async function typeCard(page, card) {
  await by(page, "card-number").fill(card.number);
  if (card.pin) await by(page, "payon-pin").fill(card.pin);
  if (card.cvv) {
    await by(page, "card-expiry").fill(`${card.expiry.slice(4)}${card.expiry.slice(2, 4)}`);
    await by(page, "card-cvv").fill(card.cvv);
    await by(page, "card-holder").fill(card.name);
  }
  await by(page, "pay").click();
}
