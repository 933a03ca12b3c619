// Finds while one types, and folds the contents where there is little room. Without it a search is a page of its own.
const field = document.querySelector("input[type=search]");
const results = document.querySelector("#results");
const article = document.querySelector("article");
const PAUSE_MS = 150;
let asked = 0;
let timer;

async function find() {
  const mine = ++asked;
  const words = field.value.trim();
  if (!words) {
    results.hidden = true;
    article.hidden = false;
    return;
  }
  const answer = await fetch(`search?q=${encodeURIComponent(words)}`);
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#results");
  if (mine !== asked || !found) return;
  results.replaceChildren(...found.childNodes);
  results.hidden = false;
  article.hidden = true;
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => find().catch(() => {}), PAUSE_MS);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input")) {
    event.preventDefault();
    field.focus();
  }
  if (event.key === "Escape" && event.target === field) {
    field.value = "";
    find();
  }
});
if (matchMedia("(max-width: 60rem)").matches) document.querySelector("nav details").open = false;
