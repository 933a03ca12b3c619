// Words and signs for what the API names.
import { h } from "./dom.js";

/** The time of day, to the millisecond. */
export const clock = (at) => (at ?? "").slice(11, 23);

/** The same with its day. */
export const exact = (at) => (at ? `${at.slice(0, 10)} ${clock(at)}` : "");

/** An instant in ms. */
export const instant = (at) => Date.parse(at);

const UNITS = [[1000, 60, "s"], [60_000, 60, "min"], [3_600_000, 48, "h"], [86_400_000, Infinity, "d"]];
/** How far `at` is from `now`, in ms: "3 min ago", "in 5 s". */
export function age(at, now) {
  const apart = now - instant(at);
  const [ms, , unit] = UNITS.find(([ms, most]) => Math.abs(apart) < ms * most);
  const count = Math.floor(Math.abs(apart) / ms);
  if (count === 0) return "now";
  return apart < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

const STATE = {
  registered: ["…", "wait"], authorised: ["◐", "wait"], captured: ["✓", "good"], partlyRefunded: ["◑", "back"],
  refunded: ["↩", "back"], reversed: ["↩", "back"], failed: ["✕", "bad"], cancelled: ["–", "off"], expired: ["⌛", "off"],
};
export const STATES = Object.keys(STATE);
export const OPERATIONS = ["register", "reversal", "refund", "preAuthCompletion", "orders", "status", "bindingRegister",
  "bindingList", "createPin", "enablePin", "disablePin", "reconciliation", "notifyQrScanned", "notifyProcessing",
  "notifyCompletion", "cancelQr"];
export const METHODS = ["PAYON", "CREDIT_DEBIT", "PPCBANK_TRANSFER", "BAKONG_KHQR"];
export const EVENTS = ["expire", "cancel", "settle", "late-decline", "late-approval", "chargeback"];
/** What each event does, in short. */
export const EVENTS_ABOUT = {
  expire: "its time runs out now", cancel: "the payer gives up", settle: "the day is closed for it", "late-decline": "the issuer takes its approval back",
  "late-approval": "the issuer approves after all", chargeback: "the issuer takes a captured payment back",
};
export const SIGNATURE = ["sign.invalid", "sign.missing"];

/** `partlyRefunded` → "partly refunded". */
export const words = (name) => (name ?? "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A state as a badge: never by colour alone. */
export function badge(state) {
  const [sign, kind] = STATE[state] ?? ["?", "off"];
  return h("span", { class: `badge ${kind}` }, h("span", { "aria-hidden": "true" }, `${sign} `), words(state));
}

const DELIVERY = { waiting: ["…", "wait"], inFlight: ["→", "wait"], acknowledged: ["✓", "good"], exhausted: ["✕", "bad"], retrying: ["↻", "warn"] };

/** Whether the last attempt of a push-back was not acknowledged. */
export const isFailing = ({ attempts }) => attempts.length > 0 && !attempts[attempts.length - 1].acknowledged;

/** How a push-back stands: its state, or `retrying` where another attempt follows a failed one. */
export const standing = (pushback) => (pushback.state !== "exhausted" && isFailing(pushback) ? "retrying" : pushback.state);

/** How a push-back stands, as a badge. */
export function delivery(name, count = 1) {
  const [sign, kind] = DELIVERY[name];
  return h("span", { class: `badge ${kind}` }, h("span", { "aria-hidden": "true" }, `${sign} `), words(name), count > 1 && ` ×${count}`);
}

/** How the push-backs of an order stand, as a badge: the worst of them. Empty where none is to be told of yet. */
export function told({ pushbacks, noPushback }) {
  if (noPushback) return h("span", { class: "badge off", title: noPushback }, h("span", { "aria-hidden": "true" }, "∅ "), "none");
  const worst = ["exhausted", "retrying", "inFlight", "waiting", "acknowledged"].find((name) => pushbacks.some((one) => standing(one) === name));
  return worst ? delivery(worst, pushbacks.filter((one) => standing(one) === worst).length) : "";
}

/** Whether the merchant was refused. */
export const isRefused = (entry) => entry.reason !== "success";

/** Whether a reply is still on its way. */
export const isUnderWay = ({ stage }) => stage === "held" || stage === "leaving";

/** Whether the caller has got no whole reply and gets none. */
export const isLost = (wire) => Boolean(wire) && !wire.answered && !isUnderWay(wire);

/** How a request came out, as a badge. */
export function outcome(entry) {
  const fine = !isRefused(entry);
  const kind = fine ? "good" : SIGNATURE.includes(entry.reason) ? "bad" : "warn";
  return h("span", { class: `badge ${kind}` }, h("span", { "aria-hidden": "true" }, fine ? "✓ " : "✕ "), entry.reason);
}

/** Who called what, in short. */
export function title(entry) {
  if (entry.control) return `${entry.control} (control)`;
  if (entry.operation) return words(entry.operation);
  return entry.request?.page ? `payer: ${entry.request.page}` : "unknown path";
}

/** A body as it can be read. */
export const pretty = (body) => (typeof body === "string" ? body : body === null ? "(empty)" : JSON.stringify(body, null, 2));
