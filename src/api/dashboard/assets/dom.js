// Elements, made without markup: whatever comes from a request becomes text, never HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element: `h("p", { class: "note" }, "text", h("b", null, "more"))`. */
export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);

/** The same for SVG. */
export const s = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** Puts `children` in the place of what an element holds. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  return element;
}

/** A button that does `act`; while that runs it cannot be pressed again. */
export function button(label, act, properties = {}) {
  const element = h("button", { type: "button", ...properties, onclick: async () => {
    element.setAttribute("aria-disabled", "true");
    try { await attempt(act); } finally { element.removeAttribute("aria-disabled"); }
  } }, label);
  element.addEventListener("click", (event) => {
    if (element.getAttribute("aria-disabled")) event.stopImmediatePropagation();
  }, { capture: true });
  return element;
}

/** A form that does `act` with its fields when it is sent. */
export function form(properties, act, ...children) {
  return h("form", { ...properties, onsubmit: (event) => {
    event.preventDefault();
    attempt(() => act(Object.fromEntries(new FormData(event.target)), event.target));
  } }, ...children);
}

/** A field under its label. */
export function field(label, input) {
  return h("label", { class: "field" }, h("span", null, label), input);
}

/** A choice: `options` are pairs of value and label. */
export function select(properties, options, chosen) {
  return h("select", properties, options.map(([value, label]) =>
    h("option", { value, selected: value === chosen }, label)));
}

/** Copies a text; `false` where a page may not, as on an address that is neither HTTPS nor of this machine. */
export async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A text to be pasted elsewhere, with a button that copies it. */
export function copyable(text, label, block = false) {
  const copy = button("Copy", async () => {
    const done = await toClipboard(text);
    // The text is at least marked.
    if (!done) getSelection().selectAllChildren(copy.previousElementSibling);
    say(done ? `${label} copied` : `${label} is marked; this page may not write to the clipboard`);
  }, { class: "small", "aria-label": `Copy ${label}` });
  const holder = block ? h("pre", { tabindex: "0", "aria-label": label }, text) : h("code", null, text);
  return h("span", { class: block ? "copy block" : "copy" }, holder, copy);
}

let quiet;
/** Says something at the foot of the page, to eyes and ears, for a while. */
export function say(text, bad = false) {
  const place = document.getElementById("said");
  put(place, h("p", { class: bad ? "bad" : "" }, text,
    button("Close", () => put(place), { class: "small", "aria-label": "Close this message" })));
  clearTimeout(quiet);
  if (!bad) quiet = setTimeout(() => put(place), 6000);
}

/** Runs `act`; a failure is said in its own words. */
export async function attempt(act) {
  try { return await act(); } catch (problem) {
    if (problem?.status !== 401) say(problem?.message ?? String(problem), true);
    return undefined;
  }
}

/** Asks before something that cannot be taken back. Resolves with whether to go on. */
export function confirm(title, text, yes) {
  return new Promise((answer) => {
    const dialog = h("dialog", { "aria-labelledby": "sure" }, h("h2", { id: "sure" }, title), h("p", null, text),
      h("form", { method: "dialog", class: "buttons" },
        h("button", { value: "" }, "Cancel"), h("button", { value: "yes", class: "bad" }, yes)));
    dialog.addEventListener("close", () => { dialog.remove(); answer(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
