// What can be broken by hand: quick faults, armed by one press of a button, and a rule of one's own.
import { get, post, postText } from "./api.js";
import { attempt, button, field, form, h, put, say } from "./dom.js";
import { happened } from "./live.js";
import { loadReasons, picker } from "./picker.js";
import { OPERATIONS, words } from "./words.js";

const POINTS = [...OPERATIONS, "pay", "trigger", "page", "refused", "connect"].map((name) => [name, name === words(name) ? "" : words(name)]);

/** How each setting of a fault is asked for. */
const SETTINGS = {
  by: ["by", { size: "6" }], copies: ["copies", { type: "number", min: "2", max: "99", placeholder: "2" }],
  status: ["HTTP status", { type: "number", min: "500", max: "599", placeholder: "reset" }],
};

/** What was filled in, without what was not; numbers as numbers. */
const filled = (fields) => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value)
  .map(([name, value]) => [name, ["times", "copies", "status"].includes(name) ? Number(value) : value]));

/** A field for a setting of a fault; its hint is what the fault's own rule has. */
function setting({ name: fault, rule }, name) {
  const own = JSON.stringify(rule.then);
  if (name === "reason") return field("reason", picker(`Reasons for ${fault}`, loadReasons, { name, placeholder: rule.then[0].reason }).element);
  const [label, properties] = SETTINGS[name];
  const hint = name === "by" ? /"(\d+\w+)"/.exec(own)?.[1] ?? "0s" : properties.placeholder;
  return field(label, h("input", { name, autocomplete: "off", ...properties, placeholder: hint }));
}

/** The quick faults with the calls that they are for. `armed` gives the armed rules, `changed` is called after a change. */
export function quickFaults(armed, disarm, changed) {
  const operation = picker("Operations", async () => POINTS, { name: "operation", placeholder: "its own" });
  const scope = form({ class: "inline scope", "data-testid": "fault-scope" }, () => {},
    field("For", h("input", { name: "for", value: "30s", size: "6", placeholder: "for ever", autocomplete: "off", "data-testid": "fault-for" })),
    field("Times", h("input", { name: "times", type: "number", min: "1", placeholder: "any" })),
    field("Operation", operation.element),
    field("txId", h("input", { name: "txId", size: "12", placeholder: "any order", autocomplete: "off" })),
    field("Merchant", h("input", { name: "merchantId", size: "12", placeholder: "any", autocomplete: "off" })));
  const list = h("ul", { class: "faults" });
  const arm = (name) => async (fields) => {
    const wish = filled({ ...Object.fromEntries(new FormData(scope)), ...fields });
    await post("faults", { ...wish, operation: wish.operation ? [wish.operation] : [], fault: name });
    happened("rules");
    say(`${name} is armed${wish.for ? ` for ${wish.for}` : " until it is disarmed"}`);
    await changed();
  };
  const states = new Map();
  /** Says which are armed. */
  const update = () => {
    for (const [id, state] of states) {
      const rule = armed().find((one) => one.id === id && !one.over);
      const text = rule ? `armed, ${rule.fired === 0 ? "not met yet" : rule.fired === 1 ? "met once" : `met ${rule.fired} times`}` : "";
      if (state.textContent.startsWith(text) && Boolean(text) === Boolean(state.textContent)) continue;
      put(state, text && [h("b", null, text), " ", button("Disarm", () => disarm(id), { class: "small", "aria-label": `Disarm ${id}`, "data-testid": `disarm-quick-${id}` })]);
    }
  };
  get("faults").then(({ faults }) => {
    put(list, faults.map((fault) => {
      const { name, about, settings, rule } = fault;
      const state = h("span", { class: "armed" });
      states.set(rule.id, state);
      return h("li", null, form({ class: "inline" }, arm(name), h("p", null, h("b", null, name), " ", h("small", null, about), " ", state),
        settings.map((one) => setting(fault, one)), h("button", { "aria-label": `Arm ${name}`, "data-testid": `fault-${name}` }, "Arm")));
    }));
    update();
  }, (problem) => say(problem.message, true));
  return { element: h("section", { "aria-label": "Quick faults" }, h("h2", null, "Quick faults"),
    h("p", null, "One press breaks it, from now on and before all other rules. These say for how long and for which calls:"), scope, list), update };
}

/** Conditions and effects with a value each, as they stand in a rule. */
const CONDITIONS = [["operation", "refund"], ["merchantId", '"C0000143"'], ["txId", '"T1"'], ["txIdSuffix", '"-7"'], ["amount", '{ gte: "10.00" }'], ["currency", "USD"],
  ["paymentMethod", "CREDIT_DEBIT"], ["orderState", "captured"], ["nth", "2"], ["every", "3"], ["first", "1"], ["scope", "rule"], ["probability", "0.2"],
  ["window", "{ from: now, for: 30s }"]];
const EFFECTS = [["latency", "3s"], ["reason", "system.busy"], ["status", "503"], ["commit", "never"], ["transport", "reset"], ["transport", "hang"], ["transport", "{ server-error: 502 }"],
  ["transport", "malformed-json"], ["patch", '{ set: { resultMsg: "Oops" } }'], ["pushback", "{ drop: true }"], ["pushback", "{ copies: 3, apart: 1s }"],
  ["pushback", "{ delay: 10m }"], ["pushback", "{ instead: wrong-amount }"]];
const TEMPLATE = "id: mine\nthen:\n";

/** A text with one line more in a block; the block is made where there is none, and a key of `when` stands once. */
function added(text, block, line, key) {
  const lines = text.trimEnd().split("\n");
  const place = (name) => lines.findIndex((one) => one.startsWith(`${name}:`));
  if (place(block) < 0) lines.splice(block === "when" && place("then") >= 0 ? place("then") : lines.length, 0, `${block}:`);
  const at = place(block);
  if (lines[at] !== `${block}:`) throw new Error(`Put the value of \`${block}\` on lines of its own first.`);
  let end = at + 1;
  while (end < lines.length && /^\s/.test(lines[end])) end += 1;
  const same = key ? lines.findIndex((one, it) => it > at && it < end && one.trim().startsWith(`${key}:`)) : -1;
  if (same > 0) lines[same] = line; else lines.splice(end, 0, line);
  return `${lines.join("\n")}\n`;
}

/** A form for a rule of one's own: conditions and effects are chosen, values are written. */
export function ownRule(changed) {
  const text = h("textarea", { name: "rule", rows: "9", spellcheck: "false", autocomplete: "off", "data-testid": "own-rule", value: TEMPLATE });
  const wrong = h("pre", { class: "bad", role: "alert", hidden: true, "data-testid": "own-rule-wrong" });
  const adder = (label, pairs, block, line, test) => {
    const options = async () => pairs.map(([key, value]) => [`${key}: ${value}`, ""]);
    const one = picker(label, options, { placeholder: "choose …", "data-testid": test });
    one.input.addEventListener("change", () => {
      const [key] = one.input.value.split(":");
      if (!one.input.value.includes(":")) return;
      attempt(() => {
        text.value = added(text.value, block, line(one.input.value), block === "when" && key);
        one.input.value = "";
      });
    });
    return field(label, one.element);
  };
  return h("section", { "aria-label": "A rule of your own" }, h("h2", null, "A rule of your own"),
    h("p", null, "It decides the calls that all its conditions fit. Write it as in a ", h("a", { href: "docs/scenarios", target: "_blank", rel: "noopener" }, "scenario file"), ", or choose its parts and change their values."),
    form({ class: "own" }, async ({ rule }) => {
      wrong.hidden = true;
      try {
        const { rules, warnings } = await postText("scenarios", rule);
        say(warnings[0] ?? `${rules[0].id} is armed`, warnings.length > 0);
        happened("rules");
        await changed();
      } catch (problem) {
        put(wrong, problem.message);
        wrong.hidden = false;
      }
    },
    h("div", { class: "inline" }, adder("Add a condition", CONDITIONS, "when", (pair) => `  ${pair}`, "add-condition"), adder("Add an effect", EFFECTS, "then", (pair) => `  - ${pair}`, "add-effect")),
    h("label", { class: "field" }, h("span", null, "The rule, as YAML or JSON"), text), wrong,
    h("div", { class: "buttons" }, h("button", { class: "main", "data-testid": "arm-own" }, "Arm"),
      button("Start again", () => { text.value = TEMPLATE; wrong.hidden = true; }))));
}
