// node run.mjs <gateway> <desktop|phone> <folder for screenshots>, with the test cards as JSON on
// the standard input: goes through every flow as a payer does. Exits with 0 if all is well.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { MERCHANT, OTP, Sim, by, openShop, typeCard } from "./support.mjs";

const [base, device, shots] = process.argv.slice(2);
const cards = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(shots, { recursive: true });

const sim = new Sim(base, device, shots, axe);
const shop = await openShop();
const urls = { success_url: `${shop.url}/ok?cart=7`, fail_url: `${shop.url}/no`, cancel_url: `${shop.url}/gone` };
const card = (number) => cards.find((row) => row.number === number);
const challenge = card("4012001037141112");

const state = (page) => by(page, "result").getAttribute("data-state");
const reason = (page) => by(page, "result").getAttribute("data-reason");
const returned = async (page, path) => {
  await page.waitForURL(`${shop.url}${path}*`);
  return new URL(page.url()).searchParams;
};

const flows = {
  async "a card with a challenge, typed key by key"(page) {
    const { checkoutUrl, txId } = await sim.register("CREDIT_DEBIT", urls);
    await page.goto(checkoutUrl);
    await sim.look(page, "card");
    await by(page, "method-CREDIT_DEBIT").click();
    await by(page, "card-number").pressSequentially(challenge.number);
    assert.equal(await by(page, "card-number").inputValue(), "4012 0010 3714 1112");
    assert.equal(await page.locator("[data-scheme]").textContent(), "Visa");
    await page.keyboard.press("Tab");
    await page.keyboard.type("1227");
    assert.equal(await by(page, "card-expiry").inputValue(), "12/27");
    await page.keyboard.press("Tab");
    await page.keyboard.type("207");
    await page.keyboard.press("Tab");
    await page.keyboard.type("SOK DARA");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "pay");
    await page.keyboard.press("Enter");
    await by(page, "acs-otp").waitFor();
    await sim.look(page, "acs");
    await by(page, "acs-otp").fill("111111");
    await by(page, "acs-submit").click();
    await by(page, "notice").waitFor();
    await sim.look(page, "acs-wrong");
    await by(page, "acs-otp").fill(OTP);
    await by(page, "acs-submit").click();
    const result = await returned(page, "/ok");
    assert.deepEqual([result.get("cart"), result.get("txId"), result.get("resultCode")], ["7", txId, "0000"]);
    await page.goBack();
    await page.goto(checkoutUrl);
    assert.equal(await state(page), "succeeded");
    await sim.look(page, "paid");
    await by(page, "return-to-merchant").click();
    await returned(page, "/ok");
  },

  async "what is wrong is said beside the field"(page) {
    const { checkoutUrl } = await sim.register("CREDIT_DEBIT");
    await page.goto(checkoutUrl);
    await by(page, "pay").click();
    await page.locator("#card-number-problem").waitFor();
    await by(page, "card-number").fill("4000 0000 0000 0010");
    await by(page, "card-expiry").fill("1330");
    await by(page, "pay").click();
    await page.getByText("not a test card").waitFor();
    await sim.look(page, "card-errors");
  },

  async "the tester fills the form with one click"(page) {
    const { checkoutUrl } = await sim.register("CREDIT_DEBIT");
    await page.goto(checkoutUrl);
    await by(page, "panel").locator("summary").click();
    await sim.look(page, "panel");
    await by(page, "fill-4111111111111111").click();
    assert.equal(await by(page, "card-number").inputValue(), "4111 1111 1111 1111");
    await by(page, "pay").click();
    assert.equal(await state(page), "succeeded");
  },

  async "a PAYON card with a code by e-mail"(page) {
    const { checkoutUrl } = await sim.register("PAYON");
    await page.goto(checkoutUrl);
    await sim.look(page, "payon");
    await typeCard(page, { ...card("1010499900000048"), pin: "0000" });
    await by(page, "notice").waitFor();
    await typeCard(page, card("1010499900000048"));
    await sim.look(page, "otp-channel");
    await by(page, "otp-channel-email").click();
    await sim.look(page, "otp");
    await by(page, "otp").fill("000000");
    await by(page, "otp-submit").click();
    await by(page, "notice").waitFor();
    await by(page, "otp-resend").click();
    await by(page, "otp").fill(OTP);
    await by(page, "otp-submit").click();
    assert.equal(await state(page), "succeeded");
  },

  async "the PAYON wallet scans, and the page follows"(page, context) {
    const { checkoutUrl } = await sim.register("PAYON", urls);
    await page.goto(checkoutUrl);
    assert.equal(await by(page, "qr-state").getAttribute("data-state"), "shown");
    const app = await context.newPage();
    await app.goto(`${base}/_sim/app`);
    await sim.look(app, "app");
    await by(app, "app-code").fill(await by(page, "khqr").getAttribute("data-payload"));
    await by(app, "app-scan").click();
    await by(app, "app-pay").waitFor();
    await sim.look(app, "app-order");
    await page.locator("[data-testid=qr-state][data-state=scanned]").waitFor();
    await sim.look(page, "qr-scanned");
    await by(app, "app-passcode").fill("123456");
    await by(app, "app-pay").click();
    assert.equal(await by(app, "app-said").getAttribute("data-reason"), "success");
    await returned(page, "/ok");
    await app.close();
  },

  async "a KHQR in riel follows the three reports of a bank's app"(page) {
    const order = { currency: "KHR", amount: "1234000" };
    const { checkoutUrl, txId, khqr } = await sim.register("BAKONG_KHQR", order);
    await page.goto(checkoutUrl);
    await sim.look(page, "khqr");
    assert.equal(await by(page, "khqr").getAttribute("data-payload"), khqr);
    const report = { ...MERCHANT, txId, amount: order.amount };
    for (const [path, expected] of [["/pg/notifyqrscanned", "scanned"], ["/pg/notifyprocessingpayment", "processing"]]) {
      assert.equal((await sim.call(path, report)).resultCode, "0000");
      await page.locator(`[data-testid=qr-state][data-state=${expected}]`).waitFor();
    }
    await sim.look(page, "khqr-processing");
    await sim.call("/pg/notifycompletionpayment", {
      RESULT_CODE: "9999", RESULT_MSG: "ERROR", MC_ID: MERCHANT.merchantId, TERM_ID: MERCHANT.termId,
      TX_ID: txId, AMOUNT: order.amount, APPROVAL_DATE: "24112020114701", APPROVAL_NO: "123456", CURRENCY: "KHR",
    });
    await by(page, "result").waitFor();
    assert.equal(await reason(page), "qr.declined");
    await sim.look(page, "khqr-failed");
  },

  async "the pretend app errs in every way"(page) {
    const cases = [["decline", "success", "failed"], ["wrong-amount", "amount.mismatch", "shown"],
      ["twice", "order.already-paid", "captured"], ["late", "qr.late", "expired"]];
    for (const [act, expected, after] of cases) {
      const { checkoutUrl } = await sim.register("BAKONG_KHQR");
      await page.goto(checkoutUrl.replace("/pg/checkout", "/_sim/app"));
      await by(page, "app-passcode").fill("123456");
      await by(page, `app-${act}`).click();
      assert.equal(await by(page, "app-said").getAttribute("data-reason"), expected);
      assert.equal(await by(page, "app-state").getAttribute("data-state"), after);
      if (act === "late") {
        await page.goto(checkoutUrl);
        assert.equal(await state(page), "expired");
        await sim.look(page, "expired");
      }
    }
  },

  async "PPCBank's app is opened and pays"(page, context) {
    const { checkoutUrl } = await sim.register("PPCBANK_TRANSFER", urls);
    await page.goto(checkoutUrl);
    await sim.look(page, "ppcbank");
    const [app] = await Promise.all([context.waitForEvent("page"), by(page, "open-app").click()]);
    await by(app, "app-passcode").fill("123456");
    await by(app, "app-pay").click();
    await returned(page, "/ok");
    await app.close();
  },

  async "saved cards of both kinds"(page) {
    for (const [method, number] of [["PAYON", "1010499900000048"], ["CREDIT_DEBIT", "5204730000001003"]]) {
      const clientId = `saved-${device}`;
      const { bindingId } = await sim.call("/pg/binding/register", {
        ...MERCHANT, clientId, paymentMethod: method, wdlAcNo: number, payonPin: "1234", pin: "123456",
      });
      const { checkoutUrl } = await sim.register(method, { clientId });
      await page.goto(checkoutUrl);
      await sim.look(page, `saved-${method}`);
      await by(page, `binding-${bindingId}`).click();
      await sim.look(page, "passcode");
      await by(page, "passcode").fill("000000");
      await by(page, "pay").click();
      await by(page, "notice").waitFor();
      await by(page, "passcode").fill("123456");
      await by(page, "pay").click();
      if (method === "PAYON") {
        await by(page, "otp-channel-sms").click();
        await by(page, "otp").fill(OTP);
        await by(page, "otp-submit").click();
      } else {
        await by(page, "acs-otp").fill(OTP);
        await by(page, "acs-submit").click();
      }
      await by(page, "result").waitFor();
      assert.equal(await state(page), "succeeded");
    }
  },

  async "a card is saved without a payment"(page) {
    const client = { ...MERCHANT, clientId: `add-${device}`, phone: "855964444781" };
    await page.goto(sim.link("/pg/checkout/card", client));
    await sim.look(page, "add-card");
    await typeCard(page, card("5204730000001003"));
    await sim.look(page, "add-card-verify");
    await by(page, "otp").fill(OTP);
    await by(page, "passcode").fill("135790");
    await by(page, "otp-submit").click();
    assert.equal(await state(page), "succeeded");
    await sim.look(page, "add-card-done");
    const { resultData } = await sim.call("/pg/bindingList", client);
    assert.equal(resultData.length, 1);
  },

  async "an encrypted link, and one that was tampered with"(page) {
    const order = { ...MERCHANT, txId: `link-${device}`, trt: "10", currency: "USD", amount: "3", paymentMethod: "CREDIT_DEBIT" };
    const link = sim.link("/pg/checkout", order);
    await page.goto(link);
    await typeCard(page, card("4111111111111111"));
    assert.equal(await state(page), "succeeded");
    await page.goto(link);
    assert.equal(await by(page, "error").getAttribute("data-reason"), "order.already-paid");
    await sim.look(page, "link-paid");
    await page.goto(link.slice(0, -6) + "AAAAAA");
    assert.equal(await by(page, "error").getAttribute("data-reason"), "link.invalid");
    await sim.look(page, "link-invalid");
    await page.goto(`${base}/pg/checkout/nothing`);
    await sim.look(page, "unknown");
  },

  async "giving up, reloading, going back, two tabs, a double click"(page, context) {
    let order = await sim.register("CREDIT_DEBIT", urls);
    await page.goto(order.checkoutUrl);
    await by(page, "cancel").click();
    await returned(page, "/gone");
    await page.goto(order.checkoutUrl);
    assert.equal(await state(page), "cancelled");
    await sim.look(page, "cancelled");

    order = await sim.register("CREDIT_DEBIT");
    await page.goto(order.checkoutUrl);
    const tab = await context.newPage();
    await tab.goto(order.checkoutUrl);
    await typeCard(page, card("4111111111111111"));
    assert.equal(await state(page), "succeeded");
    await page.reload();
    assert.equal(await state(page), "succeeded");
    await typeCard(tab, card("4000000000002701"));
    await by(tab, "notice").waitFor();
    assert.equal(await state(tab), "succeeded");
    await sim.look(tab, "paid-in-another-tab");
    await tab.close();
    await page.goBack();
    if (await by(page, "pay").isVisible()) {
      await typeCard(page, card("4111111111111111"));
      await by(page, "result").waitFor();
    }

    order = await sim.register("CREDIT_DEBIT");
    await page.goto(order.checkoutUrl);
    await by(page, "card-number").fill("4111111111111111");
    await by(page, "card-expiry").fill("1230");
    await by(page, "card-cvv").fill("123");
    await by(page, "pay").dblclick({ noWaitAfter: true });
    await by(page, "result").waitFor();
    assert.equal(await state(page), "succeeded");
  },

  async "Khmer, a long name, riel with thousands"(page) {
    const order = { currency: "KHR", amount: "98765000", txId: `INV-2026-${device}-0000000000000000000001` };
    const { checkoutUrl } = await sim.register("BAKONG_KHQR", order);
    await page.goto(`${checkoutUrl}?lang=km`);
    assert.equal(await page.locator("html").getAttribute("lang"), "km");
    await sim.look(page, "km-khqr");
    const long = { merchantId: "EPAY00000000001", termId: "PAYONGT1", amount: "1234567.89" };
    const next = await sim.register("CREDIT_DEBIT", long);
    await page.goto(next.checkoutUrl);
    await sim.look(page, "long-name");
    await page.locator(".languages a[lang=km]").click();
    await sim.look(page, "km-card");
    await typeCard(page, challenge);
    await by(page, "acs-otp").waitFor();
    await sim.look(page, "km-acs");
    await by(page, "acs-otp").fill(OTP);
    await by(page, "acs-submit").click();
    await by(page, "result").waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "km");
    await sim.look(page, "km-paid");
  },

  async "every test card"(page) {
    for (const row of cards) {
      const payon = row.scheme === "payon";
      const { checkoutUrl } = await sim.register(payon ? "PAYON" : "CREDIT_DEBIT");
      await page.goto(checkoutUrl);
      await typeCard(page, row);
      if (payon) {
        await by(page, "otp-channel-sms").click();
        await by(page, "otp").fill(OTP);
        await by(page, "otp-submit").click();
      }
      if (row.authentication === "challenge") {
        await by(page, "acs-otp").fill(OTP);
        await by(page, "acs-submit").click();
      } else if (row.authentication === "wrong-otp") {
        for (let tries = 0; tries < 3; tries += 1) {
          await by(page, "acs-otp").fill(OTP);
          await by(page, "acs-submit").click();
        }
      } else if (row.authentication === "abandoned") {
        await by(page, "acs-cancel").click();
      } else if (row.authentication === "slow") {
        await by(page, "acs-wait").waitFor();
        await sim.look(page, "acs-slow");
      }
      await by(page, "result").waitFor();
      assert.equal(await reason(page), row.outcome, row.about);
      if (["card.insufficient-funds", "issuer.timeout", "acs.abandoned"].includes(row.outcome)) {
        await sim.look(page, `result-${row.outcome}`);
      }
    }
  },
};

const withoutScript = {
  async "a card, with a challenge and without one"(page) {
    for (const number of [challenge.number, "4000000000002701"]) {
      const { checkoutUrl } = await sim.register("CREDIT_DEBIT", urls);
      await page.goto(checkoutUrl);
      await typeCard(page, card(number));
      if (number === challenge.number) {
        await by(page, "acs-otp").fill(OTP);
        await by(page, "acs-submit").click();
      }
      await by(page, "acs-continue").click();
      await returned(page, "/ok");
    }
  },

  async "a QR that is paid meanwhile"(page) {
    const { checkoutUrl, txId } = await sim.register("BAKONG_KHQR");
    await page.goto(checkoutUrl);
    await sim.call("/pg/notifyqrscanned", { ...MERCHANT, txId, amount: "12.50" });
    await page.locator("[data-testid=qr-state][data-state=scanned]").waitFor();
  },
};

for (const [options, list] of [[{}, flows], [{ javaScriptEnabled: false }, withoutScript]]) {
  for (const [name, flow] of Object.entries(list)) {
    const context = await sim.open(options);
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const [said, begun] = [sim.axe, Date.now()];
    if (options.javaScriptEnabled === false) sim.axe = null;
    try {
      await flow(page, context);
      console.log(`ok   ${device}: ${name}, ${Date.now() - begun} ms`);
    } catch (error) {
      await page.screenshot({ path: `${shots}/${device}-failed.png`, fullPage: true }).catch(() => {});
      console.log(`FAIL ${device}: ${name} at ${page.url()}\n${error.stack}`);
      process.exitCode = 1;
    }
    sim.axe = said;
    await context.close();
  }
}
shop.close();
await sim.close();
