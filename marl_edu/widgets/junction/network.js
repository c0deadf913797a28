// marl_edu.training.a2c.ActorCritic.

import { dot, gruCell, linear, maskedSoftmax, weightsOf } from "../shared/kit.js";

/** @import { Packed, Weights } from "../shared/kit.js" */

/**
 * What marl_edu.widgets.junction.policies.export_policy gives.
 * @typedef {object} Policy
 * @property {"none" | "commnet" | "tarmac"} kind @property {string} label
 * @property {number} hidden_dim @property {number} obs_dim @property {number} heads
 * @property {number} rounds @property {boolean} hear_self
 * @property {number} signature_dim @property {number} value_dim
 * @property {{ success: number, episodes: number }} [measured]
 */
/** @typedef {Policy & { W: Weights }} Net */
/** @typedef {Float64Array | null} Row of a car; null for an empty slot */
/** @typedef {{ z: Row[], attention: number[][][] }} Talk [head][receiver][sender], and z' */
/** @typedef {(i: number, j: number) => boolean} Hears whether slot i hears slot j */

/** @param {Policy & Packed} policy @returns {Net} */
export const load = (policy) => ({ ...policy, W: weightsOf(policy) });

/** The weighted sum of what is heard. @param {number[]} weights @param {Row[]} messages @param {number} size */
function mix(weights, messages, size) {
  const sum = new Float64Array(size);
  weights.forEach((weight, j) => {
    if (weight) messages[j]?.forEach((x, k) => (sum[k] += weight * x));
  });
  return sum;
}

/** @param {Weights} W @param {Float64Array} own @param {Float64Array} heard */
function merge(W, own, heard) {
  const kept = linear(W["communicate.W_z.weight"], W["communicate.W_z.bias"], own);
  return linear(W["communicate.W_c.weight"], kept, heard).map(Math.tanh);
}

/** @type {Record<Policy["kind"], (net: Net, z: Row[], hears: Hears) => Talk>} */
const TALK = {
  none: (net, z) => ({ z, attention: [z.map(() => z.map(() => 0))] }),

  commnet(net, z, hears) {
    const attention = z.map((_, i) => {
      const others = z.map((_, j) => Number(i !== j && hears(i, j)));
      const total = others.reduce((a, b) => a + b, 0);
      return others.map((one) => (total ? one / total : 0));
    });
    for (let round = 0; round < net.rounds; round++) {
      const heard = attention.map((row) => mix(row, z, net.hidden_dim));
      z = z.map((own, i) => own && merge(net.W, own, heard[i]));
    }
    return { z, attention: [attention] };
  },

  tarmac(net, z, hears) {
    const { W, heads, signature_dim: dk, value_dim: dv } = net;
    /** @param {string} layer @param {Row[]} of @param {number} size, and head h of it */
    const apply = (layer, of, size) => {
      const [weight, bias] = [W[`communicate.${layer}.weight`], W[`communicate.${layer}.bias`]];
      const all = of.map((own) => own && linear(weight, bias, own));
      return (/** @type {number} */ h) => all.map((x) => x && x.subarray(h * size, (h + 1) * size));
    };
    /** @type {number[][][]} */
    let attention = [];
    for (let round = 0; round < net.rounds; round++) {
      const [signature, value] = [apply("W_k", z, dk), apply("W_v", z, dv)];
      const query = apply("W_q", z, dk);
      const heard = z.map(() => new Float64Array(heads * dv));
      attention = Array.from({ length: heads }, (_, h) => {
        const [signatures, values] = [signature(h), value(h)];
        return query(h).map((q, i) => {
          const scores = signatures.map((k, j) => {
            if (!q || !k || !hears(i, j) || (i === j && !net.hear_self)) return null;
            return dot(k, q) / Math.sqrt(dk);
          });
          const weights = maskedSoftmax(scores);
          heard[i].set(mix(weights, values, dv), h * dv);
          return weights;
        });
      });
      z = z.map((own, i) => own && merge(W, own, heard[i]));
    }
    return { z, attention };
  },
};

/**
 * One step of the team. obs, h: per slot; muted: slots that only hear themselves speak.
 * @param {Net} net @param {(Float32Array | null)[]} obs @param {Float64Array[]} h
 * @param {number[]} muted
 */
export function forward(net, obs, h, muted = []) {
  const { W } = net;
  /** @type {Hears} */
  const hears = (i, j) => Boolean(obs[i] && obs[j]) && (i === j || !muted.includes(j));
  const known = obs.map((seen, i) => {
    if (!seen) return null;
    const encoded = linear(W["encode.weight"], W["encode.bias"], seen);
    return linear(W["recall.weight"], encoded, h[i]).map((x) => Math.max(0, x));
  });
  const { z, attention } = TALK[net.kind](net, known, hears);
  const memory = h.map((old, i) => {
    const input = z[i];
    if (!input) return new Float64Array(net.hidden_dim);
    const a = linear(W["memory.weight_ih"], W["memory.bias_ih"], input);
    return gruCell(a, linear(W["memory.weight_hh"], W["memory.bias_hh"], old), old);
  });
  const logits = memory.map((m) => linear(W["policy.weight"], W["policy.bias"], m));
  return { logits, attention, h: memory };
}
