// A field that offers its values and searches them while one types: by mouse, by keyboard, and for who listens.
import { get } from "./api.js";
import { h, put } from "./dom.js";

let count = 0;

/**
 * `load()` → pairs of value and what it means, asked for when the field is first used. Any text can be typed; the list
 * helps. `properties` are the input's.
 */
export function picker(label, load, properties = {}) {
  const id = `picker-${count += 1}`;
  const list = h("ul", { id, role: "listbox", "aria-label": label, popover: "manual", class: "options" });
  const input = h("input", { type: "text", autocomplete: "off", spellcheck: "false", role: "combobox", "aria-autocomplete": "list",
    "aria-controls": id, "aria-expanded": "false", ...properties });
  let [options, shown, at] = [null, [], -1];

  const isOpen = () => input.getAttribute("aria-expanded") === "true";
  const close = () => {
    if (!isOpen()) return;
    list.hidePopover();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (next) => {
    shown[at]?.setAttribute("aria-selected", "false");
    at = next;
    shown[at]?.setAttribute("aria-selected", "true");
    shown[at]?.scrollIntoView({ block: "nearest" });
    if (shown[at]) input.setAttribute("aria-activedescendant", shown[at].id);
    else input.removeAttribute("aria-activedescendant");
  };
  const choose = (value) => {
    input.value = value;
    close();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  /** Puts the list under the field, or above where there is more room. */
  const stand = () => {
    const field = input.getBoundingClientRect();
    const [above, below] = [field.top - 8, innerHeight - field.bottom - 8];
    const up = below < 180 && above > below;
    Object.assign(list.style, { left: `${Math.max(4, Math.min(field.left, innerWidth - 324))}px`, minWidth: `${field.width}px`,
      maxHeight: `${Math.min(320, up ? above : below)}px`, ...(up ? { top: "auto", bottom: `${innerHeight - field.top + 2}px` } : { top: `${field.bottom + 2}px`, bottom: "auto" }) });
  };
  const open = async () => {
    options ??= await load().catch(() => null);
    if (!options || document.activeElement !== input) return;
    // Where one is chosen, the others are offered too.
    const isChosen = options.some(([value]) => value === input.value.trim());
    const wanted = isChosen ? [] : input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = options.filter(([value, about]) => wanted.every((word) => `${value} ${about}`.toLowerCase().includes(word)));
    shown = fits.map(([value, about], place) => h("li", { id: `${id}-${place}`, role: "option", "aria-selected": "false",
      // The field keeps the focus, and its label takes the press for none of its own.
      onpointerdown: (event) => event.preventDefault(), onclick: (event) => { event.preventDefault(); choose(value); } }, h("b", null, value), about && h("small", null, about)));
    at = -1;
    if (!shown.length) return close();
    put(list, shown);
    stand();
    if (!isOpen()) list.showPopover();
    input.setAttribute("aria-expanded", "true");
  };

  input.addEventListener("input", open);
  input.addEventListener("click", () => (isOpen() ? close() : open()));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", async (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (!isOpen()) await open();
      mark((at + step + shown.length) % shown.length || 0);
    } else if (event.key === "Enter" && isOpen() && shown[at]) {
      event.preventDefault();
      choose(shown[at].firstElementChild.textContent);
    } else if (event.key === "Escape" && isOpen()) {
      // Only the list closes, not what it stands in.
      event.stopPropagation();
      event.preventDefault();
      close();
    }
  });
  // The list goes along when what is below it scrolls, as when a phone shows its keyboard.
  list.addEventListener("toggle", ({ newState }) => {
    const listen = newState === "open" ? addEventListener : removeEventListener;
    listen("scroll", stand, { capture: true, passive: true });
    listen("resize", stand);
  });
  return { input, element: h("span", { class: "picker" }, input, list) };
}

let reasons;
/** All reasons by name, asked for once. */
export async function loadReasons() {
  const { behaviours } = reasons ??= await get("fidelity");
  return behaviours.filter(({ key }) => key.startsWith("reason.")).map(({ key, about }) => [key.slice("reason.".length), about]);
}
