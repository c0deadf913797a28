// marl_edu.algos.drqn.RecurrentQ, one agent, and the probe that reads its memory.

import { gruCell, linear, lstmCell, sigmoid, weightsOf } from "../shared/kit.js";

/** @import { Packed, Weights } from "../shared/kit.js" */

/**
 * What marl_edu.widgets.corridor.figure.export gives.
 * @typedef {object} Agent
 * @property {"lstm" | "gru"} kind @property {string} label @property {number} hidden_dim
 * @property {number[]} order of the units, by what they tell of the sign
 */
/** @typedef {Agent & { W: Weights }} Net */

/** @param {Agent & Packed} record @returns {Net} */
export const load = (record) => ({ ...record, W: weightsOf(record) });

/** The memory before anything was seen. @param {Net} net */
export const nothing = (net) => new Float64Array(net.hidden_dim * (net.kind === "lstm" ? 2 : 1));

/**
 * What is remembered after seeing `obs`: h, and with an LSTM its cell behind it.
 * @param {Net} net @param {Float64Array} obs @param {Float64Array} memory
 */
export function remember({ W, hidden_dim, kind }, obs, memory) {
  const z = linear(W["encode.weight"], W["encode.bias"], obs).map((x) => Math.max(x, 0));
  const a = linear(W["memory.weight_ih_l0"], W["memory.bias_ih_l0"], z);
  const h = memory.subarray(0, hidden_dim);
  const b = linear(W["memory.weight_hh_l0"], W["memory.bias_hh_l0"], h);
  return (kind === "lstm" ? lstmCell : gruCell)(a, b, memory);
}

/** The value of each action. @param {Net} net @param {Float64Array} memory */
export const value = ({ W, hidden_dim }, memory) =>
  linear(W["q.weight"], W["q.bias"], memory.subarray(0, hidden_dim));

/** How probably the sign said up, by the probe. @param {Net} net @param {Float64Array} memory */
export const reads = ({ W }, memory) =>
  sigmoid(linear(W["probe.weight"], W["probe.bias"], memory)[0]);
