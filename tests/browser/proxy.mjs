// node proxy.mjs <folder for screenshots> <payon-sim>, with the test cards as JSON on the standard input: starts a
// gateway behind a proxy that shows it below a path, and uses it through the proxy only. Exits with 0 if all is well.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, existsSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OTP, Sim, by, openShop, typeCard } from "./support.mjs";

const [shots, program] = process.argv.slice(2);
const cards = JSON.parse(readFileSync(0, "utf8"));
mkdirSync(shots, { recursive: true });
const challenge = cards.find((row) => row.number === "4012001037141112");
const PATH = "/payon";

for (const strips of [true, false]) {
  let port = 0;
  const missed = [];
  const proxy = createServer((request, response) => {
    if (!request.url.startsWith(`${PATH}/`)) {
      missed.push(`${request.method} ${request.url}`);
      return response.writeHead(404).end("proxy: no such location");
    }
    const path = strips ? request.url.slice(PATH.length) : request.url;
    const through = ask({ port, host: "127.0.0.1", method: request.method, path, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    through.on("error", () => response.destroy());
    response.on("close", () => through.destroy());
    request.pipe(through);
  });
  await new Promise((ready) => proxy.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${proxy.address().port}`;
  const base = `${origin}${PATH}`;
  const ready = join(mkdtempSync(join(tmpdir(), "payon-sim-")), "ready.json");
  const gateway = spawn(program, ["--port", "0", "--quiet", "--ready-file", ready, "--public-url", base], { stdio: "ignore" });
  try {
    while (!existsSync(ready)) await new Promise((soon) => setTimeout(soon, 20));
    port = new URL(JSON.parse(readFileSync(ready, "utf8")).url).port;
    await use(base, strips);
    assert.deepEqual(missed.filter((line) => !line.endsWith("/favicon.ico")), []);
    console.log(`ok   a proxy that ${strips ? "takes" : "leaves"} the path`);
  } finally {
    gateway.kill();
    proxy.close();
    proxy.closeAllConnections();
  }
}

async function use(base, strips) {
  const sim = new Sim(base, "desktop", shots);
  const shop = await openShop();
  const context = await sim.open({ acceptDownloads: true });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const urls = { success_url: `${shop.url}/ok` };

  // 3-D Secure, from the link to the shop.
  const { checkoutUrl } = await sim.register("CREDIT_DEBIT", urls);
  assert.ok(checkoutUrl.startsWith(`${base}/pg/checkout/`), checkoutUrl);
  await page.goto(checkoutUrl);
  const brand = await by(page, "pay").evaluate((button) => getComputedStyle(button).backgroundColor);
  assert.notEqual(brand, "rgb(239, 239, 239)", "the style sheet is there");
  assert.ok(await page.locator(".mark img").evaluate((image) => image.complete && image.naturalWidth > 0), "the icon is there");
  await page.locator(".languages a[lang=km]").click();
  await page.locator(".languages a[lang=en]").click();
  await by(page, "panel").locator("summary").click();
  await by(page, `fill-${challenge.number}`).click();
  assert.equal(await page.locator("[data-scheme]").textContent(), "Visa", "the script is there");
  await by(page, "pay").click();
  await by(page, "acs-otp").fill("111111");
  await by(page, "acs-submit").click();
  await by(page, "notice").waitFor();
  await by(page, "acs-otp").fill(OTP);
  await by(page, "acs-submit").click();
  await page.waitForURL(`${shop.url}/ok*`);
  await page.goto(checkoutUrl);
  await by(page, "return-to-merchant").click();
  await page.waitForURL(`${shop.url}/ok*`);

  // An encrypted link, a slow issuer, giving up.
  const order = { merchantId: "C0000143", termId: "CT03000003", txId: "linked", trt: "10", currency: "USD", amount: "3", paymentMethod: "CREDIT_DEBIT" };
  await page.goto(sim.link("/pg/checkout", order));
  assert.ok(page.url().startsWith(`${base}/pg/checkout/`), page.url());
  await typeCard(page, cards.find((row) => row.authentication === "slow"));
  await by(page, "result").waitFor();
  await page.goto((await sim.register("CREDIT_DEBIT")).checkoutUrl);
  await by(page, "cancel").click();
  await by(page, "result").waitFor();

  // The pretend app, opened from the page and scanning.
  await page.goto((await sim.register("BAKONG_KHQR", urls)).checkoutUrl);
  const code = await by(page, "khqr").getAttribute("data-payload");
  const [app] = await Promise.all([context.waitForEvent("page"), by(page, "open-app").click()]);
  await app.getByText("Scan another code").click();
  await by(app, "app-order").first().waitFor();
  await by(app, "app-code").fill(`${code.slice(0, 40)}\n${code.slice(40)}`);
  await by(app, "app-scan").click();
  await by(app, "app-passcode").fill("123456");
  await by(app, "app-pay").click();
  await by(app, "app-said").waitFor();
  await page.waitForURL(`${shop.url}/ok*`);
  await app.close();
  const ppcbank = await sim.register("PPCBANK_TRANSFER");
  await page.goto(ppcbank.checkoutUrl);
  assert.ok((await by(page, "khqr").getAttribute("data-payload")).startsWith(`${base}/_sim/app/`));

  // The dashboard, also without the slash at its end, and that of a space.
  await page.goto(`${base}/_sim`);
  await page.locator("[data-testid=stream][data-state=live]").waitFor();
  assert.equal(page.url(), `${base}/_sim/`);
  await page.locator(".list li a").filter({ hasText: "linked" }).click();
  await by(page, "timeline").getByText("register: success").or(by(page, "timeline").locator("li")).first().waitFor();
  const link = page.getByRole("link", { name: "the payer's page" });
  assert.ok((await link.getAttribute("href")).startsWith(`${base}/pg/checkout/`));
  await by(page, "space-menu").locator("summary").click();
  await by(page, "new-space").click();
  await by(page, "space-name").fill("behind");
  await by(page, "make-space").click();
  const [gatewayUrl] = await by(page, "new-space-dialog").locator("code").allTextContents();
  assert.equal(gatewayUrl, `${base}/space/behind`, "what is pasted into the shop's settings works");
  await by(page, "go-to-space").click();
  await page.waitForURL(`${base}/space/behind/_sim/`);
  await by(page, "first-order").click();
  await page.locator(".list li a").filter({ hasText: "first-order-1" }).click();
  await by(page, "pay").click();
  await page.locator(".list li a").getByText("captured").waitFor();
  const answer = await fetch(`${gatewayUrl}/pg/order/register`, { method: "POST", body: "{}" });
  assert.notEqual(answer.status, 404);
  assert.match((await answer.json()).resultMsg, /merchantId/);
  await by(page, "tab-space").click();
  await page.getByRole("link", { name: "as OpenAPI" }).waitFor();
  await page.goto(await page.getByRole("link", { name: "The pretend app" }).evaluate((link) => link.href));
  await by(page, "app-code").waitFor();
  await sim.picture(page, `proxy-${strips ? "strips" : "keeps"}`);
  shop.close();
  await context.close();
  await sim.close();
}
