// node paste.mjs <gateway> <folder for screenshots>, with the test cards as JSON on the standard input: pastes card data
// and codes as people copy them, with JavaScript and without. Exits with 0 if all is well.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { MERCHANT, Sim, by } from "./support.mjs";

const [base, shots] = process.argv.slice(2);
const cards = JSON.parse(readFileSync(0, "utf8"));
mkdirSync(shots, { recursive: true });
const sim = new Sim(base, "phone", shots);
const card = cards.find((row) => row.number === "4111111111111111");
const year = card.expiry.slice(0, 4);
const month = card.expiry.slice(4);

/** Puts a text in as the clipboard does: at once, within what the field takes. */
const paste = async (page, id, text) => {
  await by(page, id).focus();
  await page.keyboard.insertText(text);
};
const card16 = (separator) => card.number.replace(/(\d{4})(?=\d)/g, `$1${separator}`);
const open = async (page) => page.goto((await sim.register("CREDIT_DEBIT")).checkoutUrl);
const pays = async (page, { number = card.number, expiry = `${month}/${year}`, cvv = card.cvv }) => {
  await open(page);
  await paste(page, "card-number", number);
  await paste(page, "card-expiry", expiry);
  await paste(page, "card-cvv", cvv);
  await by(page, "pay").click();
  await by(page, "result").waitFor();
  assert.equal(await by(page, "result").getAttribute("data-reason"), "success", JSON.stringify({ number, expiry, cvv }));
};

const expiries = [`${month} / ${year}`, `${year}${month}`, `${year}-${month}`, `${month}/${year.slice(2)}`, `${month}-${year}`,
  `${month}${year.slice(2)}`, `${month}${year}`, `${Number(month)}/${year.slice(2)}`, ` ${month}/${year} `];
const numbers = [card16("  "), card16("-"), card16("\u00a0"), ` ${card.number} `, card16(" - "), card16("\u2013"),
  card.number.replace(/\d/g, (digit) => String.fromCharCode(0x17e0 + Number(digit))),
  card.number.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))];
const codes = [` ${card.cvv}`, `${card.cvv} `, card.cvv.split("").join(" ")];

const context = await sim.open();
const scriptless = await sim.open({ javaScriptEnabled: false });
for (const [how, within] of [["with JavaScript", context], ["without JavaScript", scriptless]]) {
  within.setDefaultTimeout(10_000);
  const page = await within.newPage();
  for (const expiry of expiries) await pays(page, { expiry });
  for (const number of numbers) await pays(page, { number });
  for (const cvv of codes) await pays(page, { cvv });

  // What is too long or no number is kept, and refused beside its field, which then has the focus.
  for (const [id, text, kept] of [["card-number", `${card.number}999999999`, /^(\d ?){25}$/], ["card-number", "4111x1111", /x/],
    ["card-expiry", `${month}/20301`, /20301$/], ["card-expiry", "2030-13", /13/]]) {
    await open(page);
    await paste(page, id, text);
    assert.match(await by(page, id).inputValue(), kept, `${text} ${how}`);
    await by(page, "pay").click();
    await page.locator(`#${id}-problem`).waitFor();
    assert.match(await by(page, id).inputValue(), kept, `${text} is shown again ${how}`);
    assert.match(await page.title(), /^Error: /);
    const focused = await page.evaluate(() => [document.activeElement.id, document.querySelector("[aria-invalid]").id]);
    assert.deepEqual(focused, [focused[1], focused[1]], "the first wrong field has the focus");
  }

  await page.goto((await sim.register("PAYON")).checkoutUrl);
  await paste(page, "card-number", "1010-4999-0000-0048");
  await paste(page, "payon-pin", " 1 2 3 4 ");
  await by(page, "pay").click();
  await by(page, "otp-channel-sms").click();
  await paste(page, "otp", "000 000");
  await by(page, "otp-submit").click();
  await by(page, "notice").waitFor();
  assert.match(await page.title(), /^Error: /);
  await paste(page, "otp", "654 321");
  await by(page, "otp-submit").click();
  await by(page, "result").waitFor();
  assert.equal(await by(page, "result").getAttribute("data-reason"), "success");
  assert.ok(!(await page.title()).includes("Error"));

  const clientId = `paste-${how.length}`;
  await page.goto(sim.link("/pg/checkout/card", { ...MERCHANT, clientId }));
  await paste(page, "card-number", "5204-7300-0000-1003");
  await paste(page, "card-expiry", "2025-12");
  await paste(page, "card-cvv", "1 00");
  await paste(page, "phone", "x");
  await by(page, "pay").click();
  await page.locator("#phone-problem").waitFor();
  await by(page, "card-cvv").fill(" 100 ");
  await by(page, "phone").fill("+855 (96) 444-4781");
  await by(page, "pay").click();
  await paste(page, "otp", "654-321");
  await paste(page, "passcode", "13 57 90");
  await by(page, "otp-submit").click();
  await by(page, "result").waitFor();
  assert.equal(await by(page, "result").getAttribute("data-state"), "succeeded");
  const { resultData } = await sim.call("/pg/bindingList", { ...MERCHANT, clientId });
  assert.equal(resultData.length, 1);

  await page.goto((await sim.register("CREDIT_DEBIT", { clientId })).checkoutUrl);
  await page.locator("[data-testid^=binding-]").click();
  await paste(page, "passcode", " 135 790");
  await by(page, "pay").click();
  await paste(page, "acs-otp", "654 321");
  await by(page, "acs-submit").click();
  if (within === scriptless) await by(page, "acs-continue").click();
  await by(page, "result").waitFor();
  assert.equal(await by(page, "result").getAttribute("data-state"), "succeeded");
  console.log(`ok   ${how}`);
}

// Key by key, as before.
const page = await context.newPage();
await open(page);
for (const [typed, shown] of [["1227", "12/27"], ["122027", "12/2027"], ["203012", "12/2030"], ["1/30", "01/30"], ["12/30", "12/30"], ["2030-12", "12/2030"]]) {
  await by(page, "card-expiry").fill("");
  await by(page, "card-expiry").pressSequentially(typed);
  assert.equal(await by(page, "card-expiry").inputValue(), shown, typed);
}
await by(page, "card-number").pressSequentially("411111111111");
await page.keyboard.press("Home");
await page.keyboard.press("ArrowRight");
await page.keyboard.type("2");
assert.equal(await by(page, "card-number").inputValue(), "4211 1111 1111 1");
assert.equal(await by(page, "card-number").evaluate((input) => input.selectionStart), 2, "the caret stays");

// Text at twice the size fits a small phone.
const small = await sim.open({ viewport: { width: 360, height: 740 } });
const big = await small.newPage();
for (const method of ["CREDIT_DEBIT", "PAYON", "BAKONG_KHQR"]) {
  await big.goto((await sim.register(method)).checkoutUrl);
  await big.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
  const wide = await big.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await sim.picture(big, `twice-${method}`);
  assert.ok(wide <= 0, `${method} is ${wide} px wider than the screen at twice the size`);
}
await sim.close();
