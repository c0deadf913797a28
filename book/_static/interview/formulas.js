// The formulas of what a script puts on a page.

import { page } from "./page.js";
import { watch } from "./wide.js";

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
