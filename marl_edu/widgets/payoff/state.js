// What the figure of payoffs shows: read from traits, computed, and in words.

import { clamp } from "../shared/kit.js";
import { additiveFit, bestFit, reachedFit } from "./fits.js";

/** @import { Fit, Table } from "./fits.js" */

/**
 * What is shown; as a trait, `payoff` is a word, and `weight` in hundredths.
 * @typedef {{ payoff: Table, weight: number, qmix: string }} State
 */
/** @typedef {Record<string, any>} Traits */
/** @typedef {{ best: number, vdn: Fit, qmix: Fit }} Moment */

export const LARGEST = 99; // payoff
export const LOWEST = 10; // weight, in hundredths
export const ACTIONS = "ABC";

/** The table that a word stands for, or null. @param {unknown} word @returns {Table | null} */
export function readTable(word) {
  const rows = `${word ?? ""}`.split(";").map((row) => row.split(","));
  const fits = [rows, rows[0]].every((side) => side.length === 2 || side.length === 3);
  const whole = rows.flat().every((x) => /^-?\d{1,2}$/.test(x));
  const even = rows.every((row) => row.length === rows[0].length);
  return fits && whole && even ? rows.map((row) => row.map((x) => Number(x) + 0)) : null;
}

/** @param {Table} table */
export const writeTable = (table) => table.map((row) => row.join(",")).join(";");

/**
 * The state that traits stand for, whatever they hold: a link may be nonsense.
 * @param {Traits} traits @param {Traits} first as the figure was made @returns {State}
 */
export const readState = (traits, first) => ({
  payoff: readTable(traits.payoff) ?? readTable(first.payoff) ?? [],
  weight: clamp(traits.weight, LOWEST, 100),
  qmix: traits.qmix === "best" ? "best" : "reached",
});

/** The other way round. @param {State} state @returns {Traits} */
export const writeState = (state) => ({ ...state, payoff: writeTable(state.payoff) });

/** @param {State} state @returns {Moment} */
export function compute({ payoff, weight, qmix }) {
  return {
    best: Math.max(...payoff.flat()),
    vdn: additiveFit(payoff),
    qmix: (qmix === "best" ? bestFit : reachedFit)(payoff, weight / 100),
  };
}

/** At most two digits behind the point, and a minus sign. @param {number} x */
export function number(x) {
  const size = Math.floor(Math.abs(x) * 100 + 0.5 + 1e-6) / 100;
  return `${x < 0 && size ? "−" : ""}${size}`;
}

/** Actions by their letters. @param {number[]} actions */
const letters = (actions) => actions.map((a) => ACTIONS[a]).join(" or ");

/** What a team that believes the fit plays, and what comes of it. @param {Fit} fit @param {State} state */
export function plays({ table, greedy: [rows, columns] }, { payoff }) {
  const got = rows.flatMap((a) => columns.map((b) => payoff[a][b]));
  const [low, high] = [Math.min(...got), Math.max(...got)];
  const best = Math.max(...payoff.flat());
  const paid = low === high ? number(low) : `between ${number(low)} and ${number(high)}`;
  const verdict = low === best ? ", the best" : `; the best is ${number(best)}`;
  const pair = `plays ${letters(rows)} with ${letters(columns)}`;
  const what = got.length < payoff.flat().length ? pair : "finds all pairs alike";
  return `${what}: expects ${number(table[rows[0]][columns[0]])}, gets ${paid}${verdict}.`;
}

/** The moment in words. @param {State} state @param {Moment} now */
export const describe = (state, now) =>
  `VDN ${plays(now.vdn, state)} ${nameOf(state)} ${plays(now.qmix, state)}`;

/** What QMIX is called with its weight. @param {State} state */
export const nameOf = ({ weight }) => (weight === 100 ? "QMIX" : "OW-QMIX");
