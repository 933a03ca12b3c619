// Two strings side by side, with what differs marked and what cannot be seen made visible.
import { h } from "./dom.js";

const SIGNS = { "\n": "[LF]", "\r": "[CR]", "\t": "[TAB]", " ": "␠", "\0": "[NUL]", "\u00a0": "[NBSP]", "\u200b": "[ZWSP]", "\ufeff": "[BOM]", "\u00ad": "[SHY]" };
const UNSEEN = /[\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/u;
/** Above this many cells of the table of matches, only the ends are compared. */
const CELLS_MAX = 4_000_000;

/** A character that cannot be seen, by a sign. */
const sign = (character) => SIGNS[character] ?? `[U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;

/** Words and single other characters, by which two strings are compared. */
const pieces = (text) => text.match(/[\p{L}\p{M}\p{N}_.+/-]+|./gsu) ?? [];

/** Pairs of `[same, text]` for each of the two. */
export function compare(left, right) {
  const [a, b] = [pieces(left), pieces(right)];
  let [start, end] = [0, 0];
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [inA, inB] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const [keepA, keepB] = inA.length * inB.length > CELLS_MAX ? [new Set(), new Set()] : matches(inA, inB);
  const runs = (all, middle, keep) => {
    const found = [];
    const add = (same, text) => {
      if (found.length && found[found.length - 1][0] === same) found[found.length - 1][1] += text;
      else if (text) found.push([same, text]);
    };
    add(true, all.slice(0, start).join(""));
    middle.forEach((piece, at) => add(keep.has(at), piece));
    add(true, all.slice(all.length - end).join(""));
    return found;
  };
  return [runs(a, inA, keepA), runs(b, inB, keepB)];
}

/** The places of the longest common run of pieces in both. */
function matches(a, b) {
  const width = b.length + 1;
  const best = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1
        : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const [inA, inB] = [new Set(), new Set()];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) { inA.add(i); inB.add(j); i += 1; j += 1; }
    else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return [inA, inB];
}

/** A text in which unseen characters are signs; spaces too where `spaces`. */
function seen(text, spaces) {
  return [...text].map((character) => (UNSEEN.test(character) || (spaces && character === " ")
    ? h("span", { class: "unseen-sign", title: `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}` }, sign(character))
    : character));
}

/** A string, what differs in it as `<mark>`. */
export function marked(runs, label, test) {
  return h("pre", { class: "string", tabindex: "0", role: "group", "aria-label": label, "data-testid": test },
    runs.map(([same, text]) => (same ? seen(text, false) : h("mark", null, seen(text, true)))));
}
