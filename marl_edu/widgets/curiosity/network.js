// Fully connected layers, with their gradients.

import { linear } from "../shared/kit.js";

/** @import { Weights } from "../shared/kit.js" */

/** What follows a layer, and its derivative. @type {Record<string, ((x: number) => number)[]>} */
const BEND = {
  none: [(x) => x, () => 1],
  relu: [(x) => Math.max(x, 0), (x) => (x > 0 ? 1 : 0)],
  leaky: [(x) => (x > 0 ? x : 0.01 * x), (x) => (x > 0 ? 1 : 0.01)],
  elu: [(x) => (x > 0 ? x : Math.expm1(x)), (x) => (x > 0 ? 1 : Math.exp(x))],
};

/** @typedef {[Float64Array, Float64Array][]} Seen what went into each layer, and its sums */

export class Layers {
  /** @param {Weights} W @param {string} name of the torch Sequential @param {string[]} bends */
  constructor(W, name, bends) {
    this.layers = bends.map((bend, k) => {
      const [weight, bias] = ["weight", "bias"].map((part) => W[`${name}.${2 * k}.${part}`]);
      const [dW, db] = [weight, bias].map((values) => new Float64Array(values.length));
      return { weight, bias, bend: BEND[bend], dW, db };
    });
  }

  /** What comes out, and what `back` needs. @param {Float64Array} x */
  forward(x) {
    /** @type {Seen} */
    const seen = [];
    let out = x;
    for (const { weight, bias, bend } of this.layers) {
      const sum = linear(weight, bias, out);
      seen.push([out, sum]);
      out = sum.map(bend[0]);
    }
    return { out, seen };
  }

  /**
   * Adds to the gradients of the weights; returns that of the input.
   * @param {Float64Array} gradient @param {Seen} seen
   */
  back(gradient, seen) {
    for (let k = this.layers.length - 1; k >= 0; k--) {
      const { weight, bend, dW, db } = this.layers[k];
      const [x, sum] = seen[k];
      const below = new Float64Array(x.length);
      for (let o = 0, at = 0; o < sum.length; o++) {
        const g = gradient[o] * bend[1](sum[o]);
        db[o] += g;
        for (let i = 0; i < x.length; i++, at++) {
          dW[at] += g * x[i];
          below[i] += g * weight[at];
        }
      }
      gradient = below;
    }
    return gradient;
  }

  /** One step down, and the gradients are 0 again. @param {number} rate */
  descend(rate) {
    for (const { weight, bias, dW, db } of this.layers) {
      dW.forEach((g, k) => (weight[k] -= rate * g));
      db.forEach((g, k) => (bias[k] -= rate * g));
      dW.fill(0);
      db.fill(0);
    }
  }
}
