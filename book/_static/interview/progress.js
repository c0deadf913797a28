// What a reader has learned, kept in this browser: one entry of localStorage, no account. And the
// formulas of what a script puts on the page.

import { page } from "./page.js";
import { brought, dayOf, empty, fitting, PARTS, reviewed } from "./state.js";
import { watch } from "./wide.js";

/** @import { Part, State } from "./state.js" */

const KEY = "marl-edu-progress";
let memory = empty(); // where nothing can be kept, as long as the page is open

/** The day that is today where the reader is. */
export const today = () => dayOf(new Date());

/** @returns {State} */
export function read() {
  try {
    return fitting(JSON.parse(localStorage.getItem(KEY) ?? "null"));
  } catch {
    return memory;
  }
}

/** @param {(state: State) => void} how */
export function change(how) {
  const state = read(); // again: another tab may have written
  how(state);
  memory = state;
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // Forbidden or full: it lasts as long as the page.
  }
}

/**
 * A card was asked. `more` is what it has if there was none yet.
 * @param {string} id @param {boolean} known @param {{ first?: string }} more
 */
export function review(id, known, more = {}) {
  change((state) => {
    const card = state.cards[id] ?? { box: 0, due: "", ...more };
    state.cards[id] = reviewed(card, known, new Date());
  });
}

/**
 * Add what somebody brings. Gives what was taken, and the names of what was not.
 * @param {string} text @param {Partial<Record<Part, Set<string>>>} names those that each part knows
 */
export function merge(text, names) {
  const { news, left } = brought(text, names);
  change((state) => {
    for (const part of PARTS) Object.assign(state[part], news[part]);
  });
  return { news, left };
}

export function forget() {
  memory = empty();
  try {
    localStorage.removeItem(KEY);
  } catch {
    // There was none.
  }
}

function save() {
  const file = new Blob([JSON.stringify(read(), null, 1)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `marl-edu-progress-${today()}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Formulas in what a script has just put on the page. Before MathJax is there it has nothing to
// do: then it finds them itself. One call at a time.
let last = Promise.resolve();
/** @param {Element} element */
export function typeset(element) {
  last = last
    .then(() => page.MathJax?.startup?.promise)
    .then(() => page.MathJax?.typesetPromise?.([element]))
    .then(() => watch(element));
}

/** @param {Element} element @param {string} html */
export function put(element, html) {
  page.MathJax?.typesetClear?.([element]);
  element.innerHTML = html;
  typeset(element);
}

for (const button of /** @type {NodeListOf<HTMLElement>} */ (
  document.querySelectorAll("[data-export]")
)) {
  button.hidden = false;
  button.addEventListener("click", save);
}
