// Words and signs for what the API names.
import { h } from "./dom.js";

/** The time of day, to the second; the day in front where it is another than `today`'s. */
export function clock(at, today) {
  if (!at) return "";
  const day = at.slice(0, 10);
  return (today && day !== today.slice(0, 10) ? `${day} ` : "") + at.slice(11, 19);
}

/** The same to the millisecond. */
export const exact = (at) => (at ? `${at.slice(0, 10)} ${at.slice(11, 23)}` : "");

/** An instant in ms. */
export const instant = (at) => Date.parse(at);

const STATE = {
  registered: ["…", "wait"], authorised: ["◐", "wait"], captured: ["✓", "good"], partlyRefunded: ["◑", "back"],
  refunded: ["↩", "back"], reversed: ["↩", "back"], failed: ["✕", "bad"], cancelled: ["–", "off"], expired: ["⌛", "off"],
};
export const STATES = Object.keys(STATE);
export const METHODS = ["PAYON", "CREDIT_DEBIT", "PPCBANK_TRANSFER", "BAKONG_KHQR"];
export const EVENTS = ["expire", "cancel", "settle", "late-decline", "late-approval", "chargeback"];
export const SIGNATURE = ["sign.invalid", "sign.missing"];

/** `partlyRefunded` → "partly refunded". */
export const words = (name) => (name ?? "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A state as a badge: never by colour alone. */
export function badge(state) {
  const [sign, kind] = STATE[state] ?? ["?", "off"];
  return h("span", { class: `badge ${kind}` }, h("span", { "aria-hidden": "true" }, `${sign} `), words(state));
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
