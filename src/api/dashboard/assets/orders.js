// The list of orders, newest first, with its filters. A fresh space has none: then it says how to begin.
import { get } from "./api.js";
import { when } from "./clock.js";
import { field, h, select } from "./dom.js";
import { List } from "./list.js";
import { watch } from "./live.js";
import { loadReasons, picker } from "./picker.js";
import { CLOSED, also, go, orderName, place } from "./place.js";
import { welcome } from "./space.js";
import { METHODS, STATES, badge, told, words } from "./words.js";

const FILTERS = ["search", "state", "method", "reason", "merchantId"];
const any = (options) => [["", "any"], ...options];

/** Fields that write what is chosen into the address, at once or when typing has paused. */
export function filters(names, inputs) {
  let typing;
  const read = () => Object.fromEntries(names.map((name) => [name, inputs[name]?.value.trim() || undefined]));
  const apply = () => {
    clearTimeout(typing);
    go(also(read()), true);
  };
  for (const input of Object.values(inputs)) {
    input.addEventListener("change", apply);
    input.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(apply, 250); });
  }
  const show = (here) => {
    for (const [name, input] of Object.entries(inputs)) {
      const value = [here[name] ?? ""].flat().join(" ");
      if (input !== document.activeElement && input.value !== value) {
        if (input.tagName === "SELECT" && ![...input.options].some((option) => option.value === value)) {
          input.append(h("option", { value }, value));
        }
        input.value = value;
      }
    }
  };
  return { show };
}

export function ordersView() {
  const search = h("input", { type: "search", "data-testid": "search", placeholder: "txId, merchant, state …", autocomplete: "off", spellcheck: "false" });
  const reason = picker("Reasons", loadReasons, { placeholder: "card.expired" });
  const merchant = select({}, any([]), "");
  const inputs = {
    search,
    state: select({ "data-testid": "state" }, any(STATES.map((name) => [name, words(name)])), ""),
    method: select({}, any(METHODS.map((name) => [name, name])), ""),
    reason: reason.input, merchantId: merchant,
  };
  const bar = filters(FILTERS, inputs);
  let [current, asked] = [undefined, ""];
  const list = new List({
    label: "Orders, newest first",
    columns: ["registered", "order", "method", "amount", "state", "push-back"],
    async load(offset, limit) {
      const here = place();
      const wanted = Object.fromEntries(FILTERS.map((name) => [name, here[name]]));
      const page = await get("orders", { newest: true, offset, limit, ...wanted });
      return { items: page.orders, total: page.total };
    },
    name: (order) => orderName(order.merchantId, order.txId),
    row: (order) => ({
      href: also({ ...CLOSED, order: orderName(order.merchantId, order.txId) }),
      current: orderName(order.merchantId, order.txId) === current,
      cells: [when(order.createdAt), h("b", null, h("bdi", null, order.txId), h("small", null, order.merchantId)),
        order.method, `${order.amount} ${order.currency}`,
        h("span", { class: "states" }, badge(order.state), order.failure && h("small", null, order.failure)),
        h("span", { class: "told" }, told(order))],
    }),
    none: () => (asked.replace(/["{}:,null[\]]/g, "") ? h("p", null, "No order is like that.") : welcome()),
  });
  list.element.classList.add("orders");
  list.element.dataset.testid = "orders";
  const stop = watch(["order", "pushback"], () => list.refresh());
  get("merchants").then(({ merchants }) => {
    merchant.append(...merchants.map(({ merchantId }) => h("option", { value: merchantId }, merchantId)));
    bar.show(place());
  }, () => {});
  return {
    element: h("section", { "aria-label": "Orders" },
      h("div", { class: "filters", role: "search" }, field("Search", search), field("State", inputs.state),
        field("Method", inputs.method), field("Reason", reason.element), field("Merchant", merchant)),
      list.element),
    async update(here) {
      bar.show(here);
      const wanted = JSON.stringify(FILTERS.map((name) => here[name] ?? null));
      const changed = wanted !== asked;
      [asked, current] = [wanted, here.order];
      if (changed) await list.reset();
      else { list.redraw = true; list.draw(); }
    },
    focus: () => list.focus(),
    close: stop,
  };
}
