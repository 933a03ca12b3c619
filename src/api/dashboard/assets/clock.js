// The space's clock: shown as it runs, and steered.
import { get, post } from "./api.js";
import { button, field, form, h, put, say } from "./dom.js";
import { happened, watch } from "./live.js";
import { age, clock, exact } from "./words.js";

/** The space's time in ms, as far as it is known here. */
let known = () => Date.now();

/** A point in time in two lines: the time of day, and below it the day and how long ago that is. */
export const when = (at) => h("time", { class: "when", datetime: at }, clock(at),
  h("small", null, at.slice(0, 10), ", ", since(at)));

/** How long ago that is, kept up to date. */
export const since = (at) => h("span", { "data-age": at }, age(at, known()));

/** Brings what is said of ages up to date. */
function grow() {
  for (const one of document.querySelectorAll("[data-age]")) {
    const text = age(one.dataset.age, known());
    if (one.textContent !== text) one.textContent = text;
  }
}

const SKIPS = ["1m", "15m", "1h", "10h", "1 day"];

export function clockView() {
  const time = h("b", { "data-testid": "now" });
  const mood = h("span", { class: "mood", "data-testid": "mood" });
  const due = h("p", { class: "note" });
  const freeze = button("Freeze", () => change({ freeze: !state?.frozen }), { "data-testid": "freeze" });
  let [state, read] = [null, 0];
  const show = () => {
    if (!state) return;
    known = () => Date.parse(state.now) + (performance.now() - read) * state.scale;
    // Between two answers of the server the page counts on by itself, in the server's own zone.
    const zone = state.now.slice(-6);
    const offset = (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))) * 60_000;
    time.textContent = new Date(known() + (offset || 0)).toISOString().slice(0, 19).replace("T", " ");
  };
  const take = (clock) => {
    [state, read] = [clock, performance.now()];
    mood.textContent = clock.frozen ? " frozen" : clock.scale === 1 ? "" : ` ×${clock.scale}`;
    freeze.textContent = clock.frozen ? "Let it run" : "Freeze";
    put(due, clock.nextDue ? `Next due: ${exact(clock.nextDue)}` : "Nothing is due.");
    show();
    grow();
  };
  const look = async () => take(await get("clock"));
  const change = async (wish) => {
    take(await post("clock", wish));
    happened();
    say("The clock was changed");
  };
  setInterval(show, 500);
  setInterval(grow, 5000);
  watch(["clock", "order", "pushback"], look);
  look().catch(() => {});
  return h("details", { class: "menu", "data-testid": "clock" },
    h("summary", null, h("span", { "aria-hidden": "true" }, "◷ "), h("span", { class: "only-wide" }, "Clock "), time, mood),
    h("div", { class: "sheet" }, due,
      h("div", { class: "buttons" }, SKIPS.map((advance) => button(`+ ${advance}`, () => change({ advance }), { "data-testid": `advance-${advance}` }))),
      form({ class: "inline" }, ({ advance }) => change({ advance: advance.trim() }),
        field("Advance by", h("input", { name: "advance", required: true, placeholder: "2h 30m", autocomplete: "off" })), h("button", null, "Advance")),
      form({ class: "inline" }, ({ scale }) => change({ scale: Number(scale) }),
        field("Times as fast", h("input", { name: "scale", type: "number", min: "0", step: "any", required: true, value: "60" })), h("button", null, "Scale")),
      form({ class: "inline" }, ({ set }) => change({ set: `${set.length === 16 ? `${set}:00` : set}${state.now.slice(-6)}` }),
        field("Set to", h("input", { name: "set", type: "datetime-local", step: "1", required: true })), h("button", null, "Set")),
      h("div", { class: "buttons" }, freeze, button("Run until idle", () => change({ runUntilIdle: true }), { "data-testid": "idle" }))));
}
