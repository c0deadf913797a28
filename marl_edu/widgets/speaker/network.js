// Both actors of marl_edu.algos.maddpg.Team, as marl_edu.widgets.speaker.episode exports them.

import { linear, weightsOf } from "../shared/kit.js";

/** @import { Numbers, Packed, Weights } from "../shared/kit.js" */

/** A pair, trained or scripted. @typedef {{ kind: "trained" | "deaf" | "told", label: string, score: number }} Pair */
/** @typedef {Pair & { W: Weights, layers: number }} Net */

/** @param {Pair & Partial<Packed>} record @returns {Net} */
export function load(record) {
  const W = record.weights ? weightsOf(/** @type {Packed} */ (record)) : {};
  return { ...record, W, layers: Object.keys(W).length / 4 };
}

/** What actor i makes of what it sees. @param {Net} net @param {number} i @param {Numbers} obs */
export function logits({ W, layers }, i, obs) {
  let x = Float64Array.from(obs);
  for (let k = 0; k < layers; k++) {
    x = linear(W[`${i}.weight${k}`], W[`${i}.bias${k}`], k ? x.map((one) => Math.max(one, 0)) : x);
  }
  return x;
}
