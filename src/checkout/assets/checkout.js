// Comfort only: every page works without this file.
"use strict";
(() => {
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

  // Schemes by their leading digits.
  const schemes = [[/^101049/, "PAYON"], [/^4/, "Visa"], [/^(5[1-5]|2[2-7])/, "Mastercard"],
    [/^35/, "JCB"], [/^62/, "UnionPay"]];

  // Text as it was meant: ASCII digits, one kind of blank and of dash, nothing that takes no room.
  const plain = (text) => text.normalize("NFKC").replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "")
    .replace(/[\u2010-\u2015\u2212]/g, "-").replace(/[\u2044\u2215]/g, "/")
    .replace(/[\u17e0-\u17e9]/g, (digit) => String(digit.charCodeAt(0) - 0x17e0));

  // Regroups what is typed or pasted and keeps the caret behind the same digit. Nothing is ever left out: a text that
  // `form` cannot group (it answers null) stays as it is, for the server to refuse in words.
  const regroup = (input, form) => input.addEventListener("input", (event) => {
    if (event.isComposing) return;
    const next = form(plain(input.value));
    if (next === null || next === input.value) return;
    const before = plain(input.value.slice(0, input.selectionStart)).replace(/\D/g, "").length;
    let at = input.selectionStart === input.value.length ? next.length : 0;
    for (let seen = 0; at < next.length && seen < before; at += 1) if (/\d/.test(next[at])) seen += 1;
    input.value = next;
    input.setSelectionRange(at, at);
  });
  each("[data-card]", (input) => {
    const mark = input.parentElement.querySelector("[data-scheme]");
    const show = () => {
      const digits = plain(input.value).replace(/\D/g, "");
      const found = schemes.find(([lead]) => lead.test(digits));
      mark.textContent = found ? found[1] : "";
      // A form that takes cards of every kind asks for what this one has.
      if (input.form.dataset.kind) input.form.dataset.kind = mark.textContent === "PAYON" ? "payon" : "scheme";
      for (const brand of input.form.querySelectorAll("[data-brand]")) {
        brand.classList.toggle("other", mark.textContent !== "" && brand.dataset.brand !== mark.textContent);
      }
    };
    regroup(input, (text) => /^[\d\s-]*$/.test(text) ? text.replace(/\D/g, "").replace(/(\d{4})(?=\d)/g, "$1 ") : null);
    input.addEventListener("input", show);
    show();
  });
  // MM/YY and MM/YYYY, however they are written; 2030-12 and 203012 are turned round.
  each("[data-expiry]", (input) => regroup(input, (text) => {
    const parts = text.trim().split(/[\s/.-]+/);
    if (!/^[\d\s/.-]*$/.test(text) || parts.length > 2) return null;
    const [first, second] = parts;
    if (second === undefined) {
      if (/^20\d{4}$/.test(first)) return `${first.slice(4)}/${first.slice(0, 4)}`;
      // No month is above 12: this begins with the year.
      if (Number(first.slice(0, 2)) > 12) return null;
      return first.length > 2 ? `${first.slice(0, 2)}/${first.slice(2)}` : first;
    }
    if (first.length === 4) return second.length === 2 ? `${second}/${first}` : null;
    if (first.length > 2 || first === "") return null;
    return second === "" && first.length === 2 ? first : `${first.padStart(2, "0")}/${second}`;
  }));

  // The tester finds a card by words of its row and its group.
  each("[data-find]", (field) => {
    const none = document.querySelector("[data-none]");
    field.hidden = false;
    field.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/);
      let found = 0;
      each("[data-group]", (group) => {
        const title = group.querySelector("h3").textContent;
        let shown = 0;
        for (const row of group.querySelectorAll("li")) {
          const number = row.querySelector("code").textContent.replaceAll(" ", "");
          const text = `${title} ${row.textContent} ${number}`.toLowerCase();
          row.hidden = !words.every((word) => text.includes(word));
          if (!row.hidden) shown += 1;
        }
        group.hidden = shown === 0;
        found += shown;
      });
      none.textContent = found ? "" : none.dataset.none;
    });
  });

  // A second click on the way sends nothing more. Where the way leads into an app, this page stays in the browser: then
  // the form can be sent again after a while, and a payer who comes back to the page sees how the order stands.
  let [sent, left] = [false, false];
  const AGAIN = 3000;
  each("form", (form) => form.addEventListener("submit", (event) => {
    if (sent) return event.preventDefault();
    [sent, left] = [true, true];
    setTimeout(() => { sent = false; }, AGAIN);
  }));
  const comeBack = async () => {
    if (!left || document.hidden) return;
    [sent, left] = [false, false];
    const page = document.getElementById("main").dataset.order;
    if (!page) return;
    const answer = await fetch(page.replace(/(?=\?|$)/, "/status"), { cache: "no-store" }).catch(() => null);
    if (answer?.ok && (await answer.json()).final) location.replace(page);
  };
  document.addEventListener("visibilitychange", comeBack);
  window.addEventListener("focus", comeBack);
  window.addEventListener("pageshow", () => { [sent, left] = [false, false]; });
  each("form[data-submit]", (form) => form.requestSubmit());

  // The slow issuer has waited long enough.
  each("[data-next]", (place) => setTimeout(() => location.assign(place.dataset.next), 2000));

  each("[data-left]", (clock) => {
    const end = Date.now() + Number(clock.dataset.left) * 1000;
    const face = clock.querySelector("[data-clock]");
    const tick = () => {
      const left = Math.max(0, Math.round((end - Date.now()) / 1000));
      face.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (left > 0) setTimeout(tick, 1000);
      else setTimeout(() => location.reload(), 1000);
    };
    tick();
  });

  // Follows the order: the state's words change in place, an ended payment moves on.
  each("[data-live]", (place) => {
    const ask = async () => {
      try {
        const answer = await fetch(place.dataset.live, { cache: "no-store" });
        const now = await answer.json();
        if (place.dataset.until) {
          if (now.state !== place.dataset.until) return location.reload();
        } else {
          place.dataset.state = now.state;
          const words = place.querySelector("[data-say]");
          if (words.textContent !== now.text) words.textContent = now.text;
          if (now.final) {
            // The way may lead into an app, and this page stay.
            place.parentElement.querySelector("[data-way]").hidden = false;
            return location.assign(place.dataset.done);
          }
        }
      } catch {
        // The next question may be answered.
      }
      setTimeout(ask, 1000);
    };
    setTimeout(ask, 1000);
  });
})();
