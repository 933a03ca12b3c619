// What happened to an order as a sequence diagram: who said what to whom. The list beside it says the same in words,
// so the drawing is for eyes and the mouse only.
import { s } from "./dom.js";
import { go } from "./place.js";
import { isRefused, title, words } from "./words.js";

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
    return [...asked, { from: "gateway", to: from, text: entry.rule && entry.plan ? `${entry.reason}, by rule` : entry.reason, back: true, bad }];
  }
  if (change) return [{ note: words(change.change) + (change.amount ? ` ${change.amount}` : ""), state: true, bad: change.change === "failed" || change.change === "rejected" }];
  const bad = !attempt.acknowledged;
  const answer = attempt.status ? `${attempt.status}${bad ? ", not acknowledged" : ""}` : "no answer";
  return [{ from: "gateway", to: "merchant", text: `push-back: ${item.pushback.cause}` }, { from: "merchant", to: "gateway", text: answer, back: true, bad }];
}

function stroke(line, y) {
  const kind = `${line.back ? "back" : ""} ${line.bad ? "bad" : ""}`;
  if (line.note) {
    const width = Math.max(70, line.note.length * 7.2 + 20);
    return s("g", { class: `note ${kind} ${line.state ? "state" : ""}` },
      s("rect", { x: LANES.gateway - width / 2, y: y - 15, width, height: 22, rx: 11 }),
      s("text", { x: LANES.gateway, y }, line.note));
  }
  const [x1, x2] = [LANES[line.from], LANES[line.to]];
  const way = Math.sign(x2 - x1);
  return s("g", { class: `arrow ${kind}` },
    s("path", { d: `M${x1 + 4 * way} ${y}H${x2 - 4 * way}` }),
    s("path", { class: "head", d: `M${x2 - 4 * way} ${y}l${-8 * way} -4v8z` }),
    s("text", { x: (x1 + x2) / 2, y: y - 5 }, line.text),
    line.rule && s("text", { class: "rule", x: LANES.gateway + 10, y: y + 4, "text-anchor": "start" }, `⚑ ${line.rule}`));
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
