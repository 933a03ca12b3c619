// The push-backs, newest first: how each stands, what the merchant answered, and once more for one or for many.
import { get, post } from "./api.js";
import { since, when } from "./clock.js";
import { button, confirm, copyable, field, h, put, say, select } from "./dom.js";
import { List } from "./list.js";
import { happened, watch } from "./live.js";
import { filters } from "./orders.js";
import { CLOSED, also, orderName, place } from "./place.js";
import { clock, delivery, exact, pretty, standing, words } from "./words.js";

const FILTERS = ["search", "state", "cause", "merchantId"];
const STANDINGS = ["failing", "waiting", "inFlight", "acknowledged", "exhausted"];
const CAUSES = ["approved", "completed", "reversed", "refunded", "chargedBack", "failed", "cancelled", "expired", "unasked"];
/** Push-backs that are sent once more at one press of a button at most; so many the server names at once. */
const RESEND_MAX = 1000;
const any = (names) => [["", "any"], ...names.map((name) => [name, words(name)])];

const wanted = () => {
  const here = place();
  return Object.fromEntries(FILTERS.map((name) => [name, here[name]]));
};

/** What came of the last attempt, in a few words. */
function outcome({ attempts }) {
  const last = attempts[attempts.length - 1];
  if (!last) return "not sent yet";
  return last.error ?? `HTTP ${last.status}`;
}

/** Sends every push-back once more that fits the filters. */
async function resendAll() {
  const { pushbacks, total } = await get("pushbacks", { newest: true, limit: RESEND_MAX, ...wanted() });
  if (!total) return say("No push-back is like that.");
  const more = total > pushbacks.length ? `, the newest ${pushbacks.length} of them` : "";
  if (!await confirm("Resend?", `${total} push-${total === 1 ? "back fits" : "backs fit"} the filters${more}. Each is sent once more, now.`, "Resend")) return undefined;
  // One that is under way just now is left alone.
  const sent = await Promise.all(pushbacks.map(({ id }) => post(`pushbacks/${id}/resend`).then(() => 1, () => 0)));
  happened("pushback");
  return say(`${sent.reduce((sum, one) => sum + one, 0)} push-backs are sent once more`);
}

export function pushbacksView() {
  const search = h("input", { type: "search", "data-testid": "search", placeholder: "txId, merchant, URL, error …", autocomplete: "off", spellcheck: "false" });
  const inputs = { search, state: select({ "data-testid": "state" }, any(STANDINGS), ""), cause: select({}, any(CAUSES), ""), merchantId: select({}, any([]), "") };
  const bar = filters(FILTERS, inputs);
  let [current, asked] = [undefined, ""];
  const list = new List({
    label: "Push-backs, newest first",
    columns: ["created", "order", "merchant's answer", "attempts", "state"],
    async load(offset, limit) {
      const page = await get("pushbacks", { newest: true, offset, limit, ...wanted() });
      return { items: page.pushbacks, total: page.total };
    },
    name: (one) => one.id,
    row: (one) => ({
      href: also({ ...CLOSED, pushback: one.id }),
      current: String(one.id) === current,
      cells: [when(one.createdAt), h("b", null, h("bdi", null, one.txId), h("small", null, words(one.cause))),
        h("span", { title: outcome(one) }, outcome(one), h("small", null, one.url)), `${one.attempts.length} ${one.attempts.length === 1 ? "attempt" : "attempts"}`,
        h("span", { class: "states" }, delivery(standing(one)), one.nextAttemptAt && h("small", null, `next ${clock(one.nextAttemptAt)}`))],
    }),
    none: () => h("p", null, FILTERS.some((name) => place()[name]) ? "No push-back is like that."
      : "No push-backs yet. One is sent when an order is paid that has a noti_url, or whose merchant has one."),
  });
  list.element.classList.add("pushbacks");
  list.element.dataset.testid = "pushbacks";
  const stop = watch(["pushback"], () => list.refresh());
  get("merchants").then(({ merchants }) => {
    inputs.merchantId.append(...merchants.map(({ merchantId }) => h("option", { value: merchantId }, merchantId)));
    bar.show(place());
  }, () => {});
  return {
    element: h("section", { "aria-label": "Push-backs" },
      h("div", { class: "filters", role: "search" }, field("Search", search), field("State", inputs.state), field("Cause", inputs.cause),
        field("Merchant", inputs.merchantId), button("Resend all of these", resendAll, { "data-testid": "resend-all" })),
      list.element),
    async update(here) {
      bar.show(here);
      const now = JSON.stringify(FILTERS.map((name) => here[name] ?? null));
      const changed = now !== asked;
      [asked, current] = [now, here.pushback];
      if (changed) await list.reset();
      else { list.redraw = true; list.draw(); }
    },
    focus: () => list.focus(),
    close: stop,
  };
}

/** A button that sends a push-back once more. */
export const resend = (one, after = () => {}) => button("Resend", async () => {
  await post(`pushbacks/${one.id}/resend`);
  happened("pushback");
  say(`push-back ${one.cause} is sent once more`);
  await after();
}, { class: "small", "data-testid": "resend", "aria-label": `Resend the push-back ${one.cause}` });

const fact = (name, value) => value && h("div", null, h("dt", null, name), h("dd", null, value));

function attempt({ at, tookMs, acknowledged, status, response, headers, error }, index) {
  const names = Object.entries(headers);
  return h("li", { class: acknowledged ? "good" : "bad" },
    h("p", null, h("b", null, `Attempt ${index + 1}`), " ", h("time", null, exact(at)), ` ${acknowledged ? "acknowledged" : `not acknowledged: ${error}`}, ${tookMs} ms`),
    status === null ? h("p", { class: "note" }, "There was no answer.") : [
      h("p", null, h("code", null, `HTTP ${status}`)),
      names.length > 0 && h("details", null, h("summary", null, `${names.length} headers`),
        h("pre", { tabindex: "0", role: "group", "aria-label": `Headers of attempt ${index + 1}` }, names.map((pair) => pair.join(": ")).join("\n"))),
      h("pre", { tabindex: "0", role: "group", "aria-label": `Body of attempt ${index + 1}` }, response || "(an empty body)")]);
}

function draw(one, look) {
  return [
    h("p", { class: "order-state" }, delivery(standing(one)), one.nextAttemptAt && [" next attempt at ", exact(one.nextAttemptAt), " (", since(one.nextAttemptAt), ")"], " ", resend(one, look)),
    one.content !== "true" && h("p", { class: "bad" }, `A rule has it say ${words(one.content).replaceAll("-", " ")} in place of the truth.`),
    h("h3", null, one.attempts.length ? "What the merchant answered" : "Not sent yet"),
    h("ol", { class: "attempts", "data-testid": "attempts" }, one.attempts.map(attempt).reverse()),
    h("h3", null, "What is sent"),
    h("p", null, h("code", null, "POST "), copyable(one.url, "address")),
    h("pre", { tabindex: "0", role: "group", "aria-label": "Body that is sent", "data-testid": "sent" }, pretty(one.body)),
    one.fillerBytes > 0 && h("p", { class: "note" }, `The member filler has ${one.fillerBytes.toLocaleString("en")} bytes.`),
    h("dl", { class: "facts" }, fact("merchant", one.merchantId), fact("created", exact(one.createdAt)), fact("number", String(one.id)),
      fact("caused by", one.trace && h("a", { href: also({ request: one.trace }) }, "a request"))),
  ];
}

export function pushbackDetail(id) {
  const rest = h("div", { "aria-busy": "true" });
  const heading = h("h2", { tabindex: "-1" }, `Push-back ${id}`);
  const element = h("article", { tabindex: "-1", "aria-label": "Push-back", "data-testid": "pushback" }, heading, rest);
  let known = "";
  const look = async () => {
    const before = Number(id) - 1;
    const { pushbacks: [one] } = before >= 0 ? await get("pushbacks", { after: before, limit: 1 }) : { pushbacks: [] };
    if (String(one?.id) !== id) {
      put(rest, h("p", { class: "bad" }, "There is no such push-back in this space, or it is kept no longer."));
      return;
    }
    const now = JSON.stringify(one);
    if (now === known) return;
    known = now;
    const held = rest.contains(document.activeElement) ? document.activeElement.dataset.testid : undefined;
    put(heading, `Push-back ${words(one.cause)} of `, h("a", { href: also({ pushback: undefined, request: undefined, order: orderName(one.merchantId, one.txId) }) }, h("bdi", null, one.txId)));
    put(rest, draw(one, look));
    rest.removeAttribute("aria-busy");
    if (held) rest.querySelector(`[data-testid="${held}"]`)?.focus();
  };
  look().catch((problem) => put(rest, h("p", { class: "bad" }, problem.message)));
  return { element, focus: () => element.focus({ preventScroll: true }), close: watch(["pushback"], look) };
}
