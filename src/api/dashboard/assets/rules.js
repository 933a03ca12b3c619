// What goes wrong in the space: the armed rules with how often they stepped in, and the catalogue to arm from.
import { get, post, remove } from "./api.js";
import { button, field, h, put, say } from "./dom.js";
import { happened, watch } from "./live.js";
import { go, also } from "./place.js";

export function rulesView() {
  const armed = h("div", { "data-testid": "rules" });
  const found = h("ul", { class: "catalogue", "data-testid": "catalogue" });
  const search = h("input", { type: "search", autocomplete: "off", placeholder: "timeout, push-back, S014 …", "data-testid": "search" });
  let scenarios = [];

  const look = async () => {
    const { rules } = await get("rules");
    put(armed, rules.length === 0 ? h("p", null, "No rule is armed: nothing goes wrong by itself.") : [
      h("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": "Armed rules" }, h("table", null,
        h("thead", null, h("tr", null, ["Rule", "Matched", "Stepped in", "Without effect", "What it does"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", null, rules.map(({ id, matched, fired, matchedWithoutEffect, warnings, rule }) => h("tr", null,
          h("th", { scope: "row" }, id), h("td", null, String(matched)), h("td", null, String(fired)),
          h("td", null, String(matchedWithoutEffect), ...warnings.map((text) => h("p", null, text))),
          h("td", null, rule.about && h("p", null, rule.about), h("details", null, h("summary", null, "the rule"), h("pre", null, JSON.stringify(rule, null, 2))))))))),
      h("p", { class: "buttons" }, button("Clear all rules", async () => {
        await remove("rules");
        happened("rules");
        say("All rules are cleared");
        await look();
      }, { "data-testid": "clear-rules" }))]);
  };
  const list = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = scenarios.filter((one) => {
      const text = `${one.id} ${one.title} ${one.why ?? ""} ${one.correct ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    put(found, fits.map((one) => h("li", null,
      h("div", null, h("h3", null, `${one.id} ${one.title}`), one.why && h("p", null, one.why),
        one.correct && h("p", null, h("b", null, "A correct merchant: "), one.correct)),
      button("Arm", async () => {
        await post(`scenarios/${encodeURIComponent(one.id)}/arm`);
        happened("rules");
        say(`${one.id} is armed`);
        await look();
      }, { "aria-label": `Arm ${one.id}`, "data-testid": `arm-${one.id}` }))));
    if (!fits.length) put(found, h("li", null, "No scenario is like that."));
  };
  search.addEventListener("input", () => {
    list();
    go(also({ search: search.value.trim() || undefined }), true);
  });
  get("scenarios").then((catalogue) => { scenarios = catalogue.scenarios; list(); }, (problem) => say(problem.message, true));
  look().catch(() => {});
  const stop = watch(["rules", "request"], look);
  return {
    element: h("section", { class: "page", "aria-label": "Rules" },
      h("h2", null, "Armed rules"), armed,
      h("h2", null, "Catalogue"), h("p", null, "Arming a scenario puts its rules before those of the space. Then use your merchant as always."),
      field("Search", search), found),
    update(here) {
      if (search !== document.activeElement && search.value !== (here.search ?? "")) { search.value = here.search ?? ""; list(); }
    },
    close: stop,
  };
}
