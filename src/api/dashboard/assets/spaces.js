// From space to space, and a new one with all that has to be pasted.
import { get, post, space, spacePage as page } from "./api.js";
import { attempt, button, field, form, h, put } from "./dom.js";
import { settings } from "./space.js";

export function spaceSwitch() {
  const list = h("ul", { class: "plain", "data-testid": "spaces" });
  const look = async () => {
    const { spaces } = await get("spaces");
    put(list, spaces.map((one) => h("li", null,
      h("a", { href: page(one.name), "aria-current": one.name === space ? "page" : null }, h("bdi", null, one.name)),
      h("small", null, ` ${one.orders.toLocaleString("en")} orders, ${one.requests.toLocaleString("en")} requests`))));
  };
  return h("details", { class: "menu", "data-testid": "space-menu", ontoggle: (event) => event.target.open && attempt(look) },
    h("summary", null, h("span", { class: "only-wide" }, "Space "), h("b", null, h("bdi", null, space))),
    h("div", { class: "sheet" }, list, button("New space …", newSpace, { "data-testid": "new-space" })));
}

function newSpace() {
  const dialog = h("dialog", { class: "wide", "aria-labelledby": "new", "data-testid": "new-space-dialog" });
  const close = button("Cancel", () => dialog.close());
  put(dialog, h("h2", { id: "new" }, "New space"),
    h("p", null, "Orders, clock, seed, rules and journal of its own, and a merchant of its own. Nothing crosses between spaces."),
    form({}, async ({ name, seed, notiUrl }) => {
      const merchants = notiUrl ? [{ notiUrl }] : 1;
      const made = await post("spaces", { name: name || undefined, seed: seed || undefined, merchants });
      put(dialog, h("h2", { id: "new" }, "Space ", h("bdi", null, made.name)),
        h("p", null, "Paste this into your merchant's settings. The private key is a test key, made for tests: never use it for real payments."),
        settings(made),
        h("div", { class: "buttons" }, h("a", { class: "button main", href: page(made.name), "data-testid": "go-to-space" }, "Go to the space")));
    },
    field("Name (made up when empty)", h("input", { name: "name", pattern: "[A-Za-z0-9._\\-]{1,64}", autocomplete: "off", "data-testid": "space-name" })),
    field("Seed (made up when empty)", h("input", { name: "seed", inputmode: "numeric", pattern: "[0-9]*", autocomplete: "off" })),
    field("Push-backs go to (URL, may be empty)", h("input", { name: "notiUrl", type: "url", placeholder: "http://127.0.0.1:9000/payon/noti", autocomplete: "off" })),
    h("div", { class: "buttons" }, h("button", { class: "main", "data-testid": "make-space" }, "Make it"), close)));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
