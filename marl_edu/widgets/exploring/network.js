// What learns in the maze: a policy with two critics, and what pays it for what is new. As in
// training/ppo.py, algos/rnd.py and algos/counts.py, with their gradients; a row is a state.

import { add, Adam, Dense, denseShapes, initialise, room } from "../shared/layers.js";

/** @import { Named, Shapes } from "../shared/layers.js" */

/** Sizes: O numbers in an observation, A actions, D and W units of a layer, F features. */
/** @typedef {{ O: number, A: number, D: number, W: number, F: number }} Sizes */

/** Layers in a row, from sizes. @param {string} name @param {number[]} sizes @returns {Shapes} */
export const chainShapes = (name, sizes) =>
  sizes.slice(1).flatMap((to, k) => denseShapes(`${name}.${2 * k}`, to, sizes[k]));

/** The weights of policy and critics. @param {Sizes} sizes */
export const policyShapes = ({ O, A, D }) => [
  ...chainShapes("body", [O, D, D]),
  ...denseShapes("policy", A, D),
  ...denseShapes("value_ext", 1, D),
  ...denseShapes("value_int", 1, D),
];
/** Those of the network that imitates. @param {Sizes} sizes */
export const predictorShapes = ({ O, W, F }) => chainShapes("predictor", [O, W, W, W, F]);
/** Those of the one that is imitated. @param {Sizes} sizes */
export const targetShapes = ({ O, W, F }) => chainShapes("target", [O, W, W, F]);

/** Dense layers, after each of which what is negative is kept to a share: 0 is a ReLU, 1 nothing. */
export class Chain {
  /**
   * @param {string} name @param {number[]} sizes @param {number[]} shares
   * @param {number} most rows @param {Named} weights @param {Named} gradients
   */
  constructor(name, sizes, shares, most, weights, gradients) {
    this.shares = shares;
    this.layers = shares.map(
      (_, k) => new Dense(weights, gradients, `${name}.${2 * k}`, most, sizes[k], sizes[k + 1]),
    );
  }

  /** @param {Float64Array} X @param {number} rows */
  forward(X, rows) {
    let x = X;
    this.layers.forEach((layer, k) => {
      layer.rows = rows;
      x = layer.forward(x);
      const share = this.shares[k];
      if (share === 1) return;
      for (let j = 0; j < rows * layer.outputs; j++) if (x[j] < 0) x[j] *= share;
    });
    return x;
  }

  /** Adds to the gradients. @param {Float64Array} dY which it changes */
  backward(dY) {
    let d = dY;
    for (let k = this.layers.length - 1; k >= 0; k--) {
      const { Y, rows, outputs } = this.layers[k];
      const share = this.shares[k];
      if (share < 1) for (let j = 0; j < rows * outputs; j++) if (Y[j] <= 0) d[j] *= share;
      d = this.layers[k].backward(d, k > 0);
    }
  }
}

/**
 * What a policy learns from: M steps, each in a row of what is looked at. `chance`: the logarithm
 * of that of its action, as it was taken.
 * @typedef {{ row: ArrayLike<number>, action: ArrayLike<number>, chance: ArrayLike<number>,
 *   advantage: ArrayLike<number>, ext: ArrayLike<number>, int: ArrayLike<number> }} Steps
 */
/** The names are those of Python's config. @typedef {{ clip_coef: number, ent_coef: number, vf_coef: number }} Coefficients */

/** One network: a policy and two critics, of the reward and of the bonus. */
export class ActorCritic {
  /** @param {Sizes} sizes @param {number} most rows @param {Named} weights @param {Named} gradients */
  constructor({ O, A, D }, most, weights, gradients) {
    this.A = A;
    this.body = new Chain("body", [O, D, D], [0, 0], most, weights, gradients);
    this.heads = [A, 1, 1].map(
      (outputs, k) =>
        new Dense(weights, gradients, ["policy", "value_ext", "value_int"][k], most, D, outputs),
    );
    this.back = this.heads.map(({ Y }) => new Float64Array(Y.length));
    this.logChances = new Float64Array(most * A); // log pi
    this.chances = new Float64Array(most * A);
    this.entropy = new Float64Array(most); // of each row
  }

  get ext() {
    return this.heads[1].Y;
  }

  get int() {
    return this.heads[2].Y;
  }

  /** @param {Float64Array} X @param {number} rows */
  forward(X, rows) {
    const { A, heads, chances, logChances, entropy } = this;
    const x = this.body.forward(X, rows);
    for (const head of heads) {
      head.rows = rows;
      head.forward(x);
    }
    const logits = heads[0].Y;
    for (let r = 0; r < rows; r++) {
      let [top, sum] = [-Infinity, 0];
      for (let k = r * A; k < (r + 1) * A; k++) top = Math.max(top, logits[k]);
      for (let k = r * A; k < (r + 1) * A; k++) sum += Math.exp(logits[k] - top);
      entropy[r] = 0;
      for (let k = r * A; k < (r + 1) * A; k++) {
        logChances[k] = logits[k] - top - Math.log(sum);
        chances[k] = Math.exp(logChances[k]);
        entropy[r] -= chances[k] * logChances[k];
      }
    }
  }

  /**
   * ppo (4), and its gradients are added to; after `forward` of the rows.
   * @param {Steps} steps @param {Coefficients} setup
   */
  learn(steps, { clip_coef, ent_coef, vf_coef }) {
    const { A, heads, back, chances, logChances, entropy, ext, int } = this;
    const M = steps.row.length;
    const [dLogits, dExt, dInt] = back;
    for (const one of back) one.fill(0);
    let loss = 0;
    for (let m = 0; m < M; m++) {
      const r = steps.row[m];
      const chosen = r * A + steps.action[m];
      const advantage = steps.advantage[m];
      const ratio = Math.exp(logChances[chosen] - steps.chance[m]);
      const clipped = Math.min(Math.max(ratio, 1 - clip_coef), 1 + clip_coef);
      const gain = Math.min(ratio * advantage, clipped * advantage);
      const [e, i] = [ext[r] - steps.ext[m], int[r] - steps.int[m]];
      loss += (vf_coef * (e * e + i * i) - gain - ent_coef * entropy[r]) / M; // ppo (4)
      dExt[r] += (2 * vf_coef * e) / M;
      dInt[r] += (2 * vf_coef * i) / M;
      const g = ratio === clipped || ratio * advantage < clipped * advantage ? -gain / M : 0;
      dLogits[chosen] += g;
      for (let a = 0, k = r * A; a < A; a++, k++)
        dLogits[k] += chances[k] * ((ent_coef * (logChances[k] + entropy[r])) / M - g);
    }
    const D = heads[0].inputs;
    const d = heads[0].backward(dLogits).subarray(0, heads[0].rows * D);
    add(d, heads[1].backward(dExt));
    add(d, heads[2].backward(dInt));
    this.body.backward(d);
    return loss;
  }
}

/** A running mean and variance, number by number: core.normalise.RunningMeanStd. */
export class Running {
  /** @param {Float64Array} mean @param {Float64Array} spread the variance, 1 at first */
  constructor(mean, spread) {
    this.mean = mean;
    this.spread = spread.fill(1);
    this.count = 0;
  }

  /**
   * Add rows, each of them so many times.
   * @param {Float64Array} rows @param {ArrayLike<number>} times
   */
  update(rows, times) {
    const K = this.mean.length;
    let n = 0;
    for (let r = 0; r < times.length; r++) n += times[r];
    if (!n) return;
    const total = this.count + n;
    for (let k = 0; k < K; k++) {
      let [mean, spread] = [0, 0];
      for (let r = 0; r < times.length; r++) mean += (times[r] * rows[r * K + k]) / n;
      for (let r = 0; r < times.length; r++)
        if (times[r]) spread += (times[r] * (rows[r * K + k] - mean) ** 2) / n;
      const apart = mean - this.mean[k];
      const between = (apart * apart * this.count * n) / (total * total);
      this.spread[k] = (this.count * this.spread[k] + n * spread) / total + between;
      this.mean[k] += (apart * n) / total;
    }
    this.count = total;
  }
}

/** RND's bonus of arriving in each state, and what it learns from. */
export class Distillation {
  /**
   * @param {Sizes} sizes @param {Float64Array} seen what is seen in each state
   * @param {Named} weights @param {Named} gradients
   */
  constructor({ O, W, F }, seen, weights, gradients) {
    const most = seen.length / O;
    this.sizes = { O, F };
    this.seen = seen;
    this.stats = new Running(new Float64Array(O), new Float64Array(O));
    this.predictor = new Chain(
      "predictor",
      [O, W, W, W, F],
      [0.01, 0, 0, 1],
      most,
      weights,
      gradients,
    );
    this.target = new Chain("target", [O, W, W, F], [0.01, 0.01, 1], most, weights, {});
    this.x = new Float64Array(seen.length);
    /** @type {Float64Array} */
    this.wanted = new Float64Array(); // what the target says of each state
    this.some = new Float64Array(seen.length);
    this.back = new Float64Array(most * F);
    this.look();
  }

  /** Look at all states anew: rnd (1). */
  look() {
    const { x, seen, sizes, stats } = this;
    for (let k = 0; k < x.length; k++) {
      const o = k % sizes.O;
      const away = (seen[k] - stats.mean[o]) / (Math.sqrt(stats.spread[o]) + 1e-8);
      x[k] = Math.min(Math.max(away, -5), 5);
    }
    this.wanted = this.target.forward(x, x.length / sizes.O);
  }

  /** What arriving in each state pays: rnd (2). @param {Float64Array} pays */
  reward(pays) {
    const { F } = this.sizes;
    const guess = this.predictor.forward(this.x, pays.length);
    pays.fill(0);
    for (let k = 0; k < pays.length * F; k++)
      pays[Math.floor(k / F)] += (guess[k] - this.wanted[k]) ** 2 / F;
  }

  /** @param {ArrayLike<number>} times that each state was met in this round */
  update(times) {
    this.stats.update(this.seen, times);
    this.look();
  }

  /** The loss, rnd (3); its gradients are added to. @param {Float64Array} share of each state */
  learn(share) {
    const { x, some, wanted, back, predictor } = this;
    const { O, F } = this.sizes;
    const met = [...share.keys()].filter((s) => share[s]);
    met.forEach((s, r) => some.set(x.subarray(s * O, (s + 1) * O), r * O));
    const guess = predictor.forward(some, met.length);
    let loss = 0;
    met.forEach((s, r) => {
      for (let f = 0; f < F; f++) {
        const apart = guess[r * F + f] - wanted[s * F + f];
        loss += (share[s] * apart * apart) / F;
        back[r * F + f] = (2 * share[s] * apart) / F;
      }
    });
    predictor.backward(back);
    return loss;
  }
}

/** Counts: what was met less often is newer. */
export class Counts {
  /** @param {number} states */
  constructor(states) {
    this.met = new Float64Array(states);
  }

  /** @param {Float64Array} pays */
  reward(pays) {
    for (let s = 0; s < pays.length; s++) pays[s] = 1 / Math.sqrt(this.met[s] + 1); // counts (1)
  }

  /** @param {ArrayLike<number>} times */
  update(times) {
    for (let s = 0; s < times.length; s++) this.met[s] += times[s];
  }
}

/** A random network as RND draws it: its weights as spread as orthogonal ones, √2 times.
 * @param {Shapes} shapes @param {Named} weights @param {() => number} draw */
export function drawWide(shapes, weights, draw) {
  for (const [name, shape] of shapes) {
    const most = shape.length > 1 ? Math.sqrt(6 / Math.max(...shape)) : 0; // biases are 0
    for (let k = 0; k < weights[name].length; k++) weights[name][k] = most * (2 * draw() - 1);
  }
}

/**
 * All numbers of an agent, one part after the other, and who learns from which gradients. Behind
 * the weights stands what a picture of the agent needs.
 * @param {Sizes} sizes @param {number} states @param {number} longest states of an episode
 */
export function makeNets(sizes, states, longest) {
  const learned = [policyShapes(sizes), predictorShapes(sizes)];
  /** @type {Shapes} */
  const kept = [
    ...targetShapes(sizes),
    ["pays", [states]],
    ["visits", [states]],
    ["route", [longest]],
  ];
  const weights = room([...learned.flat(), ...kept]);
  const gradients = room(learned.flat());
  let at = 0;
  const parts = learned.map((shapes) => {
    const size = room(shapes).flat.length;
    at += size;
    return {
      weights: weights.flat.subarray(at - size, at),
      gradients: gradients.flat.subarray(at - size, at),
      adam: new Adam(size),
    };
  });
  return { weights, gradients, policy: parts[0], bonus: parts[1] };
}

/** @param {Sizes} sizes @param {Named} weights @param {() => number} draw */
export function drawNets(sizes, weights, draw) {
  initialise(policyShapes(sizes), weights, draw);
  drawWide([...predictorShapes(sizes), ...targetShapes(sizes)], weights, draw);
}
