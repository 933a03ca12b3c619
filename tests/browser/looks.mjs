// node looks.mjs <gateway> <folder for screenshots>, with the test cards as JSON on the standard input: every kind of
// page in two languages, light and dark, on a desktop, a phone and 320 px, and what a payer expects to see there. Every
// check is made and every failure is told. Exits with 0 if all is well.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { DEVICES, MERCHANT, Sim, by, typeCard } from "./support.mjs";

const [base, shots] = process.argv.slice(2);
const cards = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(shots, { recursive: true });
const PAGE_BYTES = 60 * 1024;
const SCREENS = { ...DEVICES, narrow: { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true } };
const KHMER = /[\u1780-\u17ff]/;
const challenge = cards.find((row) => row.number === "4012001037141112");
const paying = cards.find((row) => row.number === "4111111111111111");
const sim = new Sim(base, "looks", shots);

const checkout = async (page, lang, method, more) => {
  const { checkoutUrl } = await sim.register(method, more);
  await page.goto(`${checkoutUrl}?lang=${lang}`);
  return checkoutUrl;
};
const link = (lang) => `${sim.link("/pg/checkout/card", { ...MERCHANT, clientId: `looks-${sim.orders += 1}` })}&lang=${lang}`;
const app = (url, lang) => `${url.replace("/pg/checkout", "/_sim/app")}?lang=${lang}`;

/** Every kind of page, by the way that leads there. */
const pages = {
  card: (page, lang) => checkout(page, lang, "CREDIT_DEBIT"),
  payon: (page, lang) => checkout(page, lang, "PAYON"),
  khqr: (page, lang) => checkout(page, lang, "BAKONG_KHQR", { currency: "KHR", amount: "50000" }),
  ppcbank: (page, lang) => checkout(page, lang, "PPCBANK_TRANSFER"),
  async panel(page, lang) {
    await checkout(page, lang, "CREDIT_DEBIT");
    await by(page, "panel").locator("summary").click();
  },
  async refused(page, lang) {
    await checkout(page, lang, "CREDIT_DEBIT");
    await by(page, "pay").click();
    await page.locator("#card-cvv-problem").waitFor();
  },
  async challenge(page, lang) {
    await checkout(page, lang, "CREDIT_DEBIT");
    await typeCard(page, challenge);
    await by(page, "acs-otp").waitFor();
  },
  async code(page, lang) {
    await checkout(page, lang, "PAYON");
    await typeCard(page, cards.find((row) => row.number === "1010499900000048"));
    await by(page, "otp-channel-sms").click();
    await by(page, "otp").waitFor();
  },
  async paid(page, lang) {
    await checkout(page, lang, "CREDIT_DEBIT");
    await typeCard(page, paying);
    await by(page, "result").waitFor();
  },
  async cancelled(page, lang) {
    await checkout(page, lang, "CREDIT_DEBIT");
    await by(page, "cancel").click();
    await by(page, "result").waitFor();
  },
  "add-card": (page, lang) => page.goto(link(lang)),
  async app(page, lang) {
    await sim.register("PAYON");
    await page.goto(`${base}/_sim/app?lang=${lang}`);
  },
  async "app-order"(page, lang) {
    const { checkoutUrl } = await sim.register("PAYON");
    await page.goto(app(checkoutUrl, lang));
  },
};

const failures = [];
const check = async (name, act) => {
  try {
    await act();
  } catch (error) {
    failures.push(name);
    console.log(`FAIL ${name}\n${error.stack}`);
  }
};

for (const [screen, options] of Object.entries(SCREENS)) {
  for (const lang of ["en", "km"]) {
    // Width has to do with no colour: 320 px are looked at once.
    const narrow = screen === "narrow";
    for (const colorScheme of narrow ? ["light"] : ["light", "dark"]) {
      const context = await sim.open({ ...options, colorScheme });
      context.setDefaultTimeout(15_000);
      for (const [name, go] of Object.entries(pages)) {
        const page = await context.newPage();
        await check(`${name} ${screen} ${lang} ${colorScheme}`, async () => {
          await go(page, lang);
          await sim.picture(page, `${name}-${screen}-${lang}-${colorScheme}`);
          assert.equal(await page.locator("html").getAttribute("lang"), lang);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(wide <= 0, `${wide} px wider than the screen`);
          if (narrow) return;
          await page.evaluate(axe);
          const { violations } = await page.evaluate(() => axe.run(document, {
            runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
          }));
          const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ").slice(0, 300)}`);
          assert.deepEqual(said, []);
        });
        await page.close();
      }
      await context.close();
    }
  }
}

const contexts = {};
for (const [screen, options] of Object.entries(SCREENS)) {
  contexts[screen] = await sim.open(options);
  contexts[screen].setDefaultTimeout(5_000);
}
const on = (screen, name, act) => check(`${name}, ${screen}`, async () => {
  const page = await contexts[screen].newPage();
  await act(page).finally(() => page.close());
});
const box = (locator) => locator.evaluate((element) => element.getBoundingClientRect().toJSON());
const style = (locator, property, pseudo) => locator.evaluate(
  (element, [property, pseudo]) => getComputedStyle(element, pseudo)[property], [property, pseudo]);
const above = async (first, second) => (await box(first)).bottom <= (await box(second)).top;

for (const name of ["payon", "card", "app-order"]) {
  await on("desktop", `${name} with all it loads is small`, async (page) => {
    await pages[name](page, "km");
    const sizes = await page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .map((entry) => entry.decodedBodySize));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(sizes.length >= 3 && bytes <= PAGE_BYTES, `${sizes}: ${bytes} bytes`);
  });
}

for (const [currency, amount, shown] of [["USD", "12.50", "12.50 USD"], ["KHR", "50000", "50,000 KHR"]]) {
  await on("desktop", `a KHQR card in ${currency}`, async (page) => {
    await checkout(page, "en", "BAKONG_KHQR", { currency, amount });
    const card = by(page, "khqr");
    const head = card.locator(".head");
    assert.equal(await head.textContent(), "KHQR");
    const [red, green, blue] = (await style(head, "backgroundColor")).match(/\d+/g).map(Number);
    assert.ok(red > 200 && green < 80 && blue < 80, "its head is red");
    assert.match(await card.textContent(), /Phnom Penh Demo Store/);
    assert.ok((await card.textContent()).replace(/\u00a0/g, " ").includes(shown));
    assert.equal((await by(page, "amount").locator("strong").textContent()).replace(/\u00a0/g, " "), shown);
    // The mark is in the middle of the code.
    const [code, mark] = [await box(card.locator("svg")), await box(card.locator("svg g circle").first())];
    for (const [start, end] of [["left", "right"], ["top", "bottom"]]) {
      assert.ok(Math.abs(code[start] + code[end] - mark[start] - mark[end]) < 2, "the currency is in the middle");
    }
  });
}

await on("desktop", "PPCBank has a look of its own", async (page) => {
  await pages.ppcbank(page, "en");
  assert.equal(await by(page, "khqr").locator(".head").textContent(), "PPCBank");
  const [red, , blue] = (await style(by(page, "khqr").locator(".head"), "backgroundColor")).match(/\d+/g).map(Number);
  assert.ok(red < 100 && blue > 100);
  assert.equal(await by(page, "khqr").locator("svg").getAttribute("aria-label"), "PPCBank");
});

for (const method of ["BAKONG_KHQR", "PPCBANK_TRANSFER", "PAYON"]) {
  await on("phone", `the way into the app comes first, ${method}`, async (page) => {
    await checkout(page, "en", method);
    assert.ok(await above(by(page, "open-app"), by(page, "khqr")));
    const button = await box(by(page, "open-app"));
    assert.ok(button.bottom <= 844, `it is at ${button.bottom} px`);
  });
  await on("desktop", `the code comes first, ${method}`, async (page) => {
    await checkout(page, "en", method);
    assert.ok(await above(by(page, "khqr"), by(page, "open-app")));
  });
}

await on("phone", "the card form of a page with a code is one tap away", async (page) => {
  await pages.payon(page, "en");
  await page.getByRole("link", { name: "By card" }).click();
  const { top } = await box(by(page, "card-number"));
  assert.ok(top >= 0 && top < 500, `it is at ${top} px`);
});

await on("desktop", "a method that is the only one is no button", async (page) => {
  await pages.card(page, "en");
  const method = by(page, "method-CREDIT_DEBIT");
  assert.equal(await method.evaluate((element) => element.closest("h1, a, button").tagName), "H1");
  assert.equal(await style(method, "borderTopWidth"), "0px");
});

await on("desktop", "the button that pays fills its row", async (page) => {
  await pages.card(page, "en");
  assert.equal((await box(by(page, "pay"))).width, (await box(by(page, "card-number"))).width);
});

await on("desktop", "the brands are there from the start, and the typed one stands out", async (page) => {
  await pages.card(page, "en");
  const marks = page.locator("[data-brand] svg");
  assert.deepEqual(await marks.evaluateAll((all) => all.map((mark) => mark.getAttribute("aria-label"))), ["Visa", "Mastercard", "JCB", "UnionPay"]);
  assert.equal(await page.locator("[data-brand].other").count(), 0);
  await by(page, "card-number").pressSequentially("4111");
  assert.deepEqual(await page.locator("[data-brand]:not(.other)").evaluateAll((all) => all.map((mark) => mark.dataset.brand)), ["Visa"]);
  await pages.payon(page, "en");
  assert.deepEqual(await marks.evaluateAll((all) => all.map((mark) => mark.getAttribute("aria-label"))), ["PAYON"]);
});

await on("desktop", "a card to save is asked for what it has", async (page) => {
  await page.goto(link("en"));
  const asked = async () => [await by(page, "card-cvv").isVisible(), await by(page, "payon-pin").isVisible()];
  assert.deepEqual(await asked(), [true, false]);
  await by(page, "card-number").pressSequentially("101049");
  assert.deepEqual(await asked(), [false, true]);
  await by(page, "card-number").fill("5204");
  assert.deepEqual(await asked(), [true, false]);
  await by(page, "card-number").fill("1010499900000048");
  await by(page, "payon-pin").fill("12");
  await by(page, "pay").click();
  await page.locator("#payon-pin-problem").waitFor();
  assert.deepEqual(await asked(), [false, true], "also after it was refused");
  assert.equal(await page.evaluate(() => document.activeElement.id), "payon-pin");
});

await check("a card to save without scripts", async () => {
  const context = await sim.open({ ...SCREENS.phone, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(link("en"));
  assert.ok(await by(page, "card-cvv").isVisible() && await by(page, "payon-pin").isVisible());
  await context.close();
});

await on("desktop", "steps that were not reached are not ticked", async (page) => {
  await pages.cancelled(page, "en");
  assert.equal(await page.locator(".steps .past").count(), 0);
  assert.equal(await style(page.locator(".sign"), "content", "::before"), '"✕"');
  const expired = await checkout(page, "en", "BAKONG_KHQR");
  await page.goto(app(expired, "en"));
  await by(page, "app-passcode").fill("123456");
  await by(page, "app-late").click();
  await page.goto(expired);
  assert.equal(await by(page, "result").getAttribute("data-state"), "expired");
  assert.equal(await page.locator(".steps .past").count(), 0);
  await pages.paid(page, "en");
  assert.equal(await page.locator(".steps .past").count(), 2);
});

for (const screen of ["phone", "narrow", "desktop"]) {
  await on(screen, "the opened panel is in view, with its rows in groups", async (page) => {
    await pages.panel(page, "en");
    const [panel, { height }] = [await box(page.locator(".tester")), page.viewportSize()];
    assert.ok(panel.top >= 0 && panel.bottom <= height + 1, `from ${panel.top} to ${panel.bottom} of ${height}`);
    assert.ok((await box(by(page, "find-card"))).bottom <= height);
    assert.deepEqual(await page.locator("[data-group] h3").allTextContents(),
      ["Cards that pay", "Stopped by 3-D Secure", "The bank does not answer", "Declined by the bank"]);
  });
}

await on("phone", "a row of the panel is found by words", async (page) => {
  await pages.panel(page, "en");
  const rows = page.locator("[data-testid^=fill-]:visible");
  const all = await rows.count();
  assert.ok(all > 20, `${all} rows`);
  for (const [words, found] of [["funds", 1], ["declined expired", 1], ["4111111111111111", 1], ["stopped otp", 1], ["", all]]) {
    await by(page, "find-card").fill(words);
    assert.equal(await rows.count(), found, words);
  }
  await by(page, "find-card").fill("no such card");
  await page.getByText("No card fits these words.").waitFor();
  assert.equal(await page.locator("[data-group]:visible").count(), 0);
  await by(page, "find-card").fill("insufficient");
  await rows.click();
  assert.equal(await by(page, "card-number").inputValue(), "4000 0000 0000 9995");
});

await on("phone", "panel and app speak the page's language", async (page) => {
  await pages.panel(page, "km");
  for (const text of [by(page, "panel").locator("summary"), page.locator("[data-group] h3").first()]) assert.match(await text.textContent(), KHMER);
  await pages.khqr(page, "km");
  const [opened] = await Promise.all([page.context().waitForEvent("page"), by(page, "open-app").click()]);
  await opened.locator("html[lang=km]").waitFor();
  await by(opened, "app-passcode").fill("000000");
  await by(opened, "app-pay").click();
  assert.match(await by(opened, "app-said").textContent(), KHMER);
  assert.equal(await opened.locator("html").getAttribute("lang"), "km", "it stays so after a form");
  await by(opened, "app-passcode").fill("123456");
  await by(opened, "app-pay").click();
  assert.equal(await by(opened, "app-said").getAttribute("data-reason"), "success");
  assert.match(await opened.locator("h1").textContent(), KHMER);
  await opened.locator(".languages a[lang=en]").click();
  await opened.locator("html[lang=en]").waitFor();
  await opened.close();
});

for (const context of Object.values(contexts)) await context.close();
await sim.close();
assert.deepEqual(failures, []);
console.log("all is as a payer expects it");
