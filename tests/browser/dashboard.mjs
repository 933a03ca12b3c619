// node dashboard.mjs <base> <folder for screenshots> <file for the saved scenario>: uses the dashboard as its people do.
// node dashboard.mjs <base> <folder for screenshots> --scroll <orders>: scrolls through a list of so many orders.
// Exits with 0 if all is well.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { sign } from "node:crypto";
import { Sim, by } from "./support.mjs";

const [base, shots, target, count] = process.argv.slice(2);
mkdirSync(shots, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sim = new Sim(base, "desktop", shots, axe);
sim.strict = true;
const context = await sim.open({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"] });
context.setDefaultTimeout(60_000);
const page = await context.newPage();
let home = "";

/** The merchant's end of push-backs; what comes to /broken is not taken until `mended`. */
let mended = false;
const notified = createServer((request, response) => {
  request.resume().on("end", () => {
    const broken = request.url === "/broken" && !mended;
    if (broken) response.writeHead(500, { "x-shop": "noti.php" });
    response.end(broken ? "Fatal error in noti.php" : '{"resultCode":"0000","resultMsg":"Success"}');
  });
});
await new Promise((ready) => notified.listen(0, "127.0.0.1", ready));
const merchantUrl = `http://127.0.0.1:${notified.address().port}`;
const noti_url = `${merchantUrl}/noti`;

let merchant;
const post = async (path, body) => (await fetch(home.replace("/_sim/", "") + path, { method: "POST", body: JSON.stringify(body) })).json();
const order = (txId, more = {}) => post("/pg/order/register", {
  merchantId: merchant.merchantId, termId: merchant.termId, txId, trt: "10", currency: "USD", amount: "12.50",
  paymentMethod: "CREDIT_DEBIT", noti_url, ...more,
});
/** The row of an order or a request. */
const row = (text, of = page) => of.locator(".list li a").filter({ hasText: text });
const rows = (number) => page.waitForFunction((number) =>
  document.querySelector(".count")?.textContent === `${number} in all`, number);
/** The page hears of what happens as it happens. */
const live = () => page.locator("[data-testid=stream][data-state=live]").waitFor();
const said = (text) => page.locator("#said").getByText(text).waitFor();

const flows = {
  async "the page is light, and there at once"() {
    const context = await sim.open({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    const network = await context.newCDPSession(page);
    await network.send("Network.enable");
    const [urls, sizes] = [new Map(), new Map()];
    network.on("Network.requestWillBeSent", ({ requestId, request }) => urls.set(requestId, new URL(request.url).pathname));
    network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(urls.get(requestId), encodedDataLength));
    await page.goto(`${base}/_sim/`);
    await by(page, "settings").waitFor();
    const ours = [...sizes].filter(([path]) => path === "/_sim/" || path.startsWith("/_sim/assets/"));
    const sent = ours.reduce((sum, [, size]) => sum + size, 0);
    const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const { interactive } = await page.evaluate(() => ({ interactive: performance.getEntriesByType("navigation")[0].domInteractive }));
    console.log(`the page: ${sent} bytes in ${ours.length} files, ${all} with what it asks for; interactive after ${interactive.toFixed(0)} ms`);
    assert.ok(ours.length > 15 && sent <= 60_000, `${sent} bytes: ${JSON.stringify(ours)}`);
    await context.close();
  },

  async "a new space gives all that is to be pasted"() {
    await page.goto(`${base}/`);
    await page.waitForURL(`${base}/_sim/`);
    await by(page, "welcome").getByText("Register a first order").waitFor();
    await by(page, "settings").waitFor();
    await sim.look(page, "dashboard-welcome");
    await by(page, "space-menu").locator("summary").click();
    await by(page, "new-space").click();
    await by(page, "space-name").fill("try-out");
    await by(page, "make-space").click();
    await by(page, "go-to-space").waitFor();
    await sim.look(page, "dashboard-new-space");
    const texts = await by(page, "new-space-dialog").locator("code").allTextContents();
    merchant = { merchantId: texts[1], termId: texts[2], key: texts[3] };
    home = texts[0] + "/_sim/";
    await by(page, "go-to-space").click();
    await page.waitForURL(home);
    await live();
    await by(page, "first-order").click();
    await row("first-order-1").waitFor();
  },

  async "orders appear as they come, and hostile names are text"() {
    await order("a-1");
    await row("a-1").waitFor();
    await order(`<img src=x onerror="window.bad=1">`);
    await row("<img src=x").click();
    assert.equal(await by(page, "tx-id").textContent(), `<img src=x onerror="window.bad=1">`);
    await by(page, "timeline").getByText("register: success").waitFor();
    await page.reload();
    await by(page, "timeline").getByText("register: success").waitFor();
    await live();
    await order("ការទិញ-១");
    await row("ការទិញ-១").waitFor();
    assert.deepEqual(await page.evaluate(() => [document.images.length, window.bad]), [0, undefined]);
    await by(page, "close").click();
  },

  async "search and filters stand in the address"() {
    await by(page, "search").fill("A-1");
    await page.waitForURL(/search=A-1/);
    await rows(1);
    await by(page, "state").selectOption("captured");
    await page.getByText("No order is like that").waitFor();
    await page.reload();
    await page.getByText("No order is like that").waitFor();
    assert.equal(await by(page, "search").inputValue(), "A-1");
    await by(page, "state").selectOption("registered");
    await rows(1);
    await by(page, "search").fill("");
    await by(page, "state").selectOption("");
    await rows(4);
  },

  async "an order is paid, told of, and told of again"() {
    await row("a-1").click();
    await by(page, "pay").click();
    await by(page, "timeline").getByText("push-back approved, attempt 1: acknowledged").waitFor();
    await row("a-1").getByText("captured").waitFor();
    await by(page, "resend").click();
    await by(page, "timeline").getByText("push-back approved, attempt 2: acknowledged").waitFor();
    await sim.look(page, "dashboard-order");
    await by(page, "timeline").getByText("pay (control): success").click();
    await page.waitForURL(/request=/);
    await by(page, "request").getByText("Push-backs that it caused").waitFor();
    await page.goBack();
    await by(page, "event").fill("day is");
    await by(page, "event").press("ArrowDown");
    await by(page, "event").press("Enter");
    assert.equal(await by(page, "event").inputValue(), "settle");
    await by(page, "trigger").click();
    await by(page, "order").getByText("settled", { exact: true }).or(by(page, "timeline").getByText("order settled")).first().waitFor();
  },

  async "an outcome is picked, and what cannot be paid is not"() {
    await order("declined-1");
    await row("declined-1").click();
    const outcome = by(page, "outcome");
    await outcome.fill("lacks funds");
    await page.getByRole("option", { name: "card.insufficient-funds" }).waitFor();
    await outcome.press("ArrowDown");
    assert.equal(await page.locator(`[id="${await outcome.getAttribute("aria-activedescendant")}"]`).getAttribute("aria-selected"), "true");
    await sim.look(page, "dashboard-picker");
    await outcome.press("Escape");
    assert.equal(await outcome.getAttribute("aria-expanded"), "false");
    assert.equal(await by(page, "order").count(), 1, "Escape closes the list alone");
    await outcome.press("ArrowDown");
    await outcome.fill("card.insuf");
    await page.getByRole("option", { name: "card.insufficient-funds" }).click();
    assert.equal(await outcome.inputValue(), "card.insufficient-funds");
    assert.equal(await outcome.getAttribute("aria-expanded"), "false", "the list closes when something is chosen");
    assert.equal(await by(page, "pay").getAttribute("aria-disabled"), null);
    await by(page, "pay").click();
    await by(page, "timeline").getByText("pay (control): card.insufficient-funds").waitFor();
    await page.locator('[data-testid=pay][aria-disabled="true"]').waitFor();
    const asked = [];
    const note = (request) => asked.push(new URL(request.url()).pathname);
    page.on("request", note);
    await by(page, "pay").click({ force: true });
    await page.waitForTimeout(300);
    page.off("request", note);
    assert.deepEqual(asked.filter((path) => path.endsWith("/pay")), [], "Pay is off");
    await by(page, "close").click();
  },

  async "the story of an order comes first, and fits a phone"() {
    await page.goto(`${home}?order=${merchant.merchantId}/a-1`);
    for (const [width, height] of [[1280, 800], [390, 844], [320, 640]]) {
      await page.setViewportSize({ width, height });
      await by(page, "timeline").getByText("register: success").waitFor();
      const tops = await page.evaluate(() => ["[data-testid=diagram]", "[data-testid=order-pushbacks]", "[data-testid=timeline]", ".steering", ".facts"]
        .map((name) => { const one = document.querySelector(`.detail ${name}`); return [...document.querySelectorAll(".detail *")].indexOf(one); }));
      assert.deepEqual(tops, [...tops].sort((a, b) => a - b));
      assert.ok(tops[0] > 0);
      const { over, drawn, room } = await page.evaluate(() => {
        const [svg, box] = [document.querySelector("[data-testid=diagram]"), document.querySelector(".drawing")];
        const edges = [...svg.querySelectorAll("text, rect")].map((one) => one.getBoundingClientRect());
        const { left, right } = box.getBoundingClientRect();
        return { over: edges.filter((one) => one.left < left - 1 || one.right > right + 1).length, drawn: svg.getBoundingClientRect().width, room: box.clientWidth };
      });
      assert.deepEqual([over, drawn <= room + 1], [0, true], `at ${width}`);
      const size = await page.evaluate(() => { const svg = document.querySelector("[data-testid=diagram]"); return 12 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width; });
      assert.ok(size >= 9, `its text has ${size.toFixed(1)} px at ${width}`);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await by(page, "close").click();
  },

  async "rows tell day, milliseconds and age"() {
    const told = await row("a-1").locator("time").textContent();
    assert.match(told, /^\d\d:\d\d:\d\d\.\d{3}\d{4}-\d\d-\d\d, (now|\d+ (s|min) ago)$/);
    const before = await row("a-1").locator("[data-age]").textContent();
    await fetch(`${home}v1/clock`, { method: "POST", body: '{"advance":"3h"}' });
    await row("a-1").getByText("3 h ago").waitFor();
    assert.doesNotMatch(before, /h ago/);
  },

  async "a push-back that fails is in sight, and is sent again"() {
    await page.goto(home);
    await live();
    assert.equal(await by(page, "attention").isVisible(), false);
    for (const txId of ["fails-1", "fails-2"]) {
      await order(txId, { noti_url: `${merchantUrl}/broken` });
      await post(`/_sim/v1/orders/${merchant.merchantId}/${txId}/pay`, {});
    }
    await by(page, "attention").getByText("2 push-backs fail").waitFor();
    await by(page, "attention").getByText("fails-2").waitFor();
    await row("fails-1").getByText("retrying").waitFor();
    await row("a-1").getByText("acknowledged").waitFor();
    await sim.look(page, "dashboard-failing");
    await by(page, "why-pushback").first().click();
    await by(page, "pushback").getByText("Fatal error in noti.php").first().waitFor();
    const line = await by(page, "attention").boundingBox();
    assert.ok(line.height <= 48, `${line.height} px while a push-back is read`);
    await by(page, "attempts").locator("summary").first().click();
    await by(page, "attempts").getByText("x-shop: noti.php").first().waitFor();
    await by(page, "sent").getByText('"txId": "fails-2"').waitFor();
    await page.reload();
    await by(page, "pushback").getByText("next attempt at").waitFor();
    await sim.look(page, "dashboard-pushback");
    // What was seen stays seen, in every form.
    await by(page, "seen").click();
    await by(page, "attention").waitFor({ state: "hidden" });
    await page.reload();
    await live();
    await by(page, "alarm").getByText("2").waitFor();
    await page.waitForTimeout(600);
    assert.equal(await by(page, "attention").isVisible(), false);
    await by(page, "alarm").click();
    await by(page, "attention").getByText("2 push-backs fail").waitFor();
    await by(page, "alarm").click();
    await by(page, "attention").waitFor({ state: "hidden" });
    // One is sent again from where it is read, all from the list.
    await page.goto(`${home}?tab=pushbacks`);
    await by(page, "state").selectOption("failing");
    await rows(2);
    await row("fails-1").click();
    const attempts = await by(page, "attempts").locator("> li").count();
    await by(page, "pushback").getByTestId("resend").click();
    await page.waitForFunction((count) => document.querySelectorAll("[data-testid=attempts] > li").length > count, attempts);
    mended = true;
    await by(page, "resend-all").click();
    await page.getByRole("dialog").getByRole("button", { name: "Resend" }).click();
    await page.getByText("No push-back is like that").waitFor();
    await by(page, "state").selectOption("acknowledged");
    await row("fails-1").getByText("acknowledged").waitFor();
    await by(page, "search").fill("/broken");
    await rows(2);
    await by(page, "alarm").waitFor({ state: "hidden" });
  },

  async "why no push-back comes is said where it is looked for"() {
    await page.goto(home);
    await order("misspelt", { noti_url: undefined, notiUrl: noti_url });
    await row("misspelt").getByText("none").waitFor();
    await row("misspelt").click();
    assert.equal(await by(page, "no-pushback").textContent(), "no push-back: the order has no noti_url and its merchant none");
    await by(page, "findings").getByText("did you mean `noti_url`").waitFor();
    await by(page, "close").click();
  },

  async "the private key is copied"() {
    await by(page, "tab-space").click();
    await by(page, `copy-key-${merchant.merchantId}`).click();
    await said("copied").catch(() => {});
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), merchant.key);
    assert.ok(!(await by(page, "settings").textContent()).includes(merchant.key), "it is not shown");
    await by(page, "tab-orders").click();
  },

  async "why a signature was refused is seen from every first screen"() {
    await page.goto(home);
    await live();
    const members = { merchantId: merchant.merchantId, termId: merchant.termId, txId: "a-1" };
    const text = Object.entries(members).map((pair) => pair.join("=")).join("&");
    const key = { key: Buffer.from(merchant.key, "base64"), format: "der", type: "pkcs8" };
    const signed = (string) => sign("sha256", Buffer.from(string), key).toString("base64");
    assert.equal((await post("/pg/refund", { ...members, sign: signed(`${text}\n`) })).resultCode, "2102");
    await by(page, "attention").getByText("a line feed stands at the end").waitFor();
    await sim.look(page, "dashboard-attention");
    await by(page, "why").click();
    assert.ok((await by(page, "attention").boundingBox()).height <= 48, "one line while a request is read");
    await by(page, "fold").click();
    await by(page, "attention").getByText("a line feed stands at the end").waitFor();
    await by(page, "fold").click();
    assert.ok((await by(page, "attention").boundingBox()).height <= 48);
    await by(page, "cause").getByText("A line feed stands at the end of the signed string").waitFor();
    assert.equal(await by(page, "canonical").textContent(), text);
    assert.equal(await by(page, "signed").textContent(), `${text}[LF]`);
    assert.equal(await by(page, "signed").locator("mark").textContent(), "[LF]");
    await sim.look(page, "dashboard-refused");
    await post("/pg/refund", { ...members, sign: signed(text) });
    await row("refund").filter({ hasText: "success" }).waitFor();
    await by(page, "attention").getByRole("button", { name: "Seen" }).click();
    await by(page, "attention").waitFor({ state: "hidden" });

    // It stays seen where the page is loaded again, in another tab and on a link; another refusal is shown.
    const quiet = async (page) => {
      await page.locator("[data-testid=stream][data-state=live]").waitFor();
      await page.locator(".list li a").first().waitFor();
      await page.waitForTimeout(600);
      assert.equal(await by(page, "attention").isVisible(), false, page.url());
    };
    await page.reload();
    await quiet(page);
    const tab = await context.newPage();
    await tab.goto(`${home}?tab=requests`);
    await quiet(tab);
    await tab.close();
    assert.equal((await post("/pg/refund", { ...members, sign: signed(`${text} `) })).resultCode, "2102");
    await by(page, "attention").getByText("2 signatures were refused").waitFor();
    assert.equal(await by(page, "why").count(), 1, "only the new one");
    // Another space has seen nothing, and a mark of an entry that is no more hides nothing.
    await page.evaluate(() => localStorage.setItem("payon-sim seen try-out", JSON.stringify({ trace: "zzzz", at: "2020-01-01" })));
    await page.reload();
    await by(page, "attention").waitFor();
    assert.equal(await by(page, "why").count(), 2);
    await by(page, "attention").getByRole("button", { name: "Seen" }).click();
  },

  async "amounts are whole, in every width"() {
    await order("dear-1", { amount: "1234567.89" });
    await order("dear-2", { amount: "98765000", currency: "KHR", paymentMethod: "BAKONG_KHQR" });
    for (const [width, height] of [[1440, 900], [1280, 800], [1024, 768], [390, 844]]) {
      await page.setViewportSize({ width, height });
      for (const open of [false, true]) {
        if (open && width < 1216) continue;
        await page.goto(home + (open ? `?order=${merchant.merchantId}/a-1` : ""));
        await row("dear-1").waitFor();
        if (open) await by(page, "timeline").getByText("register: success").waitFor();
        const cells = await page.locator(".orders li a > span:nth-child(4)").evaluateAll((cells) => cells.map((cell) => {
          const [own, line] = [cell.getBoundingClientRect(), cell.closest("a").getBoundingClientRect()];
          return { text: cell.textContent, cut: cell.scrollWidth > cell.clientWidth && getComputedStyle(cell).overflowX !== "visible",
            out: own.left < line.left || own.right > line.right, right: Math.round(own.right),
            under: [...cell.parentElement.children].some((other) => {
              const it = other.getBoundingClientRect();
              return other !== cell && it.left < own.right && it.right > own.left && it.top < own.bottom - 1 && it.bottom > own.top + 1;
            }) };
        }));
        assert.ok(cells.some(({ text }) => text === "1234567.89 USD") && cells.some(({ text }) => text === "98765000 KHR"), JSON.stringify(cells));
        for (const cell of cells) assert.deepEqual([cell.cut, cell.out, cell.under], [false, false, false], `${JSON.stringify(cell)} at ${width}, ${open}`);
        assert.equal(new Set(cells.map(({ right }) => right)).size, 1, "they end under each other");
        await sim.look(page, `dashboard-amounts-${width}${open ? "-open" : ""}`);
      }
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  },

  async "the keyboard opens an order, reads it and goes back"() {
    await page.goto(home);
    await row("a-1").waitFor();
    const focused = () => page.evaluate(() => document.activeElement.closest("[data-at]")?.querySelector("bdi").textContent ?? document.activeElement.dataset.testid);
    assert.equal(await page.locator('.list li a[tabindex="0"]').count(), 1, "the rows are one stop");
    await by(page, "search").focus();
    for (let stops = 0; stops < 6 && (await page.evaluate(() => !document.activeElement.closest("li"))); stops += 1) await page.keyboard.press("Tab");
    const first = await focused();
    await page.keyboard.press("ArrowDown");
    const second = await focused();
    assert.notEqual(first, second);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => Boolean(document.activeElement.closest(".list li"))), false, "the next stop is behind the rows");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(), second, "the list comes back to its row");
    await page.keyboard.press("Enter");
    await by(page, "order").waitFor();
    assert.equal(await focused(), "order", "the focus is in the order");
    assert.equal(await by(page, "tx-id").textContent(), second);
    await order("came-meanwhile");
    await row("came-meanwhile").waitFor();
    await page.keyboard.press("Escape");
    await by(page, "order").waitFor({ state: "detached" });
    assert.equal(await focused(), second, "and back in its row");
    await page.keyboard.press("Enter");
    await by(page, "order").waitFor();
    await by(page, "close").click();
    assert.equal(await focused(), second);

    // Escape closes what lies on top first, and clears a search.
    await page.keyboard.press("Enter");
    await by(page, "order").waitFor();
    await by(page, "clock").locator("summary").click();
    await page.keyboard.press("Escape");
    assert.equal(await by(page, "order").count(), 1);
    await by(page, "save-order").click();
    await by(page, "scenario").waitFor();
    await page.keyboard.press("Escape");
    await by(page, "scenario").waitFor({ state: "detached" });
    assert.equal(await by(page, "order").count(), 1);
    await page.keyboard.press("Escape");
    await by(page, "order").waitFor({ state: "detached" });
    // On a narrow screen, too, where the list makes room.
    await page.setViewportSize({ width: 390, height: 844 });
    await row("a-1").click();
    await by(page, "order").waitFor();
    assert.equal(await focused(), "order");
    await page.keyboard.press("Escape");
    await row("a-1").waitFor();
    assert.equal(await focused(), "a-1");
    await page.setViewportSize({ width: 1440, height: 900 });
  },

  async "an address that nobody made is no riddle"() {
    for (const place of ["?order=a/b/%FF", "?order=a/b%25FF", "?order=%25", "?order=a", "?order=/", "?tab=toString", "?tab=__proto__", "?request=..%2F..%2Fx", "?request=%25FF"]) {
      await page.goto(home + place);
      await live();
      await row("a-1").waitFor();
      if (!place.startsWith("?tab")) await page.locator(".detail article").getByText(/no |no such/i).first().waitFor();
    }
    assert.deepEqual(sim.complaints.filter((complaint) => complaint.startsWith("script")), []);
  },

  async "requests without an order are listed too"() {
    await page.goto(`${home}?tab=requests`);
    await live();
    await post("/pg/nowhere", {});
    await row("unknown path").click();
    await by(page, "request").getByText("belongs to no order").waitFor();
    await by(page, "search").fill("sign.inv");
    await rows(2);
    await sim.look(page, "dashboard-requests");
  },

  async "time is stopped and passes"() {
    await by(page, "clock").locator("summary").click();
    await by(page, "freeze").click();
    await by(page, "mood").getByText("frozen").waitFor();
    const before = Date.parse(await by(page, "now").textContent());
    await by(page, "advance-1h").click();
    await page.waitForFunction((before) =>
      Date.parse(document.querySelector("[data-testid=now]").textContent) === before + 3_600_000, before);
    await sim.look(page, "dashboard-clock");
    await page.keyboard.press("Escape");
    assert.equal(await by(page, "clock").getAttribute("open"), null);
  },

  async "a scenario is found by what fails, armed, and its rule disarmed"() {
    await by(page, "tab-rules").click();
    const groups = by(page, "catalogue").locator("details");
    await groups.first().waitFor();
    assert.deepEqual((await groups.locator("h3").allTextContents()).map((text) => text.split(":")[0]).sort(), ["Answers", "Flows", "Ledger", "Push-backs", "Refusals"]);
    assert.equal(await by(page, "arm-S014").isVisible(), false, "groups are closed at first");
    await groups.filter({ hasText: "Push-backs: lost" }).locator("summary").click();
    await by(page, "arm-S009").waitFor();
    await by(page, "search").fill("S011");
    await by(page, "catalogue").getByText("no rule to arm").waitFor();
    assert.equal(await by(page, "arm-S011").count(), 0);
    await by(page, "search").fill("answer lost charged");
    await by(page, "arm-S014").click();
    await by(page, "rules").getByRole("row", { name: "lose-the-answer of S014" }).waitFor();
    await by(page, "disarm-S014").waitFor();
    await sim.look(page, "dashboard-rules");
    await by(page, "disarm-lose-the-answer").click();
    await by(page, "rules").getByText("No rule is armed").waitFor();
    await by(page, "arm-S014").click();
    await by(page, "disarm-S014").click();
    await by(page, "rules").getByText("No rule is armed").waitFor();
  },

  async "one press breaks something, for a while and for some calls"() {
    const status = async () => (await fetch(`${home.replace("/_sim/", "")}/pg/transaction/status`, { method: "POST",
      body: JSON.stringify({ merchantId: merchant.merchantId, termId: merchant.termId, txId: "a-1" }) })).status;
    const usual = await status();
    await page.goto(`${home}?tab=rules`);
    await by(page, "fault-for").fill("10m");
    await by(page, "fault-scope").locator("[name=operation]").fill("status");
    await by(page, "fault-busy").click();
    await by(page, "rules").getByRole("rowheader", { name: "fault-busy" }).waitFor();
    assert.equal(await status(), 429);
    await page.getByText("armed, met once").waitFor();
    await fetch(`${home}v1/clock`, { method: "POST", body: '{"advance":"11m"}' });
    await by(page, "rules").getByRole("row", { name: "fault-busy over" }).waitFor();
    assert.equal(await status(), usual);
    await by(page, "fault-maintenance").click();
    await by(page, "rules").getByRole("rowheader", { name: "fault-maintenance" }).waitFor();
    assert.equal(await status(), 503);
    await by(page, "disarm-quick-fault-maintenance").click();
    await by(page, "rules").getByRole("rowheader", { name: "fault-maintenance" }).waitFor({ state: "detached" });
    // A setting, for payments: the reason is picked.
    await by(page, "fault-scope").locator("[name=operation]").fill("");
    const reason = page.getByRole("combobox", { name: "reason" }).last();
    await reason.fill("card.expired");
    await by(page, "fault-decline").click();
    await by(page, "rules").getByRole("rowheader", { name: "fault-decline" }).waitFor();
    await order("to-be-declined");
    assert.equal((await post(`/_sim/v1/orders/${merchant.merchantId}/to-be-declined/pay`, {})).reason, "card.expired");
    // What cannot be is said.
    await by(page, "fault-for").fill("soon");
    await by(page, "fault-slow").click();
    await said("must be a length of time with its unit");
    await by(page, "fault-for").fill("30s");
    await page.locator("#said").getByRole("button").click();
    await by(page, "clear-rules").click();
    await by(page, "rules").getByText("No rule is armed").waitFor();
  },

  async "a rule of one's own is put together, armed and copied as a scenario"() {
    const text = by(page, "own-rule");
    const format = await page.getByRole("link", { name: "scenario file" }).evaluate((link) => link.href);
    assert.equal((await fetch(format)).status, 200, format);
    const add = async (picker, option) => {
      await by(page, picker).click();
      const found = page.getByRole("option");
      if (option === undefined) return found.allTextContents();
      return found.filter({ hasText: option }).first().click();
    };
    for (const [picker, other] of [["add-condition", "latency: 3s"], ["add-effect", ""]]) {
      const offered = await add(picker);
      assert.ok(offered.length > 10, offered.join());
      await page.keyboard.press("Escape");
      for (const one of offered) {
        await page.getByRole("button", { name: "Start again" }).click();
        await add(picker, one);
        if (other) await add("add-effect", other);
        const [answer] = await Promise.all([page.waitForResponse((answer) => answer.url().endsWith("/scenarios") && answer.request().method() === "POST"), by(page, "arm-own").click()]);
        assert.equal(answer.status(), 200, `${await text.inputValue()} ${await answer.text()}`);
      }
    }
    await text.fill("id: mine\nwhen: { operation: refund, amout: 3 }\nthen:\n  - latency: 3s\n");
    await by(page, "arm-own").click();
    await by(page, "own-rule-wrong").getByText("did you mean `amount`").waitFor();
    await add("add-condition", "txId:");
    await said("on lines of its own");
    await page.locator("#said").getByRole("button").click();
    await page.getByRole("button", { name: "Start again" }).click();
    await add("add-effect", "drop: true");
    await add("add-condition", "operation");
    await add("add-condition", "nth: 2");
    assert.equal(await text.inputValue(), "id: mine\nwhen:\n  operation: refund\n  nth: 2\nthen:\n  - pushback: { drop: true }\n");
    await by(page, "arm-own").click();
    await by(page, "copy-rules").waitFor();
    await by(page, "rules").getByRole("row", { name: "mine" }).waitFor();
    await by(page, "copy-rules").click();
    const yaml = await by(page, "scenario").locator("pre").textContent();
    assert.match(yaml, /version: 1[^]*rules:\n  - id: mine\n    when:\n      operation: refund\n      nth: 2/);
    await page.keyboard.press("Escape");
    await by(page, "scenario").waitFor({ state: "detached" });
    const again = await fetch(`${home}v1/rules`, { method: "PUT", body: yaml });
    assert.equal(again.status, 200);
    await sim.look(page, "dashboard-own-rule");
    await by(page, "clear-rules").click();
    await by(page, "rules").getByText("No rule is armed").waitFor();
  },

  async "a snapshot is saved and brought back"() {
    await by(page, "tab-space").click();
    const { total } = await (await fetch(`${home}v1/orders?newest=true`)).json();
    await by(page, "snapshot-name").fill("before");
    await by(page, "save-snapshot").click();
    await order("later");
    await by(page, "restore-before").click();
    await page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
    await said("before is restored");
    await sim.look(page, "dashboard-space");
    await by(page, "tab-orders").click();
    await rows(total);
  },

  async "what was done by hand becomes a scenario"() {
    await row("a-1").click();
    await by(page, "save-order").click();
    const download = page.waitForEvent("download");
    await by(page, "scenario").waitFor();
    await sim.look(page, "dashboard-scenario");
    await by(page, "download").click();
    await (await download).saveAs(target);
    await page.keyboard.press("Escape");
  },

  async "keys go through the list"() {
    await row("first-order-1").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.evaluate(() => document.activeElement.closest("li").dataset.at), "1");
    await page.keyboard.press("Enter");
    await page.waitForURL(/order=/);
  },

  async "light and dark, on a desktop, a phone and a narrow one"() {
    const places = {
      orders: ["", (page) => row("a-1", page)], order: [`?order=${merchant.merchantId}/a-1`, (page) => by(page, "timeline").getByText("register: success")],
      pushbacks: ["?tab=pushbacks", (page) => row("a-1", page)], pushback: ["?tab=pushbacks&pushback=1", (page) => by(page, "sent")],
      requests: ["?tab=requests", (page) => row("register", page)], refused: ["?tab=requests&search=sign.inv", (page) => row("refund", page)],
      rules: ["?tab=rules&search=lost", (page) => by(page, "arm-S014")], faults: ["?tab=rules", (page) => by(page, "fault-slow")], space: ["?tab=space", (page) => by(page, "settings")],
    };
    const phone = { isMobile: true, hasTouch: true };
    const looks = {
      light: { viewport: { width: 1280, height: 800 } }, dark: { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
      phone: { ...phone, viewport: { width: 390, height: 844 } }, "phone-dark": { ...phone, viewport: { width: 390, height: 844 }, colorScheme: "dark" },
      narrow: { ...phone, viewport: { width: 320, height: 640 } },
    };
    for (const [name, look] of Object.entries(looks)) {
      const context = await sim.open(look);
      const page = await context.newPage();
      for (const [what, [place, there]] of Object.entries(places)) {
        await page.goto(home + place);
        await there(page).first().waitFor();
        if (what === "refused") {
          await row("refund", page).first().click();
          await by(page, "signature").waitFor();
        }
        await sim.look(page, `dashboard-${name}-${what}`);
      }
      await context.close();
    }
  },

  async "an answer that was lost and what is not in the books are seen"() {
    const arm = (operation, then) => fetch(`${home}v1/rules`, { method: "PUT", body: JSON.stringify([{ id: "r1", when: { operation }, then: [then] }]) });
    const pay = () => post(`/_sim/v1/orders/${merchant.merchantId}/lost/pay`, {});
    await arm("register", { transport: { truncate: { after: 40, length: "wrong" } } });
    await order("lost").then(() => assert.fail("a whole answer came"), () => {});
    await arm("register", { transport: "reset" });
    await order("lost").then(() => assert.fail("an answer came"), () => {});
    await arm("register", { transport: "html" });
    await order("lost").then(() => assert.fail("JSON came"), () => {});
    await arm("pay", { commit: "never" });
    await pay();
    await arm("pay", { commit: "after" });
    await pay();
    await page.goto(`${home}?order=${merchant.merchantId}/lost`);
    const said = by(page, "timeline");
    await said.getByText("register: success, no whole answer").nth(1).waitFor();
    await said.getByText("answered as if it were booked, but the rule kept it from the books (approved)").waitFor();
    await said.getByText("order approved, after the answer").waitFor();
    const drawn = await by(page, "diagram").locator("text").allTextContents();
    for (const text of ["success, cut off: truncate", "success, never sent: reset", "success, html", "approved: never booked", "approved, after the answer"]) {
      assert.ok(drawn.includes(text), `${text} is not in ${drawn}`);
    }
    assert.equal(await by(page, "diagram").locator(".cross").count(), 2);
    await page.setViewportSize({ width: 1440, height: 1700 });
    await sim.look(page, "dashboard-lost");
    await page.emulateMedia({ colorScheme: "dark" });
    await sim.look(page, "dashboard-lost-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1440, height: 900 });
  },

  async "a reset is asked about first"() {
    await page.goto(`${home}?tab=space`);
    await by(page, "reset").click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await by(page, "reset").click();
    await page.getByRole("dialog").getByRole("button", { name: "Reset" }).click();
    await by(page, "tab-orders").click();
    await by(page, "welcome").waitFor();
  },
};

/** Does `act`, and tells the longest task of a page's thread meanwhile, in ms of its own: time for which others had the processor is not in it. */
async function longestTask(act) {
  const tracing = await sim.browser.newBrowserCDPSession();
  const events = [];
  tracing.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await tracing.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel", "disabled-by-default-devtools.timeline", "blink.user_timing"] } });
  const result = await act();
  const done = new Promise((ready) => tracing.once("Tracing.tracingComplete", ready));
  await tracing.send("Tracing.end");
  await done;
  await tracing.detach();
  // The browser makes pages of its own ready meanwhile; the thread that scrolls has left its mark.
  const thread = events.find(({ name }) => name === "scrolls");
  const tasks = events.filter(({ name, tdur, pid, tid }) => name === "RunTask" && tdur !== undefined && pid === thread.pid && tid === thread.tid);
  assert.ok(tasks.length > 100, `${tasks.length} tasks were traced`);
  return { ...result, tasks: tasks.length, longest: tasks.reduce((most, { tdur }) => Math.max(most, tdur), 0) / 1000 };
}

const scroll = {
  async "a long list scrolls without stutter"() {
    await page.goto(`${base}/_sim/`);
    await rows(Number(count).toLocaleString("en"));
    const scrolled = () => page.evaluate(async () => {
      performance.mark("scrolls");
      const scroller = document.querySelector(".scroller");
      const frames = [];
      const end = scroller.scrollHeight - scroller.clientHeight;
      const frame = () => new Promise(requestAnimationFrame);
      let [last, most] = [await frame(), 0];
      // Slowly at first, then in leaps, as a wheel and as the bar at the side.
      for (let step = 0; step < 300; step += 1) {
        scroller.scrollTop = step < 150 ? step * 40 : 6000 + ((end - 6000) * (step - 149)) / 150;
        const now = await frame();
        frames.push(now - last);
        last = now;
        most = Math.max(most, scroller.querySelectorAll("li").length);
      }
      frames.sort((a, b) => a - b);
      return { p50: frames[150], p95: frames[285], max: frames[299], most };
    });
    const told = await longestTask(scrolled);
    await row("bulk-0000001").waitFor();
    console.log(`scrolled through ${count} orders: frames p50 ${told.p50.toFixed(1)} ms, p95 ${told.p95.toFixed(1)} ms, ` +
      `max ${told.max.toFixed(1)} ms; ${told.tasks} tasks, the longest ${told.longest.toFixed(1)} ms; ${told.most} rows at most`);
    assert.ok(told.most < 80, `${told.most} rows in the page`);
    assert.ok(told.longest <= 50, `a task took ${told.longest} ms`);
  },
};

for (const [name, flow] of Object.entries(target === "--scroll" ? scroll : flows)) {
  const begun = Date.now();
  try {
    await flow();
    console.log(`ok   ${name}, ${Date.now() - begun} ms`);
  } catch (error) {
    await page.screenshot({ path: `${shots}/dashboard-failed.png` }).catch(() => {});
    console.log(`FAIL ${name} at ${page.url()}\n${error.stack}`);
    process.exitCode = 1;
    break;
  }
}
notified.close();
notified.closeAllConnections();
await context.close();
await sim.close();
