// The journal, newest first: every request, also those that belong to no order.
import { get } from "./api.js";
import { when } from "./clock.js";
import { field, h, select } from "./dom.js";
import { List } from "./list.js";
import { watch } from "./live.js";
import { filters } from "./orders.js";
import { loadReasons, picker } from "./picker.js";
import { CLOSED, also, place } from "./place.js";
import { OPERATIONS, outcome, title, words } from "./words.js";

const FILTERS = ["search", "operation", "reason"];

export function requestsView() {
  const search = h("input", { type: "search", "data-testid": "search", placeholder: "txId, merchant, reason, rule …", autocomplete: "off", spellcheck: "false" });
  const reason = picker("Reasons", loadReasons, { placeholder: "sign.invalid" });
  const operation = select({ "data-testid": "operation" }, [["", "any"], ...OPERATIONS.map((name) => [name, words(name)])], "");
  const bar = filters(FILTERS, { search, operation, reason: reason.input });
  let [current, asked] = [undefined, ""];
  const list = new List({
    label: "Requests, newest first",
    columns: ["time", "request", "order", "HTTP", "outcome"],
    async load(offset, limit) {
      const here = place();
      // Several reasons stand in one field, a space between them.
      const reasons = [here.reason ?? []].flat().flatMap((text) => text.split(/\s+/));
      const page = await get("journal", { newest: true, offset, limit, search: here.search, operation: here.operation, reason: reasons });
      return { items: page.entries, total: page.total };
    },
    name: (entry) => entry.trace,
    row: (entry) => ({
      href: also({ ...CLOSED, request: entry.trace }),
      current: entry.trace === current,
      cells: [when(entry.at), h("b", null, title(entry), h("small", null, entry.merchantId ?? "no merchant")),
        h("bdi", null, entry.txId ?? "–"), String(entry.status),
        h("span", { class: "states" }, outcome(entry), entry.rule && h("small", null, `rule ${entry.rule}`))],
    }),
    none: () => h("p", null, "No request is like that."),
  });
  list.element.dataset.testid = "requests";
  const stop = watch(["request"], () => list.refresh());
  return {
    element: h("section", { "aria-label": "Requests" },
      h("div", { class: "filters", role: "search" }, field("Search", search), field("Operation", operation), field("Reason", reason.element)),
      list.element),
    async update(here) {
      bar.show(here);
      const wanted = JSON.stringify(FILTERS.map((name) => here[name] ?? null));
      const changed = wanted !== asked;
      [asked, current] = [wanted, here.request];
      if (changed) await list.reset();
      else { list.redraw = true; list.draw(); }
    },
    focus: () => list.focus(),
    close: stop,
  };
}
