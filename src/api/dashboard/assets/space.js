// The space itself: what to paste into a merchant's settings, snapshots, a fresh start, and the scenario that repeats
// what was done.
import { base, gateway, get, post, remove, space, spacePage } from "./api.js";
import { attempt, button, confirm, copyable, field, form, h, put, say, toClipboard } from "./dom.js";
import { happened, watch } from "./live.js";
import { exact } from "./words.js";

const setting = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

/** What goes into a merchant's settings. `merchants` have a private key only when the space was just made. */
export function settings({ baseUrl, gatewayPublicKey, merchants }) {
  return h("dl", { class: "facts settings", "data-testid": "settings" },
    setting("gateway URL (in PAYON's place)", copyable(baseUrl, "gateway URL")),
    merchants.map((merchant) => [
      setting("merchantId / termId", [copyable(merchant.merchantId, "merchantId"), " / ", copyable(merchant.termId ?? merchant.termIds[0], "termId")]),
      setting("private key, to sign with (PKCS#8)", privateKey(merchant)),
      merchant.notiUrl && setting("push-backs go to", merchant.notiUrl),
    ]),
    setting("gateway's public key", copyable(gatewayPublicKey, "gateway's public key")));
}

function privateKey({ merchantId, privateKey, hasPrivateKey, keyFingerprint, replacedKeys = [] }) {
  if (privateKey) return copyable(privateKey, "private key");
  const shown = h("span", { class: "copy" });
  const read = async () => (await get(`merchants/${encodeURIComponent(merchantId)}/key`)).privateKey;
  const show = async () => put(shown, copyable(await read(), "private key"));
  put(shown, button("Copy", async () => {
    const done = await toClipboard(await read());
    if (!done) await show();
    say(done ? `private key of ${merchantId} copied; it is a test key, never use it for real payments` : "this page may not write to the clipboard; the key is shown instead");
  }, { class: "small", "aria-label": `Copy private key of ${merchantId}`, "data-testid": `copy-key-${merchantId}` }),
  button("Show", show, { class: "small", "aria-label": `Show private key of ${merchantId}` }));
  const side = `--url ${location.origin}${space === "default" ? "" : ` --space ${space}`}`;
  const own = hasPrivateKey
    ? [shown, " or on the command line: ", copyable(`payon-sim keys export --merchant ${merchantId} --private ${side}`, "command"), " ",
      h("code", null, `PATCH /_sim/v1/merchants/${merchantId} {"publicKey":"…"}`), " puts your own in its place."]
    : ["is with whoever made its public half (fingerprint ", h("code", null, keyFingerprint), ")."];
  const earlier = replacedKeys.map((key) => h("div", { class: "hint", "data-testid": `replaced-${key.keyFingerprint}` },
    "The key ", h("code", null, key.keyFingerprint), ` was replaced at ${exact(key.replacedAt)}; signatures by it are refused.`));
  return [own, earlier];
}

/** The settings of this space as it is. */
async function known() {
  const [{ spaces }, { merchants, gatewayPublicKey }] = await Promise.all([get("spaces"), get("merchants")]);
  const own = spaces.find(({ name }) => name === space);
  // The merchants of the profile are those that the default space has; their keys are known to everybody.
  const documented = new Set(spaces.find(({ name }) => name === "default").merchants);
  for (const merchant of merchants) merchant.documented = documented.has(merchant.merchantId);
  merchants.sort((one, other) => one.documented - other.documented);
  return { baseUrl: space === "default" ? own.baseUrl.replace(/\/space\/default$/, "") : own.baseUrl, merchants, gatewayPublicKey };
}

const registerBody = (merchant) => JSON.stringify({
  merchantId: merchant.merchantId, termId: merchant.termId ?? merchant.termIds[0], txId: "first-order-1", trt: "10", currency: "USD",
  amount: "2", paymentMethod: "CREDIT_DEBIT", noti_url: "http://127.0.0.1:9000/payon/noti",
});

/** What a newcomer sees in a space without orders. */
export function welcome() {
  const element = h("div", { class: "welcome", "data-testid": "welcome" }, h("h2", null, "No orders yet"),
    h("p", null, "This is a payment gateway of your own. Point your merchant at it, or try it by hand; orders appear here by themselves."));
  attempt(async () => {
    const told = await known();
    // A space of its own was born with a merchant of its own, which comes first.
    const merchants = told.merchants.slice(0, 1);
    const first = merchants[0];
    put(element, [...element.childNodes],
      h("h3", null, "1. Register a first order"),
      copyable(`curl -s ${told.baseUrl}/pg/order/register -d '${registerBody(first)}'`, "command", true),
      // The gateway may have a port of its own, which this page may not call.
      new URL(told.baseUrl).origin === location.origin && h("p", { class: "buttons" }, button("Or do it from here", async () => {
        const answer = await fetch(`${gateway}/pg/order/register`, { method: "POST", body: registerBody(first) });
        const { resultCode, resultMsg } = await answer.json();
        say(`register: ${resultCode} ${resultMsg}`, resultCode !== "0000");
        happened("order");
      }, { "data-testid": "first-order" })),
      h("p", null, "Then open the order here and press ", h("b", null, "Pay"), ", or open its checkout page as the payer would."),
      h("h3", null, "2. Paste this into your merchant's settings"), settings({ ...told, merchants }));
  });
  return element;
}

function download(name, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/yaml" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Shows the scenario that repeats what was done, for one order or for all, or the one that has the armed `rules`. */
export async function saveAsScenario({ merchantId, txId, rules } = {}) {
  const { id, yaml, notes } = await get("scenario", { merchantId, txId, rules });
  const dialog = h("dialog", { class: "wide", "aria-labelledby": "saved", "data-testid": "scenario" },
    h("h2", { id: "saved" }, rules ? "Scenario of the armed rules" : "Scenario of what was done"),
    h("p", null, rules ? "Arm it with " : "It does the same steps again in a space of its own, and checks that they end the same: ", h("code", null, rules ? `payon-sim rules put ${id}.yaml` : `payon-sim run ${id}.yaml`)),
    notes.length > 0 && [h("h3", null, "Not in it"), h("ul", null, notes.map((note) => h("li", null, note)))],
    copyable(yaml, "scenario", true),
    h("div", { class: "buttons" },
      button("Download", () => download(`${id}.yaml`, yaml), { class: "main", "data-testid": "download" }),
      button("Close", () => dialog.close())));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function snapshots() {
  const rows = h("ul", { class: "plain", "data-testid": "snapshots" });
  const act = async (name, what, body = {}) => post(`snapshots/${encodeURIComponent(name)}/${what}`, body);
  const look = async () => {
    const found = await get("snapshots");
    put(rows, found.snapshots.length ? found.snapshots.map((one) => h("li", null, h("b", null, h("bdi", null, one.name)), one.now ? `, its clock at ${exact(one.now)} ` : " ",
      button("Restore", async () => {
        if (!await confirm(`Restore ${one.name}?`, "Everything that happened in the space since then is lost.", "Restore")) return;
        await act(one.name, "restore");
        say(`${one.name} is restored`);
        happened();
      }, { class: "small", "aria-label": `Restore ${one.name}`, "data-testid": `restore-${one.name}` }),
      " ",
      form({ class: "inline" }, async ({ space }) => {
        await act(one.name, "fork", { space });
        location.assign(spacePage(space));
      }, h("input", { name: "space", required: true, placeholder: "new space", "aria-label": `Name of the space forked from ${one.name}`, autocomplete: "off" }),
      h("button", { class: "small", "aria-label": `Fork ${one.name}` }, "Fork")))) : h("li", null, "No snapshots yet."));
  };
  look().catch((problem) => put(rows, h("li", null, problem.message)));
  return [form({ class: "inline" }, async ({ name }, sent) => {
    await post("snapshots", { name });
    sent.reset();
    say(`${name} is saved`);
    await look();
  }, field("Name", h("input", { name: "name", required: true, autocomplete: "off", "data-testid": "snapshot-name" })),
  h("button", { "data-testid": "save-snapshot" }, "Save snapshot")), rows];
}

export function spaceView() {
  const own = h("div");
  const look = async () => put(own, settings(await known()));
  look().catch((problem) => put(own, h("p", { class: "bad" }, problem.message)));
  return {
    element: h("section", { class: "page", "aria-label": "Space" },
      h("h2", null, "Space ", h("bdi", null, space)),
      h("h3", null, "For the merchant's settings"), own,
      h("h3", null, "Snapshots"), h("p", null, "A snapshot keeps the whole space: orders, push-backs, clock, rules. It can be restored, or forked into a space of its own."), snapshots(),
      h("h3", null, "Scenario"), h("p", null, "Writes the file that repeats what was done in this space since it was made or reset."),
      button("Save as scenario", () => saveAsScenario(), { "data-testid": "save-space" }),
      h("h3", null, "Reset"),
      h("div", { class: "buttons" },
        button("Reset the space", async () => {
          if (!await confirm(`Reset ${space}?`, "Its orders, requests, push-backs and rules are lost; its clock shows real time.", "Reset")) return;
          await post("reset");
          happened();
          say("The space was reset");
        }, { class: "bad", "data-testid": "reset" }),
        space !== "default" && button("Remove the space", async () => {
          if (!await confirm(`Remove ${space}?`, "It is lost with all that is in it.", "Remove")) return;
          await remove(`spaces/${encodeURIComponent(space)}`);
          location.assign(spacePage("default"));
        }, { class: "bad" })),
      h("h3", null, "Elsewhere"),
      h("ul", { class: "plain" },
        h("li", null, h("a", { href: `${base}app`, target: "_blank", rel: "noopener" }, "The pretend app that scans QR codes")),
        h("li", null, h("a", { href: `${base}openapi.json`, target: "_blank", rel: "noopener" }, "All calls of the control API, as OpenAPI")))),
    update() {},
    close: watch([], look),
  };
}
