// One order: what it is, what can be done to it, and everything that happened to it, in order.
import { get, orderAddress, post } from "./api.js";
import { button, copyable, field, form, h, put, say } from "./dom.js";
import { NARROW, diagram } from "./diagram.js";
import { happened, watch } from "./live.js";
import { loadReasons, picker } from "./picker.js";
import { CLOSED, also, place } from "./place.js";
import { resend } from "./pushbacks.js";
import { requestHref, withheld } from "./request.js";
import { saveAsScenario } from "./space.js";
import { EVENTS_ABOUT, badge, clock, delivery, exact, instant, isLost, isRefused, isUnderWay, standing, title, words } from "./words.js";

/** How many of the latest requests that a rule stepped in at are looked at more closely. */
const RULED_MAX = 50;
/** Real milliseconds between two looks while a reply is on its way. */
const LOOK_EVERY = 1000;

/** Everything that happened to an order, in the order of time: requests, changes, attempts of push-backs. */
function timeline(order, entries) {
  const items = [];
  const changesOf = new Map();
  for (const change of order.events) {
    if (change.trace) changesOf.set(change.trace, [...(changesOf.get(change.trace) ?? []), change]);
  }
  const add = (at, item) => items.push({ at, turn: items.length, ...item });
  for (const entry of entries) {
    const changes = changesOf.get(entry.trace) ?? [];
    changesOf.delete(entry.trace);
    // A request is noted when it was decided, so what it changed came no later.
    const at = Math.min(instant(entry.at), ...changes.map((change) => instant(change.at)));
    const answer = changes.find(({ change }) => change === "approved" || change === "failed");
    const asked = answer && !/^(register|notify|status)/.test(entry.operation ?? "") && entry.control !== "trigger" && (answer.reason ?? answer.change);
    add(at, { entry, asked, declined: answer?.change === "failed", when: entry.at, href: requestHref(entry.trace) });
    const late = entry.booking?.when === "after";
    for (const change of changes) add(at, { change, late, when: change.at, href: requestHref(entry.trace) });
  }
  for (const change of order.events) {
    if (!change.trace || changesOf.has(change.trace)) add(instant(change.at), { change, when: change.at });
  }
  for (const pushback of order.pushbacks) {
    pushback.attempts.forEach((attempt, index) => add(instant(attempt.at), {
      attempt, pushback, number: index + 1, when: attempt.at, href: pushback.trace && requestHref(pushback.trace),
    }));
  }
  return items.sort((a, b) => a.at - b.at || a.turn - b.turn);
}

function line(item, before) {
  const { entry, change, attempt, pushback } = item;
  let [kind, text, why] = ["", "", ""];
  if (entry) {
    const { wire, booking } = entry;
    kind = isRefused(entry) || isLost(wire) ? "bad" : "request";
    text = `${title(entry)}: ${entry.reason}${isLost(wire) ? ", no whole answer" : ""}`;
    why = [entry.detail, entry.rule && `rule ${entry.rule}: ${entry.plan}`, wire && (wire.fault || !wire.answered) && `on the wire ${wire.about}`,
      booking?.withheld.length > 0 && booking.about + withheld(booking)].filter(Boolean).join("; ");
  } else if (change) {
    kind = "change";
    text = `order ${words(change.change)}${change.amount ? ` ${change.amount}` : ""}${item.late ? ", after the answer" : ""}`;
    why = change.reason ?? (change.trace ? "" : "by time");
  } else {
    kind = attempt.acknowledged ? "good" : "bad";
    text = `push-back ${pushback.cause}, attempt ${item.number}: ${attempt.acknowledged ? "acknowledged" : "not acknowledged"}`;
    why = [pushback.content !== "true" && `says ${pushback.content}`, attempt.error ?? (attempt.status && `HTTP ${attempt.status}`)].filter(Boolean).join("; ");
  }
  // The day is said where it is another than before.
  const same = before?.when.slice(0, 10) === item.when.slice(0, 10);
  const label = [h("time", { datetime: item.when }, same ? clock(item.when) : exact(item.when)), h("span", null, text), why && h("small", null, why)];
  return h("li", { class: kind }, item.href ? h("a", { href: item.href }, label) : h("span", null, label));
}

function pushbacks(order) {
  if (!order.pushbacks.length) return null;
  return h("section", null, h("h3", null, "Push-backs"), h("ul", { class: "plain", "data-testid": "order-pushbacks" }, order.pushbacks.map((one) =>
    h("li", null, delivery(standing(one)), " ", h("a", { href: also({ ...CLOSED, order: place().order, pushback: one.id }) }, words(one.cause)),
      ` after ${one.attempts.length} ${one.attempts.length === 1 ? "attempt" : "attempts"} to `, h("bdi", null, one.url),
      one.nextAttemptAt && ` – next at ${clock(one.nextAttemptAt)}`, " ", resend(one)))));
}

/** Plays the payer, makes an event happen, saves a scenario. */
function steering(merchantId, txId, look) {
  const at = orderAddress(merchantId, txId);
  const acted = async (what, act) => {
    const { reason } = await act();
    say(`${what}: ${reason}`, reason !== "success");
    happened("order");
    await look();
  };
  const outcome = picker("Outcomes", loadReasons, { name: "outcome", placeholder: "approved", "data-testid": "outcome" });
  const event = picker("Events", async () => Object.entries(EVENTS_ABOUT), { name: "event", value: "settle", required: true, "data-testid": "event" });
  const pay = h("button", { class: "main", "data-testid": "pay" }, "Pay");
  const element = h("div", { class: "steering", role: "group", "aria-label": "Steer this order" },
    form({ class: "inline" }, ({ outcome }) => pay.hasAttribute("aria-disabled") || acted("pay", () => post(`${at}/pay`, outcome ? { outcome } : {})),
      field("Outcome", outcome.element), pay),
    form({ class: "inline" }, ({ event }) => acted(event, () => post(`${at}/trigger`, { event })),
      field("Event", event.element), h("button", { "data-testid": "trigger" }, "Trigger")));
  /** Pay is off where there is nothing left to pay; it stays where the keyboard finds it, and says why. */
  const update = ({ state }) => {
    if (state === "registered") {
      pay.removeAttribute("aria-disabled");
      pay.removeAttribute("title");
    } else {
      pay.setAttribute("aria-disabled", "true");
      pay.title = `There is nothing to pay: the order is ${words(state)}`;
    }
  };
  return { element, update };
}

/** Whether the last diagram was a narrow one; the next is likely to be. */
let narrow = matchMedia(`(max-width: ${NARROW}px)`).matches;

/** The diagram, drawn anew where the room for it changes between wide and narrow. */
function drawing(items) {
  const box = h("div", { class: "drawing" }, diagram(items, narrow));
  new ResizeObserver(([{ contentRect: { width } }]) => {
    if (width > 0 && (width < NARROW) !== narrow) put(box, diagram(items, narrow = width < NARROW));
  }).observe(box);
  return box;
}

const rows = (pairs) => pairs.filter((pair) => pair && pair[1]).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)));

/** What happened, from the picture to the list. */
function story(order, entries) {
  const items = timeline(order, entries);
  return [
    h("p", { class: "order-state" }, badge(order.state), " ", h("b", { class: "sum" }, `${order.amount} ${order.currency}`), ` ${order.method}`,
      order.failure && `, ${order.failure}`, order.settled && ", settled", order.screen && `, QR ${order.screen}`),
    order.noPushback && h("p", { class: "bad", "data-testid": "no-pushback" }, order.noPushback),
    order.findings?.length > 0 && h("section", null, h("h3", null, "Found in its registration"),
      h("ul", { class: "plain", "data-testid": "findings" }, order.findings.map(({ lint, about }) => h("li", null, h("b", null, lint), ` ${about}`)))),
    h("section", null, h("div", { class: "beside" }, h("h3", null, "What happened"),
      button("Save as scenario", () => saveAsScenario(order), { class: "small", "data-testid": "save-order" })), drawing(items)),
    pushbacks(order),
    h("ol", { class: "timeline", "data-testid": "timeline" }, items.map((item, at) => line(item, items[at - 1]))),
  ];
}

/** What it is, in rows. */
function facts(order) {
  const sums = [["ordered", order.amount], ["authorised", order.authorised], ["captured", order.captured], ["refunded", order.refunded],
    ["released", order.released], ["refundable", order.refundable]].filter(([name, amount]) => name === "ordered" || Number(amount) > 0);
  return h("dl", { class: "facts" },
    rows(sums.map(([name, amount]) => [name, `${amount} ${order.currency}`])),
    rows([["merchant", `${order.merchantId} / ${order.termId}`], ["method", `${order.method}, ${words(order.kind)}`],
      ["paid with", order.paidWith && `${words(order.paidWith.kind)} ${order.paidWith.account}`], ["approval", order.approvalNo],
      ["registered", exact(order.createdAt)], order.state === "registered" && ["payable until", exact(order.payableUntil)],
      ["checkout", [h("a", { href: order.checkoutUrl, target: "_blank", rel: "noopener" }, "the payer's page"), " ", copyable(order.checkoutUrl, "checkout URL").lastChild]]]));
}

export function orderDetail(merchantId, txId) {
  const [told, known] = [h("div", { "aria-busy": "true" }), h("div")];
  let drawn = "";
  let again;
  const look = async () => {
    const [order, journal] = await Promise.all([get(orderAddress(merchantId, txId)), get("journal", { txId, limit: 1000 })]);
    const entries = journal.entries.filter((entry) => entry.merchantId === merchantId || entry.merchantId === null);
    // How a reply left is no part of the list; it is as planned where no rule stepped in.
    const ruled = await Promise.all(entries.filter((entry) => entry.rule).slice(-RULED_MAX).map(async (entry) => {
      const { wire, booking } = await get(`journal/${entry.trace}`).catch(() => ({}));
      return Object.assign(entry, { wire, booking });
    }));
    clearTimeout(again);
    if (ruled.some(({ wire }) => wire && isUnderWay(wire))) again = setTimeout(() => told.isConnected && look().catch(() => {}), LOOK_EVERY);
    const now = JSON.stringify([order, entries.map(({ trace, wire, booking }) => [trace, wire, booking])]);
    if (now === drawn) return;
    drawn = now;
    const held = element.contains(document.activeElement) ? document.activeElement.dataset.testid : undefined;
    put(told, story(order, entries));
    put(known, facts(order));
    steer.update(order);
    told.removeAttribute("aria-busy");
    if (held && document.activeElement === document.body) element.querySelector(`[data-testid="${held}"]`)?.focus();
  };
  const steer = steering(merchantId, txId, look);
  const element = h("article", { tabindex: "-1", "aria-label": "Order", "data-testid": "order" },
    h("h2", { tabindex: "-1" }, "Order ", h("bdi", { "data-testid": "tx-id" }, txId)), told, steer.element, known);
  look().catch((problem) => put(told, h("p", { class: "bad" }, problem.message)));
  return { element, focus: () => element.focus({ preventScroll: true }), close: watch(["order", "pushback", "request"], look) };
}

/** The way back to the list, for narrow screens. */
export const backToList = () => h("p", { class: "to-list" }, h("a", { href: also(CLOSED), "data-testid": "close" }, "✕ Close"));
