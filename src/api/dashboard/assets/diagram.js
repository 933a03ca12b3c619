// What happened to an order as a sequence diagram: who said what to whom. The list beside it says the same in words,
// so the drawing is for eyes and the mouse only.
import { s } from "./dom.js";
import { go } from "./place.js";
import { isLost, isRefused, isUnderWay, title, words } from "./words.js";

const NAMES = { merchant: "Merchant", gateway: "Gateway", payer: "Payer", issuer: "Issuer" };
/** Where the lanes stand, and how wide their heads are. */
const WIDE = { width: 700, head: 124, merchant: 80, gateway: 270, payer: 460, issuer: 620 };
const PHONE = { width: 360, head: 78, merchant: 44, gateway: 136, payer: 228, issuer: 316 };
/** With less room than this, in px, the diagram is a phone's. */
export const NARROW = 520;
const TOP = 46;
/** Width of a character, about. */
const CHARACTER = 6.6;
/** Rows drawn at most; the list has all. */
const ROWS_MAX = 300;

/** Who speaks to the gateway in a request. */
function speaker(entry) {
  if (entry.control === "trigger") {
    const event = entry.request?.event ?? "";
    return event === "cancel" ? "payer" : /^(late|charge)/.test(event) ? "issuer" : null;
  }
  if (entry.control) return "payer";
  if (/^(notify|cancelQr)/.test(entry.operation ?? "")) return "issuer";
  return entry.operation || !entry.request?.page ? "merchant" : "payer";
}

/** What stands at the arrow of an answer: the reason, and how it left where a rule had a hand in that. */
function answered({ reason, rule, plan, wire }) {
  if (isLost(wire)) return `${reason}, ${wire.status === null ? "never sent" : "cut off"}: ${wire.fault ?? wire.stage}`;
  if (wire && isUnderWay(wire)) return `${reason}, ${wire.stage} so far`;
  if (wire?.fault) return `${reason}, ${wire.fault}`;
  return rule && plan ? `${reason}, by rule` : reason;
}

/** What an answer told that was not in the books then, and is not yet or never will be. */
function unbooked({ booking }) {
  const never = booking?.when === "never" || booking?.withheldState === "overtaken";
  if (!never && booking?.withheldState !== "waiting") return [];
  return booking.withheld.map((one) => ({ note: `${words(one.change)}: ${never ? "never booked" : "not booked yet"}`, missing: true, bad: never }));
}

/** The arrows and notes of one item of the timeline. */
function strokes(item) {
  const { entry, change, attempt } = item;
  if (entry) {
    const from = speaker(entry);
    const bad = isRefused(entry);
    const name = entry.control === "trigger" ? `trigger ${entry.request?.event ?? ""}` : title(entry).replace(" (control)", "");
    if (!from) return [{ note: name, bad }];
    const asked = [{ from, to: "gateway", text: name, rule: entry.rule }];
    // The issuer is asked where the payer's step led to an answer of it.
    if (item.asked) asked.push({ from: "gateway", to: "issuer", text: "authorise" }, { from: "issuer", to: "gateway", text: item.asked, back: true, bad: item.declined });
    const lost = isLost(entry.wire);
    return [...asked, { from: "gateway", to: from, text: answered(entry), back: true, bad: bad || lost, lost }, ...unbooked(entry)];
  }
  if (change) return [{ note: words(change.change) + (change.amount ? ` ${change.amount}` : "") + (item.late ? ", after the answer" : ""), state: true, bad: change.change === "failed" || change.change === "rejected" }];
  const bad = !attempt.acknowledged;
  const answer = attempt.status ? `${attempt.status}${bad ? ", not acknowledged" : ""}` : "no answer";
  return [{ from: "gateway", to: "merchant", text: `push-back: ${item.pushback.cause}` }, { from: "merchant", to: "gateway", text: answer, back: true, bad }];
}

/** A text as long as there is room, not beyond the edges. */
function label(lanes, x, y, text) {
  const most = Math.floor((lanes.width - 8) / CHARACTER);
  const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  const half = (shown.length * CHARACTER) / 2;
  return s("text", { x: Math.min(Math.max(x, half + 4), lanes.width - half - 4), y }, shown);
}

/** Draws one arrow or note; returns it and how much room it takes. */
function stroke(lanes, line, y) {
  const kind = `${line.back ? "back" : ""} ${line.bad ? "bad" : ""}`;
  if (line.note) {
    const width = Math.min(Math.max(70, line.note.length * 7.2 + 20), lanes.width - 4);
    const x = Math.max(lanes.gateway, width / 2 + 2);
    return [s("g", { class: `note ${kind} ${line.state ? "state" : ""} ${line.missing ? "missing" : ""}` },
      s("rect", { x: x - width / 2, y: y - 15, width, height: 22, rx: 11 }), label(lanes, x, y, line.note)), 30];
  }
  // On a phone the flag of a rule has no room beyond the head, so it has a row of its own.
  const own = line.rule && lanes === PHONE;
  const at = y + (own ? 14 : 0);
  const [x1, x2] = [lanes[line.from], lanes[line.to]];
  const way = Math.sign(x2 - x1);
  // What is lost ends on the way, with a cross in place of the head.
  const end = line.lost ? x1 + (x2 - x1) * 0.7 : x2 - 4 * way;
  return [s("g", { class: `arrow ${kind}` },
    label(lanes, (x1 + x2) / 2, at - (line.lost ? 8 : 5), line.text),
    s("path", { d: `M${x1 + 4 * way} ${at}H${end}` }),
    line.lost ? s("path", { class: "cross", d: `M${end - 4} ${at - 4}l8 8m0 -8l-8 8` })
      : s("path", { class: "head", d: `M${end} ${at}l${-8 * way} -4v8z` }),
    line.rule && (own ? s("text", { class: "rule", x: 4, y: y - 5 }, `⚑ ${line.rule}`)
      : s("text", { class: `rule ${way < 0 ? "left" : ""}`, x: x2 + 8 * way, y: y + 4 }, `⚑ ${line.rule}`))), own ? 40 : 26];
}

/** Draws the items of an order's timeline; `narrow` for a phone. */
export function diagram(items, narrow = false) {
  const lanes = narrow ? PHONE : WIDE;
  let y = TOP + 22;
  const rows = items.slice(0, ROWS_MAX).map((item) => {
    const from = y - 18;
    const drawn = strokes(item).map((line) => {
      const [shape, room] = stroke(lanes, line, y);
      y += room;
      return shape;
    });
    y += 4;
    const reach = s("rect", { class: "reach", x: 0, y: from, width: lanes.width, height: y - from - 6 });
    return s("g", item.href ? { class: "row link", onclick: () => go(item.href) } : { class: "row" }, reach, drawn);
  });
  const heads = Object.entries(NAMES).map(([name, text]) => [text, lanes[name]]);
  const drawn = heads.map(([text, x]) => s("g", { class: "lane" },
    s("path", { d: `M${x} ${TOP}V${y}` }), s("rect", { x: x - lanes.head / 2, y: 8, width: lanes.head, height: 28, rx: 6 }),
    s("text", { x, y: 27 }, text)));
  return s("svg", { class: `diagram ${narrow ? "narrow" : ""}`, viewBox: `0 0 ${lanes.width} ${y + 8}`, "aria-hidden": "true", "data-testid": "diagram" }, drawn, rows);
}
