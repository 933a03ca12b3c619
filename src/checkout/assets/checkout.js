// Comfort only: every page works without this file.
"use strict";
(() => {
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

  // Schemes by their leading digits.
  const schemes = [[/^101049/, "PAYON"], [/^4/, "Visa"], [/^(5[1-5]|2[2-7])/, "Mastercard"],
    [/^35/, "JCB"], [/^62/, "UnionPay"]];

  // Regroups what is typed and keeps the caret behind the same digit.
  const regroup = (input, form) => input.addEventListener("input", () => {
    const before = input.value.slice(0, input.selectionStart).replace(/\D/g, "").length;
    input.value = form(input.value.replace(/\D/g, ""));
    let at = 0;
    for (let seen = 0; seen < before && at < input.value.length; at += 1) {
      if (/\d/.test(input.value[at])) seen += 1;
    }
    input.setSelectionRange(at, at);
  });
  each("[data-card]", (input) => {
    const mark = input.parentElement.querySelector("[data-scheme]");
    const show = () => {
      const digits = input.value.replace(/\D/g, "");
      const found = schemes.find(([lead]) => lead.test(digits));
      mark.textContent = found ? found[1] : "";
    };
    regroup(input, (digits) => digits.slice(0, 19).replace(/(\d{4})(?=\d)/g, "$1 "));
    input.addEventListener("input", show);
    show();
  });
  each("[data-expiry]", (input) => regroup(input, (digits) =>
    digits.length > 2 ? `${digits.slice(0, 2)}/${digits.slice(2, 6)}` : digits));

  // A second click on the way sends nothing more.
  each("form", (form) => {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    window.addEventListener("pageshow", () => { sent = false; });
  });
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
          if (now.final) return location.assign(place.dataset.done);
        }
      } catch {
        // The next question may be answered.
      }
      setTimeout(ask, 1000);
    };
    setTimeout(ask, 1000);
  });
})();
