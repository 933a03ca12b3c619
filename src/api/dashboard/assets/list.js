// A list of any length: only the rows in sight are in the page, and only their pages are asked for.
import { h } from "./dom.js";

const PAGE = 40;
/** Rows drawn above and below what is in sight. */
const MARGIN = 6;
/** A list that is being scrolled fast asks for nothing until it has stood so long, in ms. */
const STAND = 60;

export class List {
  /**
   * `load(offset, limit)` → `{ items, total }`; `row(item)` → `{ href, cells, current }`; `name(item)` is its own.
   * The rows are one stop of the Tab key, at the row that had the focus last; arrows go from row to row.
   * Newest first: new items push the others down, and the reader who has scrolled stays where they are.
   */
  constructor({ label, columns, load, name, row, none }) {
    Object.assign(this, { load, name, row, none, active: null, items: new Map(), drawn: new Map(), asked: new Set(), total: 0, turn: 0 });
    this.rows = h("ul", { "aria-label": label });
    this.empty = h("div", { class: "none", hidden: true });
    this.scroller = h("div", { class: "scroller", onscroll: () => this.soon() }, this.rows, this.empty);
    this.count = h("p", { class: "count", "aria-live": "off" });
    this.element = h("div", { class: "list" },
      h("div", { class: "columns", "aria-hidden": "true" }, columns.map((name) => h("span", null, name))),
      this.scroller, this.count);
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("focusin", ({ target }) => {
      const item = this.items.get(Number(target.closest("li")?.dataset.at));
      if (!item) return;
      this.active = this.name(item);
      this.markStop();
    });
    this.observer = new ResizeObserver(() => this.soon());
    this.observer.observe(this.scroller);
  }

  /** Begins anew, for other items. */
  reset() {
    this.items.clear();
    this.turn += 1;
    this.asked.clear();
    this.scroller.scrollTop = 0;
    return this.refresh();
  }

  /** Asks again for what is in sight, and shows it when it is there. */
  async refresh() {
    const turn = ++this.turn;
    this.asked.clear();
    const [from, to] = this.sight();
    const first = Math.max(0, Math.floor(from / PAGE) * PAGE);
    const pages = [];
    for (let offset = first; offset < Math.max(to, first + 1); offset += PAGE) {
      this.asked.add(offset);
      pages.push(this.load(offset, PAGE).then((page) => [offset, page]));
    }
    const loaded = await Promise.all(pages);
    if (turn !== this.turn) return;
    const { total } = loaded[loaded.length - 1][1];
    const more = total - this.total;
    this.total = total;
    this.items.clear();
    for (const [offset, { items }] of loaded) items.forEach((item, at) => this.items.set(offset + at, item));
    if (more > 0 && this.scroller.scrollTop > this.height() && first > 0) {
      this.rows.style.height = `${total * this.height()}px`;
      this.scroller.scrollTop += more * this.height();
    }
    this.redraw = true;
    this.draw();
  }

  height() {
    this.rowHeight ||= parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row")) || 40;
    return this.rowHeight;
  }

  /** The first row in sight, and the one after the last. */
  sight() {
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.floor(scrollTop / this.height());
    return [first, first + Math.ceil((clientHeight || 600) / this.height()) + 1];
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.rowHeight = 0;
      this.draw();
    });
  }

  draw() {
    const height = this.height();
    const [from, to] = this.sight();
    const [first, last] = [Math.max(0, from - MARGIN), Math.min(this.total, to + MARGIN)];
    this.rows.style.height = `${this.total * height}px`;
    this.empty.hidden = this.total > 0;
    if (this.total === 0) this.empty.replaceChildren(this.none());
    this.count.textContent = `${this.total.toLocaleString("en")} in all`;
    const focused = this.scroller.contains(document.activeElement)
      ? document.activeElement.closest("li")?.dataset.at : undefined;
    for (const [at, element] of this.drawn) {
      if (at < first || at >= last) { element.remove(); this.drawn.delete(at); }
    }
    const wanted = new Set();
    for (let at = first; at < last; at += 1) {
      const item = this.items.get(at);
      let element = this.drawn.get(at);
      if (!item) wanted.add(Math.floor(at / PAGE) * PAGE);
      if (element && !this.redraw && element.known === Boolean(item) && element.rowHeight === height) continue;
      const next = this.line(at, item, height);
      if (element) element.replaceWith(next); else this.rows.append(next);
      this.drawn.set(at, next);
      if (String(at) === focused) next.firstElementChild?.focus({ preventScroll: true });
    }
    this.redraw = false;
    this.markStop();
    for (const page of wanted) if (this.asked.has(page)) wanted.delete(page);
    if (wanted.size) {
      clearTimeout(this.standing);
      this.standing = setTimeout(() => this.fetch(), STAND);
    }
  }

  line(at, item, height) {
    const element = h("li", { "data-at": at, "aria-setsize": this.total, "aria-posinset": at + 1 });
    if (item) {
      const { href, cells, current } = this.row(item);
      element.append(h("a", { href, "aria-current": current ? "true" : null }, cells.map((cell) => h("span", null, cell))));
    } else element.append(h("span", { class: "waiting" }, "…"));
    element.style.top = `${at * height}px`;
    return Object.assign(element, { known: Boolean(item), rowHeight: height });
  }

  /** Asks for the pages in sight that nobody has asked for. */
  async fetch() {
    const turn = this.turn;
    const [from, to] = this.sight();
    const first = Math.max(0, Math.floor((from - MARGIN) / PAGE) * PAGE);
    for (let offset = first; offset < Math.min(this.total, to + MARGIN); offset += PAGE) {
      if (this.asked.has(offset)) continue;
      this.asked.add(offset);
      const { items, total } = await this.load(offset, PAGE);
      if (turn !== this.turn) return;
      this.total = total;
      items.forEach((item, place) => this.items.set(offset + place, item));
      this.draw();
    }
  }

  /** The place of the row that had the focus last, if it is known. */
  activeAt() {
    for (const [at, item] of this.items) if (this.name(item) === this.active) return at;
    return undefined;
  }

  /** Makes one row the stop of the Tab key: the active one, or the first in sight. */
  markStop() {
    const link = (at) => this.drawn.get(at)?.querySelector("a");
    const stop = link(this.activeAt()) ?? link(this.sight()[0]) ?? this.rows.querySelector("a");
    for (const one of this.rows.querySelectorAll("a")) one.tabIndex = one === stop ? 0 : -1;
  }

  /** Puts the focus on the active row, and where there is none on the first. */
  focus() {
    const at = this.activeAt();
    if (at === undefined) this.rows.querySelector('a[tabindex="0"]')?.focus();
    else this.focusRow(at);
  }

  /** Brings a row into sight and puts the focus on it. */
  focusRow(at) {
    const top = at * this.height();
    const bottom = top + this.height() - this.scroller.clientHeight;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (bottom > this.scroller.scrollTop) this.scroller.scrollTop = bottom;
    this.draw();
    this.drawn.get(at)?.firstElementChild?.focus({ preventScroll: true });
  }

  /** Arrows, Home and End go from row to row. */
  key(event) {
    const at = Number(document.activeElement?.closest("li")?.dataset.at ?? -1);
    const [from, to] = this.sight();
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: to - from - 2, PageUp: from - to + 2, Home: -at, End: this.total - 1 - at };
    if (!(event.key in steps) || at < 0) return;
    event.preventDefault();
    this.focusRow(Math.min(Math.max(at + steps[event.key], 0), this.total - 1));
  }
}
