// What the scripts of the interview pages find on the page.

/**
 * @typedef {object} Question
 * @property {string} id @property {string} topic @property {string} level
 * @property {string} question @property {string} answer @property {string} page
 * @property {{ question: string, answer: string }[]} followUps @property {boolean} quiz
 */
/** @typedef {{ name: string, title: string, topic: string, hunt: boolean }} Exercise */
/**
 * What marl_interview.cards writes into bank.js.
 * @typedef {object} Bank
 * @property {Record<string, string>} topics @property {Record<string, string>} levels
 * @property {Question[]} questions @property {Exercise[]} exercises
 * @property {{ id: string, topic: string }[]} tasks about code, to choose from
 */

/** What other scripts left on the page. */
export const page = /** @type {{ marlBank: Bank, MathJax?: any }} */ (
  /** @type {unknown} */ (globalThis)
);

/** The element with an id. @param {string} id */
export const get = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** The one element that fits. @param {ParentNode} place @param {string} selector */
export const find = (place, selector) => /** @type {HTMLElement} */ (place.querySelector(selector));

/** A form's control, by name. @param {HTMLFormElement} form @param {string} name */
export const field = (form, name) =>
  /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/** Show what a page has only where scripts run. */
export function reveal() {
  get("mi-without").hidden = true;
  get("mi-app").hidden = false;
}
