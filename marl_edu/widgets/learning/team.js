// A team's network on one question each: the equations of marl_edu/training/a2c.py with those of
// tarmac.py or commnet.py between (1) and (3), and their gradients.

import { add, Dense, denseShapes, FirstMemory, memoryShapes, relu } from "../shared/layers.js";
import { Attention, MeanOfOthers } from "./layers.js";

/** @import { Named, Shapes } from "../shared/layers.js" */

/**
 * `talk`: "attention", "mean" or "nobody". O, D, A: sizes as in Python.
 * @typedef {{ talk: string, N: number, O: number, D: number, A: number,
 *   heads: number, signature: number, value: number }} Shape
 */

/** Names and shapes of the weights, those of Python; of an empty memory nothing is recalled.
 * @param {Shape} shape @returns {Shapes} */
export function shapesOf({ talk, O, D, A, heads, signature, value }) {
  const dense = denseShapes;
  /** @type {Shapes} */
  let words = [];
  if (talk === "attention") {
    words = [
      ...dense("communicate.W_k", heads * signature, D),
      ...dense("communicate.W_v", heads * value, D),
      ...dense("communicate.W_q", heads * signature, D),
      ["communicate.W_c.weight", [D, heads * value]],
      ...dense("communicate.W_z", D, D),
    ];
  } else if (talk === "mean") {
    words = [["communicate.W_c.weight", [D, D]], ...dense("communicate.W_z", D, D)];
  }
  return [
    ...dense("encode", D, O),
    ...words,
    ...memoryShapes("memory", D),
    ...dense("policy", A, D),
    ...dense("value", 1, 2 * D),
  ];
}

/** x = tanh(x + y). @param {Float64Array} x @param {Float64Array} y */
export function tanhOfSum(x, y) {
  for (let k = 0; k < x.length; k++) x[k] = Math.tanh(x[k] + y[k]);
}

/** The network on some of the environments: what it computes, and how gradients come back. */
export class Pass {
  /** @param {Shape} shape @param {Named} weights @param {Named} gradients @param {number} envs */
  constructor(shape, weights, gradients, envs) {
    const { talk } = shape;
    // What a division left counts as a fraction, with which loops are half as fast; "| 0" ends that.
    const [N, O, D, A, heads, signature, value, rows] = [
      shape.N | 0,
      shape.O | 0,
      shape.D | 0,
      shape.A | 0,
      shape.heads | 0,
      shape.signature | 0,
      shape.value | 0,
      (envs * shape.N) | 0,
    ];
    /** @param {string} name @param {number} inputs @param {number} outputs */
    const dense = (name, inputs, outputs) =>
      new Dense(weights, gradients, name, rows, inputs, outputs);
    this.shape = { talk, N, O, D, A, heads, signature, value };
    this.envs = envs | 0;
    this.rows = rows;
    this.obs = new Float64Array(rows * O);
    this.alive = new Uint8Array(rows).fill(1);
    this.mask = new Uint8Array(rows * N);
    this.encode = dense("encode", O, D);
    if (talk === "attention") {
      this.W_q = dense("communicate.W_q", D, heads * signature);
      this.W_k = dense("communicate.W_k", D, heads * signature);
      this.W_v = dense("communicate.W_v", D, heads * value);
      this.attention = new Attention(envs, N, heads, signature, value);
    }
    if (talk === "mean") this.mean = new MeanOfOthers(envs, N, D);
    if (talk !== "nobody") {
      this.W_c = dense("communicate.W_c", talk === "mean" ? D : heads * value, D);
      this.W_z = dense("communicate.W_z", D, D);
    }
    this.memory = new FirstMemory(weights, gradients, "memory", rows, D);
    this.policy = dense("policy", D, A);
    this.critic = dense("value", 2 * D, 1);
    this.team = new Float64Array(rows * 2 * D); // [h ; mean of all living h] of each row
    this.dLogits = new Float64Array(rows * A); // to be filled in before `backward`
    this.dValue = new Float64Array(rows);
    this.dH = new Float64Array(rows * D);
    this.dZ = new Float64Array(rows * D);
  }

  get logits() {
    return this.policy.Y;
  }

  get values() {
    return this.critic.Y;
  }

  /** How many are alive in environment b. @param {number} b */
  living(b) {
    const { N } = this.shape;
    let count = 0;
    for (let i = 0; i < N; i++) count += this.alive[b * N + i];
    return Math.max(count, 1);
  }

  /** From `obs` and `alive` to `logits` and `values`; stops for breath between layers. */
  *forward() {
    const { N } = this.shape;
    const { alive, mask } = this;
    for (let r = 0; r < this.rows; r++) {
      const first = Math.floor(r / N) * N;
      for (let j = 0; j < N; j++) mask[r * N + j] = alive[r] & alive[first + j];
    }
    let z = this.encode.forward(this.obs);
    relu(z); // a2c (1)
    yield;
    if (this.W_c && this.W_z) {
      const heard = this.hear(z);
      yield;
      const told = this.W_c.forward(heard);
      z = this.W_z.forward(z);
      tanhOfSum(z, told); // TarMAC (5), CommNet (2)
      yield;
    }
    const h = this.memory.forward(z); // a2c (3)
    yield;
    this.gather(h);
    this.policy.forward(h); // a2c (4)
    this.critic.forward(this.team); // a2c (5)
  }

  /** What everyone hears. @param {Float64Array} z */
  hear(z) {
    const { attention, W_q, W_k, W_v, mean, mask } = this;
    if (attention && W_q && W_k && W_v) {
      const [Q, K, V] = [W_q, W_k, W_v].map((layer) => layer.forward(z)); // TarMAC (1), (2)
      return attention.forward(Q, K, V, mask); // TarMAC (3), (4)
    }
    return mean ? mean.forward(z, mask) : z; // CommNet (1)
  }

  /** Empties the memory of the dead, and puts it beside the mean of the living. @param {Float64Array} h */
  gather(h) {
    const { N, D } = this.shape;
    const { team, alive } = this;
    for (let b = 0; b < this.envs; b++) {
      const living = this.living(b);
      for (let d = 0; d < D; d++) {
        let sum = 0;
        for (let r = b * N; r < (b + 1) * N; r++) {
          h[r * D + d] *= alive[r];
          sum += h[r * D + d];
        }
        for (let r = b * N; r < (b + 1) * N; r++) {
          team[2 * r * D + d] = h[r * D + d];
          team[(2 * r + 1) * D + d] = sum / living;
        }
      }
    }
  }

  /** From `dLogits` and `dValue` to the gradients of all weights, to which it adds. */
  *backward() {
    const { dH, dZ, alive } = this;
    const { N, D } = this.shape;
    dH.set(this.policy.backward(this.dLogits));
    const dTeam = this.critic.backward(this.dValue);
    for (let b = 0; b < this.envs; b++) {
      const living = this.living(b);
      for (let d = 0; d < D; d++) {
        let sum = 0;
        for (let r = b * N; r < (b + 1) * N; r++) sum += dTeam[(2 * r + 1) * D + d];
        for (let r = b * N; r < (b + 1) * N; r++) {
          dH[r * D + d] = alive[r] * (dH[r * D + d] + dTeam[2 * r * D + d] + sum / living);
        }
      }
    }
    yield;
    dZ.set(this.memory.backward(dH));
    yield;
    if (this.W_c && this.W_z) {
      const after = this.W_z.Y;
      for (let k = 0; k < dZ.length; k++) dZ[k] *= 1 - after[k] * after[k];
      const dHeard = this.W_c.backward(dZ);
      dZ.set(this.W_z.backward(dZ));
      yield;
      this.unhear(dHeard);
      yield;
    }
    const z = this.encode.Y;
    for (let k = 0; k < dZ.length; k++) if (z[k] <= 0) dZ[k] = 0;
    this.encode.backward(dZ, false);
  }

  /** Adds to dZ what comes back by way of the messages. @param {Float64Array} dHeard */
  unhear(dHeard) {
    const { attention, W_q, W_k, W_v, mean, dZ } = this;
    if (mean) add(dZ, mean.backward(dHeard));
    if (attention && W_q && W_k && W_v) {
      attention.backward(dHeard);
      add(dZ, W_q.backward(attention.dQ));
      add(dZ, W_k.backward(attention.dK));
      add(dZ, W_v.backward(attention.dV));
    }
  }
}
