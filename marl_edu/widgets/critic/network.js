// A critic of marl_edu.algos.mappo, as marl_edu.widgets.critic.record exports it.

import { gruCell, linear, weightsOf } from "../shared/kit.js";

/** @import { Packed, Weights } from "../shared/kit.js" */

/** Where everybody was: cells before each step, and at the end. @typedef {{ prey: number, cells: number[][] }} Played */
/**
 * What marl_edu.widgets.critic.record.export gives. `parts`: which numbers of its input a letter
 * stands for, `[from, to)` each, by agent. `numbers`: variance explained and mean squared error, by
 * what is switched off.
 * @typedef {object} Critic
 * @property {"own" | "team" | "state"} kind @property {string} label @property {number} gamma
 * @property {[number, number]} scale @property {Record<string, number[][][]>} parts
 * @property {Played[]} hunts @property {Record<string, [number, number]>} numbers
 */
/** @typedef {Critic & { W: Weights }} Net */

/** @param {Critic & Packed} record @returns {Net} */
export const load = (record) => ({ ...record, W: weightsOf(record) });

/**
 * What agent i's critic says of every step in turn, of what it reads in each.
 * @param {Net} net @param {Float64Array[]} seen @param {number} i @param {string} off letters
 */
export function values({ W, scale, parts }, seen, i, off) {
  const [mean, sigma] = scale;
  const blanks = Object.entries(parts).flatMap(([letter, spans]) =>
    off.includes(letter) ? (spans[i] ?? []) : [],
  );
  const nothing = new Float64Array(W["memory.weight_hh"].length / W["memory.bias_hh"].length);
  let h = nothing;
  return seen.map((input) => {
    const x = Float64Array.from(input);
    for (const [from, to] of blanks) x.fill(0, from, to);
    const z = linear(W["encode.weight"], W["encode.bias"], x).map((one) => Math.max(one, 0));
    const a = linear(W["memory.weight_ih"], W["memory.bias_ih"], z);
    h = gruCell(a, linear(W["memory.weight_hh"], W["memory.bias_hh"], h), h);
    const v = linear(W["last.weight"], W["last.bias"], h)[0];
    if (off.includes("m")) h = nothing;
    return mean + sigma * v;
  });
}
