// What happened to an order as a sequence diagram: who said what to whom. The list beside it says the same in words,
// so the drawing is for eyes and the mouse only.
import { s } from "./dom.js";
import { go } from "./place.js";
import { isLost, isRefused, isUnderWay, title, words } from "./words.js";

const LANES = { merchant: 80, gateway: 270, payer: 460, issuer: 620 };
const NAMES = { merchant: "Merchant", gateway: "Gateway", payer: "Payer", issuer: "Issuer / bank" };
const WIDTH = 700;
const TOP = 46;
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

function stroke(line, y) {
  const kind = `${line.back ? "back" : ""} ${line.bad ? "bad" : ""}`;
  if (line.note) {
    const width = Math.max(70, line.note.length * 7.2 + 20);
    return s("g", { class: `note ${kind} ${line.state ? "state" : ""} ${line.missing ? "missing" : ""}` },
      s("rect", { x: LANES.gateway - width / 2, y: y - 15, width, height: 22, rx: 11 }),
      s("text", { x: LANES.gateway, y }, line.note));
  }
  const [x1, x2] = [LANES[line.from], LANES[line.to]];
  const way = Math.sign(x2 - x1);
  // What is lost ends on the way, with a cross in place of the head.
  const end = line.lost ? x1 + (x2 - x1) * 0.7 : x2 - 4 * way;
  return s("g", { class: `arrow ${kind}` },
    s("path", { d: `M${x1 + 4 * way} ${y}H${end}` }),
    line.lost ? s("path", { class: "cross", d: `M${end - 4} ${y - 4}l8 8m0 -8l-8 8` })
      : s("path", { class: "head", d: `M${end} ${y}l${-8 * way} -4v8z` }),
    s("text", { x: (x1 + x2) / 2, y: y - (line.lost ? 8 : 5) }, line.text),
    // The flag stands beyond the head.
    line.rule && s("text", { class: `rule ${way < 0 ? "left" : ""}`, x: x2 + 8 * way, y: y + 4 }, `⚑ ${line.rule}`));
}

/** Draws the items of an order's timeline. */
export function diagram(items) {
  let y = TOP + 22;
  const rows = items.slice(0, ROWS_MAX).map((item) => {
    const from = y - 18;
    const drawn = strokes(item).map((line) => {
      const shape = stroke(line, y);
      y += line.note ? 30 : 26;
      return shape;
    });
    y += 4;
    const reach = s("rect", { class: "reach", x: 0, y: from, width: WIDTH, height: y - from - 6 });
    return s("g", item.href ? { class: "row link", onclick: () => go(item.href) } : { class: "row" }, reach, drawn);
  });
  const lanes = Object.entries(LANES).map(([name, x]) => s("g", { class: "lane" },
    s("path", { d: `M${x} ${TOP}V${y}` }), s("rect", { x: x - 62, y: 8, width: 124, height: 28, rx: 6 }),
    s("text", { x, y: 27 }, NAMES[name])));
  return s("svg", { class: "diagram", viewBox: `0 0 ${WIDTH} ${y + 8}`, "aria-hidden": "true", "data-testid": "diagram" }, lanes, rows);
}
