// The dashboard of one space: a head with space and clock, what needs attention, a list, and beside it one thing in full.
import { login, onLogin, space } from "./api.js";
import { attention } from "./attention.js";
import { clockView } from "./clock.js";
import { attempt, field, form, h, put } from "./dom.js";
import { listen, happened, watchState } from "./live.js";
import { backToList, orderDetail } from "./order.js";
import { ordersView } from "./orders.js";
import { CLOSED, address, also, go, onMove, place, readOrderName } from "./place.js";
import { pushbackDetail, pushbacksView } from "./pushbacks.js";
import { requestDetail } from "./request.js";
import { requestsView } from "./requests.js";
import { spaceView } from "./space.js";
import { spaceSwitch } from "./spaces.js";

const TABS = {
  orders: ["Orders", ordersView], pushbacks: ["Push-backs", pushbacksView], requests: ["Requests", requestsView],
  rules: ["Rules", later(async () => (await import("./rules.js")).rulesView)], space: ["Space", spaceView],
};
/** A view whose files are asked for when it is first opened; `load()` → what makes it. */
function later(load) {
  return () => {
    const element = h("section", { class: "page", "aria-busy": "true" }, "…");
    let [view, here, closed] = [null, place(), false];
    const ready = load().then((make) => {
      if (closed) return;
      view = make();
      element.replaceWith(view.element);
      view.update(here);
    });
    return {
      element,
      update: (now) => { here = now; return view ? view.update(now) : ready; },
      focus: () => view?.focus?.(),
      close: () => { closed = true; view?.close(); },
    };
  };
}

const STREAM = { opening: "connecting …", live: "live", cut: "reconnecting …" };

const [top, main] = [document.getElementById("top"), document.getElementById("main")];
const tabs = h("nav", { "aria-label": "Views" });
const listing = h("div", { class: "listing" });
const detail = h("div", { class: "detail" });
let [shown, view, open, one] = ["", null, "", null];

function frame() {
  const stream = h("span", { class: "stream", role: "status", "data-testid": "stream" });
  watchState((state) => {
    stream.textContent = STREAM[state];
    stream.dataset.state = state;
  });
  const alarm = attention();
  put(top, h("h1", null, "payon-sim"), spaceSwitch(), clockView(), h("a", { href: "docs/" }, "Docs"), stream, alarm.badge, tabs);
  put(main, alarm.element, h("div", { class: "panes" }, listing, detail));
  // A menu closes when something else is pressed.
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener("keydown", ({ key, target }) => {
    if (key !== "Escape") return;
    const menus = document.querySelectorAll("details.menu[open]");
    for (const menu of menus) { menu.open = false; menu.firstElementChild.focus(); }
    // Escape closes what is on top; in a search field it clears first.
    const clears = target.type === "search" && target.value;
    if (one && !menus.length && !clears && !document.querySelector("dialog[open]")) go(also(CLOSED));
  });
}

/** Shows a place. `moved` says that the reader went there from another one. */
function move(here, moved = true) {
  const tab = Object.hasOwn(TABS, here.tab) ? here.tab : "orders";
  document.title = `${here.order ? readOrderName(here.order)[1] : TABS[tab][0]} – ${space} – payon-sim`;
  put(tabs, Object.entries(TABS).map(([name, [label]]) =>
    h("a", { href: address({ tab: name }), "aria-current": name === tab ? "page" : null, "data-testid": `tab-${name}` }, label)));
  if (tab !== shown) {
    view?.close();
    shown = tab;
    view = TABS[tab][1]();
    put(listing, view.element);
  }
  attempt(() => view.update(here));
  const wanted = here.request ? `request ${here.request}` : here.pushback ? `pushback ${here.pushback}` : here.order ? `order ${here.order}` : "";
  if (wanted === open) return;
  one?.close();
  // Focus that would be lost goes along: into what is opened, and back to the row that it was opened from.
  const follows = moved && (wanted !== "" || detail.contains(document.activeElement) || document.activeElement === document.body);
  open = wanted;
  one = here.request ? requestDetail(here.request) : here.pushback ? pushbackDetail(here.pushback) : here.order ? orderDetail(...readOrderName(here.order)) : null;
  document.body.classList.toggle("open", Boolean(one));
  put(detail, one && [backToList(), one.element]);
  if (one) {
    detail.scrollTop = 0;
    if (getComputedStyle(listing).display === "none") scrollTo(0, 0);
  }
  if (follows) (one ?? view).focus?.();
}

/** Asks for the control plane's token. */
function askToken() {
  if (document.getElementById("login")) return;
  const wrong = h("p", { class: "bad", role: "alert" });
  const dialog = h("dialog", { id: "login", "aria-labelledby": "login-title", oncancel: (event) => event.preventDefault() },
    h("h2", { id: "login-title" }, "Token"), h("p", null, "This control plane wants its token: what the server was given as --control-token."),
    form({}, async ({ token }) => {
      try {
        await login(token);
      } catch (problem) {
        put(wrong, problem.message);
        return;
      }
      dialog.close();
      dialog.remove();
      listen();
      happened();
      [shown, open] = ["", ""];
      move(place(), false);
    }, field("Token", h("input", { name: "token", type: "password", required: true, autocomplete: "current-password", "data-testid": "token" })), wrong,
    h("div", { class: "buttons" }, h("button", { class: "main", "data-testid": "login" }, "Go in"))));
  document.body.append(dialog);
  dialog.showModal();
}

onLogin(askToken);
frame();
onMove((here) => move(here));
move(place(), false);
listen();
