// Where the reader is. All of it stands in the address, so that it can be sent to somebody else.
import { decode } from "./api.js";

const moved = new Set();

/** The members of the address: tab, order, request, pushback, search, state, method, reason, merchantId, operation, cause. */
export function place() {
  const members = new URLSearchParams(location.search);
  const found = Object.fromEntries(members);
  if (members.has("reason")) found.reason = members.getAll("reason");
  return { tab: "orders", ...found };
}

/** The address of another place; what is undefined is left out. */
export function address(members) {
  const pairs = Object.entries(members).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter((one) => one && !(name === "tab" && one === "orders"))
      .map((one) => [name, one]));
  const text = new URLSearchParams(pairs).toString();
  return location.pathname + (text ? `?${text}` : "");
}

/** The address of this place with some members changed. */
export const also = (members) => address({ ...place(), ...members });

/** The members that name the one thing shown in full; a place with these shows none. */
export const CLOSED = { order: undefined, request: undefined, pushback: undefined };

/** The name of an order in the address: merchant and txId, which may hold anything. */
export const orderName = (merchantId, txId) => `${encodeURIComponent(merchantId ?? "")}/${encodeURIComponent(txId)}`;
export function readOrderName(name) {
  const [merchantId, ...txId] = name.split("/").map(decode);
  return txId.length ? [merchantId, txId.join("/")] : ["", merchantId];
}

/** Goes there; with `quietly`, without a step that the Back button would take. */
export function go(address, quietly = false) {
  if (address === location.pathname + location.search) return;
  history[quietly ? "replaceState" : "pushState"](null, "", address);
  tell();
}

/** Calls `act` whenever the place changes. */
export const onMove = (act) => moved.add(act);
const tell = () => moved.forEach((act) => act(place()));

addEventListener("popstate", tell);
// Links within the page are followed without loading it again.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || link.target) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.pathname !== location.pathname || url.hash) return;
  event.preventDefault();
  go(url.pathname + url.search);
});
