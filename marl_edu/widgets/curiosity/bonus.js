// What a step is paid: `reward` of (o, a, o'), and `learn` from many of them.

import { softmax } from "../shared/kit.js";
import { Layers } from "./network.js";

/** @import { Weights } from "../shared/kit.js" */

/** @typedef {[Float64Array, number, Float64Array]} Transition */

const RATE = 0.2; // of a gradient step
const [BETA, ETA] = [0.2, 0.5];

/** marl_edu.algos.rnd */
export class Rnd {
  /** @param {Weights} W */
  constructor(W) {
    this.W = W;
    this.target = new Layers(W, "target", ["leaky", "leaky", "none"]);
    this.predictor = new Layers(W, "predictor", ["leaky", "relu", "relu", "none"]);
  }

  /** @param {Float64Array} obs */
  look(obs) {
    const [mean, spread] = [this.W["stats.mean"], this.W["stats.var"]];
    return obs.map((x, k) =>
      Math.min(Math.max((x - mean[k]) / (Math.sqrt(spread[k]) + 1e-8), -5), 5),
    );
  }

  /** @param {Float64Array} after */
  errors(after) {
    const x = this.look(after);
    const { out, seen } = this.predictor.forward(x);
    const wanted = this.target.forward(x).out;
    return { apart: out.map((y, k) => y - wanted[k]), seen };
  }

  /** @param {Transition} transition */
  reward([, , after]) {
    const { apart } = this.errors(after);
    return apart.reduce((sum, d) => sum + d * d, 0) / apart.length;
  }

  /** @param {Transition[]} transitions */
  learn(transitions) {
    for (const [, , after] of transitions) {
      const { apart, seen } = this.errors(after);
      const wrong = apart.map((d) => (2 * d) / apart.length / transitions.length);
      this.predictor.back(wrong, seen);
    }
    this.predictor.descend(RATE);
  }
}

/** marl_edu.algos.icm */
export class Icm {
  /** @param {Weights} W @param {boolean} through whether the forward model teaches the encoder */
  constructor(W, through) {
    this.through = through;
    this.encode = new Layers(W, "encode", ["elu", "elu"]);
    this.inverse = new Layers(W, "inverse", ["relu", "none"]);
    this.future = new Layers(W, "forward_model", ["relu", "none"]);
  }

  /** @param {Transition} transition */
  errors([obs, action, after]) {
    const [before, next] = [this.encode.forward(obs), this.encode.forward(after)];
    const did = [0, 1, 2, 3, 4].map((a) => Number(a === action));
    const expected = this.future.forward(Float64Array.of(...before.out, ...did));
    return { before, next, expected, apart: expected.out.map((x, k) => x - next.out[k]) };
  }

  /** @param {Transition} transition */
  reward(transition) {
    return (ETA / 2) * this.errors(transition).apart.reduce((sum, d) => sum + d * d, 0);
  }

  /** @param {Transition[]} transitions */
  learn(transitions) {
    const n = transitions.length;
    for (const transition of transitions) {
      const { before, next, expected, apart } = this.errors(transition);
      const F = apart.length;
      const guess = this.inverse.forward(Float64Array.of(...before.out, ...next.out));
      const wrong = softmax(guess.out).map(
        (p, a) => ((1 - BETA) * (p - Number(a === transition[1]))) / n,
      );
      const both = this.inverse.back(Float64Array.from(wrong), guess.seen);
      const forward = apart.map((d) => (BETA * d) / n);
      const source = this.future.back(forward, expected.seen);
      const first = both.slice(0, F).map((g, k) => g + (this.through ? source[k] : 0));
      const second = both.slice(F).map((g, k) => g - (this.through ? forward[k] : 0));
      this.encode.back(first, before.seen);
      this.encode.back(second, next.seen);
    }
    for (const net of [this.encode, this.inverse, this.future]) net.descend(RATE);
  }
}
