// Lines to put in order: touch a line to add it to the function, touch it there to take it out.

import { find } from "./page.js";

/**
 * @typedef {object} Puzzle
 * @property {number[]} own the lines of the function @property {number[][]} before pairs of them, of
 *   which the first must come before the second
 */
/**
 * What is wrong with an order, the worst first; nothing is, if it has none of these.
 * @param {number[]} order @param {Puzzle} puzzle
 * @returns {{ stray?: number, missing?: number, pair?: number[] }} a line that does not belong, how
 *   many are missing, or two that have changed places
 */
export function fault(order, { own, before }) {
  const stray = order.find((line) => !own.includes(line));
  if (stray !== undefined) return { stray };
  if (order.length < own.length) return { missing: own.length - order.length };
  const pair = before.find(([a, b]) => order.indexOf(a) > order.indexOf(b));
  return pair ? { pair } : {};
}

/**
 * Makes buttons of the lines of a form. Returns what says how they stand: HTML and whether that is
 * right, or a sentence where nobody has begun.
 * @param {HTMLFormElement} form
 * @returns {() => { html: string, right: boolean } | string}
 */
export function arrange(form) {
  const pool = find(form, ".mi-pool");
  const chosen = find(form, ".mi-chosen");
  const said = find(form, ".mi-moved");
  const puzzle = /** @type {Puzzle} */ (JSON.parse(form.dataset.puzzle ?? ""));
  const items = [...pool.children].map((item, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "mi-piece";
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => move(item, number));
    return item;
  });
  chosen.hidden = said.hidden = false;

  const numbers = () => [...chosen.children].map((item) => items.indexOf(item));
  const code = (/** @type {number} */ line) => find(items[line], "code").outerHTML;

  /** Back among the others a line stands where it stood. @param {Element} item @param {number} number */
  function back(item, number) {
    const later = [...pool.children].find((other) => items.indexOf(other) > number);
    pool.insertBefore(item, later ?? null);
  }

  /** @param {Element} item @param {number} number */
  function move(item, number) {
    const from = item.parentElement;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    if (from === pool) chosen.append(item);
    else back(item, number);
    said.textContent =
      from === pool
        ? `Line ${chosen.children.length} of the function. Touch it there to take it out.`
        : "Taken out.";
    // The keyboard goes on where it was.
    find(next ?? form, next ? "button" : "[type=submit]").focus({ preventScroll: true });
    form.dispatchEvent(new Event("change"));
  }

  form.addEventListener("reset", () => {
    items.forEach(back);
    said.textContent = "";
  });

  return () => {
    const order = numbers();
    if (order.length === 0) return "Touch the lines of the function first, one after the other.";
    const { stray, missing, pair } = fault(order, puzzle);
    const wrong = (/** @type {string} */ text) => ({
      html: `<strong>Wrong.</strong> ${text}`,
      right: false,
    });
    if (stray !== undefined) return wrong(find(form, `[data-piece="${stray}"]`).innerHTML);
    if (missing)
      return wrong(missing === 1 ? "A line is missing." : `${missing} lines are missing.`);
    if (pair) return wrong(`${code(pair[0])} comes before ${code(pair[1])}.`);
    return {
      html: "<strong>Right.</strong> The grader of the exercise passes it.",
      right: true,
    };
  };
}
