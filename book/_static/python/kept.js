// What an exercise's answer needs that no page does: what is kept of it, and the verdict's words.

/** @import { Done } from "../interview/state.js" */

/**
 * What the judge says: marl_edu/exercises/engine/in_page.py.
 * @typedef {object} Verdict
 * @property {boolean} passed @property {string} mistake its short name @property {string} message
 * @property {string} printed @property {number | null} line of the source, from 1
 */
/** @typedef {{ printed: string, error: string, line: number | null }} Ran */
/** @typedef {{ headline: string, message: string, printed: string, line: number | null }} Said */

const KEPT_AS = "marl-edu-answers/1/"; // and the exercise's name
const MOST_SHOWN = 4000; // letters of what an answer prints
const MOST_KEPT = 200_000; // letters of an answer

/** @param {string} name of an exercise */
export const keyOf = (name) => KEPT_AS + name;

/** @param {string} text an answer */
export const toKeep = (text) => JSON.stringify({ text });

/**
 * The answer that was kept; nothing if there was none, and `damaged` if it is no answer.
 * @param {string | null} stored @returns {{ text?: string, damaged?: string }}
 */
export function fromKept(stored) {
  if (stored === null) return {};
  try {
    const { text } = JSON.parse(stored);
    if (typeof text === "string" && text.length <= MOST_KEPT) return { text };
  } catch {
    // Of something else.
  }
  return { damaged: stored };
}

/** The beginning of what was printed. @param {string} text */
export const cut = (text) =>
  text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}\n… and more, which is cut.` : text;

/** @param {string} message @param {number | null} line */
const withLine = (message, line) =>
  line === null || new RegExp(`\\bline ${line}\\b`, "i").test(message)
    ? message
    : `Line ${line}: ${message}`;

/** The verdict in words. @param {Verdict} verdict @param {boolean} gradients whether the lab checks them too @returns {Said} */
export function graded({ passed, mistake, message, printed, line }, gradients) {
  if (passed && gradients) {
    const half = `${message} Until then it counts as half.`;
    return { headline: "Values right", message: half, printed, line };
  }
  const headline =
    mistake === "not_attempted" ? "Not attempted yet" : passed ? "Passed" : "Not right yet";
  return { headline, message: withLine(message, line), printed, line };
}

/** What running alone gave, in words. @param {Ran} ran @returns {Said} */
export function ran({ printed, error, line }) {
  if (error) return { headline: "It stopped", message: withLine(error, line), printed, line };
  const message = printed ? "" : "It printed nothing: call your function, and print what it gives.";
  return { headline: "It ran", message, printed, line: null };
}

/**
 * What a pass is noted as, or nothing where all of it is noted already.
 * @param {boolean} gradients @param {Done} [noted] @returns {Done | null}
 */
export function toNote(gradients, noted) {
  if (noted?.done) return null;
  return gradients ? { done: false, values: true } : { done: true };
}

/**
 * The pieces of a sentence, each with the element that it is in, if any: `code` and *emphasis*.
 * @param {string} message @returns {["" | "code" | "em", string][]}
 */
export function pieces(message) {
  const parts = message.split(/`([^`]+)`|\*([^\s*][^*]*)\*/);
  return parts.flatMap((part, k) => {
    const kind = /** @type {const} */ (["", "code", "em"])[k % 3];
    return part ? [/** @type {["" | "code" | "em", string]} */ ([kind, part])] : [];
  });
}

/** How far it has come, in steps that a voice can say. @param {number} loaded @param {number} all in bytes @param {number} megabytes */
export function progress(loaded, all, megabytes) {
  const step = Math.floor((Math.min(loaded / all, 1) * megabytes) / 2) * 2;
  return loaded < all
    ? `Loading Python: ${step} of ${megabytes} MB.`
    : "Python has been loaded, and starts.";
}
