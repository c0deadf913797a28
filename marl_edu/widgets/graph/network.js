// marl_edu.algos.gat, a team in its first step, when its memory is 0.

import { dot, gruCell, linear, softmax, weightsOf } from "../shared/kit.js";

/** @import { Packed, Weights } from "../shared/kit.js" */

/**
 * What marl_edu.widgets.graph.figure.export gives.
 * @typedef {{ heads: number, layers: number, hidden_dim: number, symbols: number }} Team
 */
/** @typedef {Team & { W: Weights }} Net */

export const LETTERS = "ABCDEFGH";

/** @param {Team & Packed} team @returns {Net} */
export const load = (team) => ({ ...team, W: weightsOf(team) });

/**
 * One layer, eqs. (1)-(3): attention [head][receiver][sender], and what each receiver heard.
 * @param {Net} net @param {number} l @param {Float64Array[]} z @param {number[][]} near
 */
function attend(net, l, z, near) {
  const part = (/** @type {string} */ name) => net.W[`communicate.layers.${l}.${name}`];
  const F = net.hidden_dim / net.heads;
  const Wh = z.map((own) => linear(part("W.weight"), null, own));
  const heard = z.map(() => Float64Array.from(part("bias")));
  const attention = Array.from({ length: net.heads }, (_, h) => {
    const own = (/** @type {Float64Array} */ values) => values.subarray(h * F, (h + 1) * F);
    const [sent, received] = ["a_sender", "a_receiver"].map((name) =>
      Wh.map((row) => dot(own(part(name)), own(row))),
    );
    return near.map((senders, i) => {
      const row = Array(z.length).fill(0);
      const scores = senders.map((j) => received[i] + sent[j]);
      softmax(scores.map((s) => (s > 0 ? s : 0.2 * s))).forEach((weight, n) => {
        const j = senders[n];
        row[j] = weight;
        for (let k = h * F; k < (h + 1) * F; k++) heard[i][k] += weight * Wh[j][k];
      });
      return row;
    });
  });
  return { attention, heard };
}

/**
 * What the team makes of a graph: the attention of every layer, and each agent's chances of answers.
 * @param {Net} net @param {string} holds letters or "-" @param {number[][]} near whom each agent
 *   hears, itself too
 */
export function listen(net, holds, near) {
  const { W } = net;
  let z = [...holds].map((letter) => {
    const obs = new Float64Array(1 + net.symbols);
    if (letter !== "-") obs[0] = obs[1 + LETTERS.indexOf(letter)] = 1;
    return linear(W["encode.weight"], W["encode.bias"], obs).map((x) => Math.max(0, x));
  });
  /** @type {number[][][][]} */
  const attention = [];
  for (let l = 0; l < net.layers; l++) {
    const layer = attend(net, l, z, near);
    attention.push(layer.attention);
    z = z.map((own, i) => own.map((x, k) => x + Math.tanh(layer.heard[i][k])));
  }
  const chances = z.map((own) => {
    const a = linear(W["memory.weight_ih"], W["memory.bias_ih"], own);
    const h = gruCell(a, W["memory.bias_hh"], new Float64Array(net.hidden_dim));
    return softmax(linear(W["policy.weight"], W["policy.bias"], h));
  });
  return { attention, chances };
}
