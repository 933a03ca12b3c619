// One order: what it is, what can be done to it, and everything that happened to it, in order.
import { get, orderAddress, post } from "./api.js";
import { button, copyable, field, form, h, put, say, select } from "./dom.js";
import { diagram } from "./diagram.js";
import { happened, watch } from "./live.js";
import { also } from "./place.js";
import { requestHref, withheld } from "./request.js";
import { saveAsScenario } from "./space.js";
import { EVENTS, badge, exact, instant, isLost, isRefused, isUnderWay, title, words } from "./words.js";

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

function line(item) {
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
  const label = [h("time", null, exact(item.when).slice(11)), h("span", null, text), why && h("small", null, why)];
  return h("li", { class: kind }, item.href ? h("a", { href: item.href }, label) : h("span", null, label));
}

function pushbacks(order) {
  if (!order.pushbacks.length) return order.noPushback && h("p", { class: "bad", "data-testid": "no-pushback" }, order.noPushback);
  return h("section", null, h("h3", null, "Push-backs"), h("ul", { class: "plain" }, order.pushbacks.map((one) =>
    h("li", null, h("b", null, one.cause), ` (${words(one.state)}, ${one.attempts.length} ${one.attempts.length === 1 ? "attempt" : "attempts"}) to `, h("bdi", null, one.url),
      one.nextAttemptAt && ` – next at ${exact(one.nextAttemptAt).slice(11)}`, " ",
      button("Resend", async () => {
        await post(`pushbacks/${one.id}/resend`);
        happened("pushback");
        say(`push-back ${one.cause} is sent once more`);
      }, { class: "small", "data-testid": "resend", "aria-label": `Resend the push-back ${one.cause}` })))));
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
  const outcome = h("input", { name: "outcome", list: "reasons", placeholder: "approved", autocomplete: "off", "data-testid": "outcome" });
  return h("div", { class: "steering" },
    form({ class: "inline" }, ({ outcome }) => acted("pay", () => post(`${at}/pay`, outcome ? { outcome } : {})),
      field("Outcome", outcome), h("button", { class: "main", "data-testid": "pay" }, "Pay")),
    form({ class: "inline" }, ({ event }) => acted(event, () => post(`${at}/trigger`, { event })),
      field("Event", select({ name: "event", "data-testid": "event" }, EVENTS.map((name) => [name, name]), "settle")),
      h("button", { "data-testid": "trigger" }, "Trigger")),
    button("Save as scenario", () => saveAsScenario({ merchantId, txId }), { "data-testid": "save-order" }));
}

function draw(order, entries) {
  const items = timeline(order, entries);
  const sums = [["ordered", order.amount], ["authorised", order.authorised], ["captured", order.captured], ["refunded", order.refunded],
    ["released", order.released], ["refundable", order.refundable]].filter(([name, amount]) => name === "ordered" || Number(amount) > 0);
  return [
    h("p", { class: "order-state" }, badge(order.state), order.failure && ` ${order.failure}`, order.settled && " settled",
      order.screen && ` QR ${order.screen}`),
    h("dl", { class: "facts" },
      sums.map(([name, amount]) => h("div", null, h("dt", null, name), h("dd", null, `${amount} ${order.currency}`))),
      [["merchant", `${order.merchantId} / ${order.termId}`], ["method", `${order.method}, ${words(order.kind)}`],
        ["paid with", order.paidWith && `${words(order.paidWith.kind)} ${order.paidWith.account}`], ["approval", order.approvalNo],
        ["registered", exact(order.createdAt)], order.state === "registered" && ["payable until", exact(order.payableUntil)]]
        .filter((pair) => pair && pair[1]).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
      h("div", null, h("dt", null, "checkout"), h("dd", null, h("a", { href: order.checkoutUrl, target: "_blank", rel: "noopener" }, "the payer's page"), " ", copyable(order.checkoutUrl, "checkout URL").lastChild))),
    order.findings?.length > 0 && h("section", null, h("h3", null, "Found in its registration"),
      h("ul", { class: "plain", "data-testid": "findings" }, order.findings.map(({ lint, about }) => h("li", null, h("b", null, lint), ` ${about}`)))),
    pushbacks(order),
    h("section", null, h("h3", null, "What happened"),
      h("div", { class: "happened" },
        h("div", { class: "drawing", tabindex: "0", role: "group", "aria-label": "Sequence diagram; the list below says the same" }, diagram(items)),
        h("ol", { class: "timeline", "data-testid": "timeline" }, items.map(line)))),
  ];
}

export function orderDetail(merchantId, txId) {
  const facts = h("div", { "aria-busy": "true" });
  let known = "";
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
    if (ruled.some(({ wire }) => wire && isUnderWay(wire))) again = setTimeout(() => facts.isConnected && look().catch(() => {}), LOOK_EVERY);
    const now = JSON.stringify([order, entries.map(({ trace, wire, booking }) => [trace, wire, booking])]);
    if (now === known) return;
    known = now;
    const held = facts.contains(document.activeElement) ? document.activeElement.dataset.testid : undefined;
    put(facts, draw(order, entries));
    facts.removeAttribute("aria-busy");
    if (held) facts.querySelector(`[data-testid="${held}"]`)?.focus();
  };
  const element = h("article", { tabindex: "-1", "aria-label": "Order", "data-testid": "order" },
    h("h2", { tabindex: "-1" }, "Order ", h("bdi", { "data-testid": "tx-id" }, txId)),
    steering(merchantId, txId, look), facts);
  look().catch((problem) => put(facts, h("p", { class: "bad" }, problem.message)));
  return { element, focus: () => element.focus({ preventScroll: true }), close: watch(["order", "pushback", "request"], look) };
}

/** The way back to the list, for narrow screens. */
export const backToList = () => h("p", { class: "to-list" }, h("a", { href: also({ order: undefined, request: undefined }), "data-testid": "close" }, "✕ Close"));
