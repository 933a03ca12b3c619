// What must not be overlooked, on every first screen: signatures that were refused, with the likely cause in words;
// and push-backs that nobody takes.
import { get, space } from "./api.js";
import { button, h, put } from "./dom.js";
import { watch } from "./live.js";
import { also, address } from "./place.js";
import { SIGNATURE, clock, title } from "./words.js";

const SHOWN = 3;
const causes = new Map();

/** The cause of a refused signature; explained once for each request. */
async function cause(trace) {
  if (!causes.has(trace)) {
    const told = await get(`journal/${trace}`);
    causes.set(trace, told.signature?.summary ?? told.detail);
  }
  return causes.get(trace);
}

/** What this browser has seen in this space: the trace of the latest refusal and its time. */
const KEY = `payon-sim seen ${space}`;
const remember = (entry) => {
  // Without the right to keep anything, it holds until the page is loaded again.
  try { localStorage.setItem(KEY, JSON.stringify({ trace: entry.trace, at: entry.at })); } catch { /* see above */ }
};
/** The trace up to which all was seen. Traces begin anew with a server or a reset, so the entry must still be the same. */
async function recall() {
  try {
    const seen = JSON.parse(localStorage.getItem(KEY));
    return seen && (await get(`journal/${encodeURIComponent(seen.trace)}`)).at === seen.at ? seen.trace : "";
  } catch {
    return "";
  }
}

export function attention() {
  const element = h("section", { class: "attention", "aria-label": "Needs your attention", hidden: true, "data-testid": "attention" });
  let seenUpTo = null;
  let drawn = "";
  const look = async () => {
    const { entries, total } = await get("journal", { newest: true, limit: SHOWN, reason: SIGNATURE });
    if (total === 0) seenUpTo = "";
    seenUpTo ??= await recall();
    const fresh = entries.filter((entry) => entry.trace > seenUpTo);
    const state = fresh.map((entry) => entry.trace).join() + total;
    if (state === drawn) return;
    const told = await Promise.all(fresh.map((entry) => cause(entry.trace)));
    drawn = state;
    element.hidden = fresh.length === 0;
    put(element,
      h("h2", null, h("span", { "aria-hidden": "true" }, "⚠ "),
        total === 1 ? "A signature was refused" : `${total} signatures were refused`),
      h("ul", null, fresh.map((entry, at) => h("li", null,
        h("p", null, h("b", null, title(entry)), " ", h("bdi", null, entry.txId ?? ""), ` by ${entry.merchantId ?? "nobody known"}, `,
          h("time", null, clock(entry.at)), ": ", told[at]),
        h("a", { class: "button", href: also({ tab: "requests", request: entry.trace, order: undefined }), "data-testid": "why" },
          "Show both strings and what to do")))),
      h("p", { class: "buttons" },
        total > fresh.length && h("a", { href: address({ tab: "requests", reason: SIGNATURE }) }, `All ${total}`),
        button("Seen", () => {
          seenUpTo = entries[0].trace;
          remember(entries[0]);
          drawn = "";
          element.hidden = true;
        }, { class: "small", title: "Hide these until another signature is refused" })));
  };
  const stop = watch(["request"], look);
  look().catch(() => {});
  return { element, close: stop };
}
