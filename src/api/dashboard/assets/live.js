// What happens in the space, told as it happens. Whoever watches is called a few times a second at most, however
// much happens, and never twice at once.
import { base } from "./api.js";

const KINDS = ["request", "order", "pushback", "rules", "clock", "reset"];
/** Real milliseconds between two looks at the same thing. */
const PAUSE = 400;
/** How often everything is asked for while no stream is there. */
const ASK_EVERY = 2000;

const watchers = new Set();
const stateWatchers = new Set();
let state = "opening";
let source = null;
let asking = null;

/** Calls `look` soon after something of these kinds has happened. The answer ends that. */
export function watch(kinds, look) {
  const watcher = { kinds: new Set([...kinds, "reset", "missed"]), look, due: false, running: false, last: 0 };
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Calls `act` with "opening", "live" or "cut" now and whenever it changes. */
export function watchState(act) {
  stateWatchers.add(act);
  act(state);
}

/** Makes those look who watch such things; all of them when no kind is named. */
export function happened(kind) {
  for (const watcher of watchers) {
    if (kind === undefined || watcher.kinds.has(kind)) schedule(watcher);
  }
}

function schedule(watcher) {
  if (watcher.due) return;
  watcher.due = true;
  if (watcher.running) return;
  setTimeout(() => run(watcher), Math.max(30, watcher.last + PAUSE - Date.now()));
}

async function run(watcher) {
  if (!watchers.has(watcher)) return;
  Object.assign(watcher, { due: false, running: true, last: Date.now() });
  // A failed look says so where it is shown; the next event makes another.
  try { await watcher.look(); } catch { /* see above */ }
  watcher.running = false;
  if (watcher.due) {
    watcher.due = false;
    schedule(watcher);
  }
}

function become(next) {
  if (next === state) return;
  state = next;
  stateWatchers.forEach((act) => act(state));
  clearInterval(asking);
  if (state !== "live") asking = setInterval(() => document.hidden || happened(), ASK_EVERY);
}

/** Opens the stream, anew if there is one. A browser opens it again by itself and says where it was. */
export function listen() {
  source?.close();
  source = new EventSource(`${base}v1/events`);
  source.onopen = () => { become("live"); happened(); };
  source.onerror = () => {
    become("cut");
    // After an answer that is no stream the browser gives up; we do not.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, ASK_EVERY);
  };
  for (const kind of KINDS) source.addEventListener(kind, () => happened(kind));
  // Too much happened for this reader: all is asked for again.
  source.addEventListener("missed", () => happened());
}
