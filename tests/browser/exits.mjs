// node exits.mjs <gateway> <folder for screenshots>, with the test cards as JSON on the standard input: leaves every
// page by every exit, for a merchant whose payers return to an app. A third argument chooses exits by a part of their
// name. Exits with 0 if all is well.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { MERCHANT, OTP, Sim, by, openShop, typeCard } from "./support.mjs";

const [base, shots, only] = process.argv.slice(2);
const cards = JSON.parse(readFileSync(0, "utf8"));
mkdirSync(shots, { recursive: true });
const sim = new Sim(base, "phone", shots);
const shop = await openShop();
const card = (number) => cards.find((row) => row.number === number);
const frictionless = card("4111111111111111");
const challenge = card("4012001037141112");
const declined = card("4000000000009995");

const APPS = ["myapp://payment/done", "intent://done#Intent;scheme=myapp;package=com.example;end", "exp://127.0.0.1:19000/--/done"];
/** How merchants send their payers into an app: their own page redirects, or the return URL is the app's. */
const WAYS = {
  "by the shop's redirect": (app) => `${shop.url}/hop?to=${encodeURIComponent(app)}`,
  directly: (app) => app,
};
const otp = async (page, right = OTP) => {
  await by(page, "otp").fill(right);
  await by(page, "otp-submit").click();
};
const acs = async (page, right = OTP) => {
  await by(page, "acs-otp").fill(right);
  await by(page, "acs-submit").click();
};
const app = async (page, act = "pay") => {
  const [opened] = await Promise.all([page.context().waitForEvent("page"), by(page, "open-app").click()]);
  await by(opened, "app-passcode").fill("123456");
  await by(opened, `app-${act}`).click();
  await by(opened, "app-said").waitFor();
};
const order = (method, more) => async (page, urls) => {
  const { checkoutUrl } = await sim.register(method, { ...urls, ...more });
  await page.goto(checkoutUrl);
};
const saved = (method, number) => async (page, urls) => {
  const clientId = `exits-${method}-${(sim.orders += 1)}`;
  const { bindingId } = await sim.call("/pg/binding/register", {
    ...MERCHANT, clientId, paymentMethod: method, wdlAcNo: number, payonPin: "1234", pin: "123456",
  });
  await order(method, { clientId })(page, urls);
  await by(page, `binding-${bindingId}`).click();
  await by(page, "passcode").fill("123456");
  await by(page, "pay").click();
};
const addCard = async (page, urls) => {
  await page.goto(sim.link("/pg/checkout/card", { ...MERCHANT, clientId: `exits-${(sim.orders += 1)}`, phone: "855964444781", ...urls }));
};
const verifyCard = async (page, right) => {
  await by(page, "otp").fill(right);
  await by(page, "passcode").fill("135790");
  await by(page, "otp-submit").click();
};
const emailed = async (page) => by(page, "otp-channel-email").click();

/** Each exit: how to get to a page, and what is done there. */
const exits = {
  "a paid card": [order("CREDIT_DEBIT"), (page) => typeCard(page, frictionless)],
  "a card after its challenge": [order("CREDIT_DEBIT"), async (page) => { await typeCard(page, challenge); await acs(page); }],
  "a challenge that is left": [order("CREDIT_DEBIT"), async (page) => { await typeCard(page, challenge); await by(page, "acs-cancel").click(); }],
  "a challenge that fails": [order("CREDIT_DEBIT"), async (page) => {
    await typeCard(page, challenge);
    for (let tries = 0; tries < 3; tries += 1) await acs(page, "111111");
  }],
  "a declined card": [order("CREDIT_DEBIT"), (page) => typeCard(page, declined)],
  "a payment that is cancelled": [order("CREDIT_DEBIT"), (page) => by(page, "cancel").click()],
  "a reservation": [order("CREDIT_DEBIT", { trt: "12" }), (page) => typeCard(page, frictionless)],
  "a PAYON card": [order("PAYON"), async (page) => { await typeCard(page, card("1010499900000048")); await emailed(page); await otp(page); }],
  "a PAYON card's code, cancelled": [order("PAYON"), async (page) => { await typeCard(page, card("1010499900000048")); await emailed(page); await by(page, "cancel").click(); }],
  "a PAYON card's code, thrice wrong": [order("PAYON"), async (page) => {
    await typeCard(page, card("1010499900000048"));
    await emailed(page);
    for (let tries = 0; tries < 3; tries += 1) await otp(page, "000000");
  }],
  "a saved PAYON card": [saved("PAYON", "1010499900000048"), async (page) => { await by(page, "otp-channel-sms").click(); await otp(page); }],
  "a saved card": [saved("CREDIT_DEBIT", "5204730000001003"), (page) => acs(page)],
  "a wallet that scans": [order("PAYON"), (page) => app(page)],
  "a bank's app": [order("BAKONG_KHQR"), (page) => app(page)],
  "a bank's app that declines": [order("BAKONG_KHQR"), (page) => app(page, "decline")],
  "PPCBank's app": [order("PPCBANK_TRANSFER"), (page) => app(page)],
  "a card that is saved": [addCard, async (page) => { await typeCard(page, card("5204730000001003")); await verifyCard(page, OTP); }],
  "saving a card, cancelled": [addCard, (page) => by(page, "cancel").click()],
  "saving a card, cancelled at the code": [addCard, async (page) => { await typeCard(page, card("5204730000001003")); await by(page, "cancel").click(); }],
  "saving a card, the code thrice wrong": [addCard, async (page) => {
    await typeCard(page, card("5204730000001003"));
    for (let tries = 0; tries < 3; tries += 1) await verifyCard(page, "000000");
  }],
};

const context = await sim.open();
context.setDefaultTimeout(10_000);
/** Runs one flow in a page of its own. */
async function run(name, flow, within = context) {
  const [page, begun] = [await within.newPage(), Date.now()];
  try {
    await flow(page);
    console.log(`ok   ${name}, ${Date.now() - begun} ms`);
  } catch (error) {
    await page.screenshot({ path: `${shots}/exits-failed.png` }).catch(() => {});
    console.log(`FAIL ${name} at ${page.url()}\n${error.stack}`);
    process.exitCode = 1;
  }
  await page.close();
}
/** Does `act` and waits until the browser opens the app; the place that the last redirect named. */
async function opens(page, app, act) {
  const opened = page.waitForEvent("request", (request) => request.url().startsWith(app.split("#")[0]));
  opened.catch(() => {});
  await act();
  const redirect = await (await opened).redirectedFrom().response();
  return new URL(redirect.headers().location);
}

/** Presses what the browser's own question, whether to open the app, keeps the mouse away from. */
const press = (page, id) => by(page, id).evaluate((element) => element.click());

let turn = 0;
for (const [way, returnTo] of Object.entries(WAYS)) {
  for (const [name, [begin, leave]] of Object.entries(exits)) {
    const app = APPS[(turn += 1) % APPS.length];
    const url = returnTo(app);
    if (only && !`${name}, ${way}`.includes(only)) continue;
    await run(`${name}, ${way}`, async (page) => {
      const landed = await opens(page, app, async () => {
        await begin(page, { success_url: url, fail_url: url, cancel_url: url });
        await leave(page);
      });
      if (way !== "directly") return;
      assert.match(landed.searchParams.get("resultCode"), /^\d{4}$/, landed.href);
      assert.equal(landed.hash, new URL(url).hash, "the fragment stays at the end");
    });
  }
}

await run("the button works again, and shows how it ended", async (page) => {
  const url = WAYS["by the shop's redirect"](APPS[0]);
  await opens(page, APPS[0], async () => {
    await order("CREDIT_DEBIT")(page, { success_url: url });
    await typeCard(page, frictionless);
  });
  await page.waitForTimeout(3100);
  await press(page, "pay");
  await by(page, "result").waitFor();
  await opens(page, APPS[0], () => press(page, "return-to-merchant"));
});

await run("who comes back from the app sees how it ended", async (page) => {
  await opens(page, "myapp:done", async () => {
    await order("CREDIT_DEBIT")(page, { success_url: "myapp:done" });
    await typeCard(page, frictionless);
  });
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await by(page, "result").waitFor();
});

await run("a QR page that stays offers the way", async (page) => {
  await opens(page, "myapp:", async () => {
    await order("BAKONG_KHQR")(page, { success_url: "myapp://done" });
    await app(page);
  });
  await opens(page, "myapp:", () => press(page, "return-to-merchant"));
});

const scriptless = await sim.open({ javaScriptEnabled: false });
scriptless.setDefaultTimeout(10_000);
await run("a challenge without JavaScript", async (page) => {
  const url = WAYS["by the shop's redirect"](APPS[1]);
  await opens(page, APPS[1], async () => {
    await order("CREDIT_DEBIT")(page, { success_url: url });
    await typeCard(page, challenge);
    await acs(page);
    await by(page, "acs-continue").click();
  });
}, scriptless);

// Where no return URL was named, forms may end on our own pages only, and the browser holds them to it.
await run("no way out without a return URL", async (page) => {
  await order("CREDIT_DEBIT")(page, {});
  await page.evaluate((url) => {
    const form = document.querySelector("form");
    form.action = url;
    form.submit();
  }, `${shop.url}/elsewhere`);
  await page.waitForTimeout(200);
  assert.ok(page.url().startsWith(base), page.url());
  sim.complaints = sim.complaints.filter((complaint) => !/form-action/.test(complaint));
});

shop.close();
await context.close();
await scriptless.close();
// Browsers open an app only for a payer who presses something; a page that only follows the order then offers its link.
sim.complaints = sim.complaints.filter((complaint) => !/because a user gesture is required/.test(complaint));
await sim.close();
