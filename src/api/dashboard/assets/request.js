// One request explained: what came in, what decided, what came of it; and of a refused signature, why.
import { get } from "./api.js";
import { copyable, h, put } from "./dom.js";
import { compare, marked } from "./difference.js";
import { watch } from "./live.js";
import { CLOSED, also, orderName } from "./place.js";
import { delivery, exact, outcome, pretty, standing, title, words } from "./words.js";

export const requestHref = (trace) => also({ request: trace });

const facts = (...pairs) => h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
  .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** Why a signature does not stand, with both strings side by side, and what to do. */
function signature(told, entry) {
  if (told.ok) {
    return h("section", { class: "signature good", "data-testid": "signature" },
      h("h3", null, "This signature stands now"),
      h("p", null, "It is right with the key and the settings that the merchant has now. They were changed since the request was refused."));
  }
  const [built, signed] = compare(told.canonical, told.signed ?? told.canonical);
  const sign = `printf '%s' '${told.canonical.replaceAll("'", "'\\''")}' |\n  openssl dgst -sha256 -sign private-key.pem | base64 -w0`;
  return h("section", { class: "signature bad", "data-testid": "signature" },
    h("h3", null, "Why the signature was refused"),
    told.causes.length > 1
      ? h("ol", { class: "causes" }, told.causes.map((cause) => h("li", null, sentence(cause.message))))
      : h("p", { class: "cause", "data-testid": "cause" }, told.causes.length ? sentence(told.causes[0].message) : told.summary),
    h("div", { class: told.signed === null || told.signed === undefined ? "" : "sides" },
      h("div", null, h("h4", null, "What the gateway built: sign exactly this"), marked(built, "What the gateway built", "canonical")),
      told.signed !== null && told.signed !== undefined &&
        h("div", null, h("h4", null, "What was signed instead"), marked(signed, "What was signed", "signed"))),
    told.received && !told.signed && told.causes.length === 0 && h("p", { class: "note" }, "What was signed instead could not be found out: none of the usual mistakes makes this signature."),
    told.masked.length > 0 && h("p", { class: "note" }, `Masked here, to be signed in clear: ${told.masked.join(", ")}.`),
    h("h4", null, "What to do"),
    h("ul", null, told.next.map((step) => h("li", null, sentence(step))),
      told.algorithm === "RSA-SHA256" && told.masked.length === 0 &&
        h("li", null, "To compare, sign it by hand; the result is the value of ", h("code", null, "sign"), ":", copyable(sign, "command", true)),
      h("li", null, "Or let the simulator sign a body and compare: ", h("code", null, `POST /_sim/v1/sign {"merchantId":"${entry.merchantId}","body":{…}}`))),
    facts(["algorithm", told.algorithm], ["string", told.kind],
      ["key", told.key && `${told.key.bits} bits, fingerprint ${told.key.fingerprint}${told.keyProven ? "; proven to be made with this merchant's private key" : ""}`],
      ["sign as it came", told.received
        ? `${told.received.characters} characters${told.received.encoding ? `, ${told.received.encoding}` : ""}${told.received.bytes === null ? "" : `, ${told.received.bytes} bytes`} (a right one has ${told.received.expectedBytes} bytes)`
        : "none came"]));
}

function body(label, value) {
  return h("div", null, h("h3", null, label), h("pre", { tabindex: "0", role: "group", "aria-label": label }, pretty(value)));
}

/** What a request kept from the books, in brackets. */
export const withheld = ({ withheld: kept }) => kept.length > 0
  ? ` (${kept.map((one) => [words(one.change), one.amount, one.reason].filter(Boolean).join(" ")).join(", ")})` : "";

function draw(told) {
  const whose = told.merchantId && told.txId && told.order;
  return [
    h("p", { class: "whose" }, whose
      ? h("a", { href: also({ ...CLOSED, order: orderName(told.merchantId, told.txId) }) }, "Order ", h("bdi", null, told.txId))
      : told.txId ? ["txId ", h("bdi", null, told.txId)] : "belongs to no order"),
    h("h2", { tabindex: "-1" }, title(told), " ", outcome(told)),
    h("p", { class: "lead" }, told.about, told.detail && told.detail !== told.about ? ` ${sentence(told.detail)}` : ""),
    told.signature && signature(told.signature, told),
    facts(["when", exact(told.at)], ["merchant", told.merchantId], ["HTTP status", told.status],
      ["answered with", told.answer && `${told.answer.code} “${told.answer.message}”`],
      ["whose word", told.answer && `${told.answer.provenance}: ${told.answer.profileLine}`],
      ["card", told.card && `${told.card.number}: ${told.card.outcome}, ${told.card.provenance}: ${told.card.profileLine}`],
      ["rule", told.rule && `${told.rule}: ${told.plan}`],
      ["order", told.stateAfter && [told.stateBefore, told.stateAfter].filter((state, at, all) => state && state !== all[at - 1]).map(words).join(", then ")],
      ["booked", told.booking.about + withheld(told.booking)],
      ["on the wire", told.wire.about],
      ["traceparent", told.traceparent && h("code", null, told.traceparent)],
      ["ignored", told.traceContextIgnored],
      ["decided in", `${told.tookUs} µs`], ["trace", h("code", null, told.trace)]),
    told.findings.length > 0 && h("section", null, h("h3", null, "What the lint found"),
      h("ul", null, told.findings.map((found) => h("li", null, h("code", null, found.lint), ` ${found.field}: ${found.about}`)))),
    told.events.length > 0 && h("section", null, h("h3", null, "What it did to the order"),
      h("ul", null, told.events.map((event) => h("li", null, words(event.change), event.amount && ` ${event.amount}`, event.reason && `: ${event.reason}`)))),
    told.pushbacks.length > 0 && h("section", null, h("h3", null, "Push-backs that it caused"),
      h("ul", null, told.pushbacks.map((one) => h("li", null,
        h("a", { href: also({ ...CLOSED, pushback: one.id }) }, `${words(one.cause)} to ${one.url}`), ": ", delivery(standing(one)), ` after ${one.attempts.length} ${one.attempts.length === 1 ? "attempt" : "attempts"}`)))),
    told.nearestRules.length > 0 && h("section", null, h("h3", null, "Rules that came near"),
      h("ul", null, told.nearestRules.map((near) => h("li", null, h("code", null, near.rule), ": ",
        near.failed.map((miss) => `${miss.key} ${miss.told}`).join("; "))))),
    h("section", { class: "sides" }, body("What came in", told.request), body("What was answered", told.response)),
  ];
}

export function requestDetail(trace) {
  const element = h("article", { tabindex: "-1", "aria-label": "Request", "data-testid": "request", "aria-busy": "true" });
  let known = "";
  const look = async () => {
    const told = await get(`journal/${encodeURIComponent(trace)}`);
    const now = JSON.stringify(told);
    // What is being read or marked stays in place while nothing new is told.
    if (now === known) return;
    known = now;
    put(element, draw(told));
    element.removeAttribute("aria-busy");
  };
  look().catch((problem) => put(element, h("h2", null, "No such request"), h("p", null, problem.message)));
  // What comes of a request goes on: push-backs are tried.
  return { element, focus: () => element.focus({ preventScroll: true }), close: watch(["pushback"], look) };
}

