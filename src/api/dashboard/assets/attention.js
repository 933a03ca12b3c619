// What must not be overlooked: signatures that were refused, with the likely cause in words, and push-backs that nobody
// takes. New things are a panel on the first screen, one line while something else is read, and a badge once they were seen.
import { get, space } from "./api.js";
import { button, h, put } from "./dom.js";
import { watch } from "./live.js";
import { CLOSED, address, also, onMove, place } from "./place.js";
import { SIGNATURE, clock, standing, title, words } from "./words.js";

/** Things of a kind that are listed. */
const SHOWN = 2;
/** The newest failing push-backs that are looked at. */
const FAILING_MAX = 30;
const causes = new Map();

/** The cause of a refused signature; explained once for each request. */
async function cause(trace) {
  if (!causes.has(trace)) {
    const told = await get(`journal/${trace}`);
    causes.set(trace, told.signature?.summary ?? told.detail);
  }
  return causes.get(trace);
}

/** What this browser has seen in this space: the latest refusal, and the push-backs that failed. */
const KEY = `payon-sim seen ${space}`;
const stored = () => {
  try { return JSON.parse(localStorage.getItem(KEY)) ?? {}; } catch { return {}; }
};
const remember = (seen) => {
  // Without the right to keep anything, it holds until the page is loaded again.
  try { localStorage.setItem(KEY, JSON.stringify(seen)); } catch { /* see above */ }
};
/** The trace up to which all was seen. Traces begin anew with a server or a reset, so the entry must still be the same. */
async function recall() {
  try {
    const { trace, at } = stored();
    return trace && (await get(`journal/${encodeURIComponent(trace)}`)).at === at ? trace : "";
  } catch {
    return "";
  }
}
/** The name of a push-back that no other has, not even after a reset. */
const nameOf = ({ id, createdAt }) => `${id} ${createdAt}`;

const several = (count, one, many) => (count === 1 ? one : `${count} ${many}`);

function refusal(entry, why) {
  return h("li", null,
    h("p", null, h("b", null, title(entry)), " ", h("bdi", null, entry.txId ?? ""), ` by ${entry.merchantId ?? "nobody known"}, `,
      h("time", null, clock(entry.at)), ": ", why),
    h("a", { class: "button", href: also({ ...CLOSED, tab: "requests", request: entry.trace }), "data-testid": "why" }, "Show both strings and what to do"));
}

function failure(one) {
  const { at, error } = one.attempts[one.attempts.length - 1];
  return h("li", null,
    h("p", null, h("b", null, `push-back ${words(one.cause)}`), " of ", h("bdi", null, one.txId), ", ", h("time", null, clock(at)),
      `: ${error}, ${several(one.attempts.length, "one attempt", "attempts")}; `,
      one.nextAttemptAt ? `next at ${clock(one.nextAttemptAt)}` : standing(one) === "exhausted" ? "given up" : "another is under way"),
    h("a", { class: "button", href: also({ ...CLOSED, tab: "pushbacks", pushback: one.id }), "data-testid": "why-pushback" }, "Show the push-back"));
}

export function attention() {
  const wide = matchMedia("(min-width: 48rem)");
  const body = h("div", { class: "alarm-body" });
  const heading = h("h2");
  const fold = button("", () => { chosen = !isOpen(); show(); }, { class: "small", "data-testid": "fold" });
  const element = h("section", { class: "attention", "aria-label": "Needs your attention", hidden: true, "data-testid": "attention" },
    h("div", { class: "alarm-head" }, heading, fold, button("Seen", seen, { class: "small", "data-testid": "seen", title: "Make this a badge until something else goes wrong" })), body);
  const badge = button("", () => { chosen = element.hidden || !isOpen(); show(); }, { class: "alarm", hidden: true, "data-testid": "alarm" });
  // `chosen`: whether the reader has unfolded or folded it at this place.
  let [chosen, seenUpTo, seenNames, fresh, drawn] = [undefined, null, new Set(stored().pushbacks), false, ""];
  let [entries, refused, failing, failed] = [[], 0, [], 0];

  const isOpen = () => chosen ?? (wide.matches && !document.body.classList.contains("open"));
  function show() {
    const all = refused + failed;
    const open = isOpen();
    element.hidden = all === 0 || !(fresh || chosen);
    element.dataset.form = open ? "panel" : "line";
    body.hidden = !open;
    fold.textContent = open ? "Fold" : "Show";
    fold.setAttribute("aria-expanded", String(open));
    badge.hidden = all === 0;
    badge.dataset.fresh = String(fresh);
    badge.textContent = `⚠ ${all}`;
    badge.setAttribute("aria-label", `${all} ${all === 1 ? "thing needs" : "things need"} your attention${fresh ? "" : ", all seen"}`);
  }
  function seen() {
    seenUpTo = entries[0]?.trace ?? "";
    seenNames = new Set(failing.map(nameOf));
    remember({ trace: entries[0]?.trace, at: entries[0]?.at, pushbacks: [...seenNames] });
    [chosen, drawn] = [undefined, ""];
    return look();
  }
  async function look() {
    const [journal, deliveries] = await Promise.all([get("journal", { newest: true, limit: SHOWN, reason: SIGNATURE }),
      get("pushbacks", { newest: true, limit: FAILING_MAX, state: "failing" })]);
    [entries, refused, failing, failed] = [journal.entries, journal.total, deliveries.pushbacks, deliveries.total];
    if (refused === 0) seenUpTo = "";
    seenUpTo ??= await recall();
    const newEntries = entries.filter((entry) => entry.trace > seenUpTo);
    const newFailing = failing.filter((one) => !seenNames.has(nameOf(one)));
    fresh = newEntries.length + newFailing.length > 0;
    // What is new comes first; once all was seen, the badge shows the latest of it again.
    const [some, others] = fresh ? [newEntries, newFailing.slice(0, SHOWN)] : [entries, failing.slice(0, SHOWN)];
    const state = JSON.stringify([fresh, refused, failed, some.map(({ trace }) => trace), others.map((one) => [nameOf(one), one.attempts.length, one.state])]);
    if (state !== drawn) {
      const causes = await Promise.all(some.map((entry) => cause(entry.trace)));
      drawn = state;
      put(heading, h("span", { "aria-hidden": "true" }, "⚠ "), [refused > 0 && several(refused, "A signature was refused", "signatures were refused"),
        failed > 0 && several(failed, "a push-back fails", "push-backs fail")].filter(Boolean).join(", ").replace(/^./, (letter) => letter.toUpperCase()));
      put(body, h("ul", null, some.map((entry, at) => refusal(entry, causes[at])), others.map(failure)),
        h("p", { class: "buttons" },
          refused > some.length && h("a", { href: address({ tab: "requests", reason: SIGNATURE }) }, `All ${refused} refused`),
          failed > others.length && h("a", { href: address({ tab: "pushbacks", state: "failing" }) }, `All ${failed} failing`)));
    }
    show();
  }
  let opened = "";
  onMove(({ order, request, pushback }) => {
    // At another place it is folded or not as is fit there.
    const now = order ?? request ?? pushback ?? "";
    if (now !== opened) [opened, chosen] = [now, undefined];
    queueMicrotask(show);
  });
  const first = place();
  opened = first.order ?? first.request ?? first.pushback ?? "";
  wide.addEventListener("change", show);
  watch(["request", "pushback"], look);
  look().catch(() => {});
  return { element, badge };
}
