// What a reader has learned, kept in this browser, without an account: an entry of localStorage for
// each card, quiz and exercise, so that two tabs do not overwrite each other.

import {
  brought,
  changesOf,
  dayOf,
  empty,
  entryOf,
  fitting,
  merged,
  PARTS,
  reviewed,
  stamp,
  toUndo,
  VERSION,
} from "./state.js";

/** @import { Change, Dated, Part, State } from "./state.js" */

const PREFIX = `marl-edu/${VERSION}/`; // and the part, and the name
const VERSION_1 = "marl-edu-progress"; // where it kept everything; it is read, never written
const KNOWN_PARTS = new Set(/** @type {string[]} */ (PARTS));
let unkept = empty(); // what could not be kept, as long as the page is open
/** @type {Change[]} */
let lastChanges = []; // of an import, or of forgetting

/** The day that is today where the reader is. */
export const today = () => dayOf(new Date());

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What is kept in this browser. @returns {State} */
function kept() {
  /** @type {Record<string, any>} */
  const found = empty();
  let old = empty();
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(PREFIX)) continue;
      const [part, name] = key.slice(PREFIX.length).split("/");
      if (KNOWN_PARTS.has(part)) found[part][name] = parsed(localStorage.getItem(key) ?? "");
    }
    old = fitting(parsed(localStorage.getItem(VERSION_1) ?? ""));
  } catch {
    // Forbidden, or of something else.
  }
  return merged(fitting(found), old);
}

export const read = () => merged(kept(), unkept);

/** Whether the browser has it, rather than this page alone (site.js). @param {string} key @param {string} text */
const isKept = (key, text) => localStorage instanceof Storage && localStorage.getItem(key) === text;

/** Keep an entry as it is, or remove it. @param {Part} part @param {string} name @param {Dated} [entry] */
function keep(part, name, entry) {
  const key = `${PREFIX}${part}/${name}`;
  delete unkept[part][name];
  // Where storage is full or forbidden, these do nothing (site.js).
  if (entry) localStorage.setItem(key, JSON.stringify(entry));
  else localStorage.removeItem(key);
  if (entry && !isKept(key, JSON.stringify(entry))) {
    Object.assign(unkept[part], { [name]: entry });
    warn();
  }
}

/**
 * Note something, newer than what it replaces.
 * @template {Part} P
 * @param {P} part @param {string} name @param {Omit<State[P][string], "at">} fields
 */
export function set(part, name, fields) {
  const at = stamp(new Date(), read()[part][name]);
  keep(part, name, entryOf(part, { ...fields, at }) ?? undefined);
}

/**
 * A card was asked. `more` is what it has if there was none yet.
 * @param {string} id @param {boolean} known @param {{ first?: string }} more
 */
export function review(id, known, more = {}) {
  const card = read().cards[id] ?? { box: 0, due: "", ...more };
  set("cards", id, reviewed(card, known, new Date()));
}

/**
 * Add what somebody brings, where it is newer than what is there.
 * @param {string} text @param {Partial<Record<Part, Set<string>>>} names those that each part knows
 */
export function merge(text, names) {
  const mine = read();
  const found = brought(text, names, mine, new Date());
  lastChanges = changesOf(mine, merged(mine, found.news));
  for (const { part, name, after } of lastChanges) keep(part, name, after);
  return found;
}

export function forget() {
  lastChanges = changesOf(read(), empty());
  for (const { part, name } of lastChanges) keep(part, name);
  localStorage.removeItem(VERSION_1);
}

/** Take back the last import or forgetting, where nothing has changed since. */
export function undo() {
  const changes = toUndo(lastChanges, read());
  for (const { part, name, before } of changes) keep(part, name, before);
  lastChanges = [];
  return changes.length;
}

export const canUndo = () => lastChanges.length > 0;

/** Call back when another tab has changed something. @param {() => void} show */
export function onOthers(show) {
  window.addEventListener("storage", show);
  window.addEventListener("pageshow", show); // also when one comes back to this page
}

function save() {
  const file = new Blob([JSON.stringify(read(), null, 1)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `marl-edu-progress-${today()}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Once, where it stays in view.
function warn() {
  if (document.querySelector(".mi-unkept")) return;
  const told = document.createElement("p");
  told.className = "mi-unkept";
  told.setAttribute("role", "alert");
  told.textContent =
    "This browser cannot keep that: its storage is full, or forbidden. It lasts until you leave " +
    "this page. Export it to have it in a file. ";
  const button = document.createElement("button");
  button.className = "mi-button";
  button.textContent = "Export";
  button.addEventListener("click", save);
  told.append(button);
  document.querySelector("article")?.append(told);
}

for (const button of /** @type {NodeListOf<HTMLElement>} */ (
  document.querySelectorAll("[data-export]")
)) {
  button.hidden = false;
  button.addEventListener("click", save);
}
