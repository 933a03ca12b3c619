// What goes wrong in the space: the armed rules with how often they stepped in, what can be broken by hand, and the
// catalogue to arm from.
import { get, post, remove } from "./api.js";
import { when } from "./clock.js";
import { button, field, h, put, say } from "./dom.js";
import { ownRule, quickFaults } from "./faults.js";
import { happened, watch } from "./live.js";
import { also, go } from "./place.js";
import { saveAsScenario } from "./space.js";

export function rulesView() {
  const armed = h("div", { "data-testid": "rules" });
  const found = h("div", { "data-testid": "catalogue" });
  const search = h("input", { type: "search", autocomplete: "off", placeholder: "timeout, push-back, S014 …", "data-testid": "search" });
  let [scenarios, rules, drawn] = [[], [], ""];
  const opened = new Set();

  const disarm = async (id) => {
    await remove(`rules/${encodeURIComponent(id)}`);
    happened("rules");
    say(`${id} is disarmed`);
    await look();
  };
  const row = ({ id, armedAt, over, scenario, matched, fired, matchedWithoutEffect, warnings, rule }) => h("tr", { class: over ? "over" : "" },
    h("th", { scope: "row" }, id, scenario && h("small", null, "of ", h("a", { href: also({ search: scenario }) }, scenario)), over && h("small", null, "over: its window has closed")),
    h("td", null, button("Disarm", () => disarm(id), { class: "small", "aria-label": `Disarm ${id}`, "data-testid": `disarm-${id}` })),
    h("td", null, when(armedAt)), h("td", null, String(matched)), h("td", null, String(fired)),
    h("td", null, String(matchedWithoutEffect), warnings.map((text) => h("p", null, text))),
    h("td", null, rule.about && h("p", null, rule.about), h("details", null, h("summary", null, "the rule"), h("pre", null, JSON.stringify(rule, null, 2)))));
  const look = async () => {
    ({ rules } = await get("rules"));
    faults.update();
    const now = JSON.stringify(rules);
    if (now === drawn) return;
    drawn = now;
    list();
    put(armed, rules.length === 0 ? h("p", null, "No rule is armed: nothing goes wrong by itself.") : [
      h("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": "Armed rules" }, h("table", null,
        h("thead", null, h("tr", null, h("th", { scope: "col" }, "Rule"), h("td"), ["Armed", "Matched", "Stepped in", "Without effect", "What it does"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", null, rules.map(row)))),
      h("p", { class: "buttons" }, button("Copy as scenario", () => saveAsScenario({ rules: true }), { "data-testid": "copy-rules" }),
        button("Clear all rules", async () => {
          await remove("rules");
          happened("rules");
          say("All rules are cleared");
          await look();
        }, { "data-testid": "clear-rules" }))]);
  };
  const faults = quickFaults(() => rules, disarm, () => look());

  const entry = (one) => {
    const isArmed = rules.some(({ scenario }) => scenario === one.id);
    const arm = async () => {
      await (isArmed ? remove : post)(`scenarios/${encodeURIComponent(one.id)}/arm`);
      happened("rules");
      say(`${one.id} is ${isArmed ? "disarmed" : "armed"}`);
      await look();
    };
    return h("li", null,
      h("div", null, h("h4", null, `${one.id} ${one.title}`), one.why && h("p", null, one.why),
        one.correct && h("p", null, h("b", null, "A correct merchant: "), one.correct)),
      one.rules === 0 ? h("small", null, "no rule to arm; ", h("code", null, `payon-sim run ${one.id}`))
        : button(isArmed ? "Disarm" : "Arm", arm, { "aria-label": `${isArmed ? "Disarm" : "Arm"} ${one.id}`, "data-testid": `${isArmed ? "disarm" : "arm"}-${one.id}` }));
  };
  const list = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = scenarios.filter((one) => {
      const text = `${one.id} ${one.title} ${one.why ?? ""} ${one.correct ?? ""} ${one.failsAbout}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const groups = new Map();
    for (const one of fits) groups.set(one.failsAbout, [...(groups.get(one.failsAbout) ?? []), one]);
    // What is searched for is open; else a group opens and stays open at a press.
    put(found, fits.length ? [...groups].map(([about, some]) => h("details", { class: "group", open: words.length > 0 || opened.has(about),
      onclick: ({ target }) => target.closest("summary") && opened[opened.has(about) ? "delete" : "add"](about) },
      h("summary", null, h("h3", null, about, h("small", null, ` (${some.length})`))), h("ul", { class: "catalogue" }, some.map(entry)))) : h("p", null, "No scenario is like that."));
  };
  search.addEventListener("input", () => {
    list();
    go(also({ search: search.value.trim() || undefined }), true);
  });
  get("scenarios").then((catalogue) => { ({ scenarios } = catalogue); list(); }, (problem) => say(problem.message, true));
  look().catch(() => {});
  const stop = watch(["rules", "request", "clock"], look);
  return {
    element: h("section", { class: "page", "aria-label": "Rules" },
      h("h2", null, "Armed rules"), armed, faults.element, ownRule(look),
      h("h2", { id: "catalogue" }, "Catalogue"), h("p", null, "Arming a scenario puts its rules before those of the space. Then use your merchant as always."),
      field("Search", search), found),
    update(here) {
      if (search !== document.activeElement && search.value !== (here.search ?? "")) { search.value = here.search ?? ""; list(); }
    },
    close: stop,
  };
}
