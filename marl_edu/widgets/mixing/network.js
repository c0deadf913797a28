// What two agents believe of a game in which each acts once: the equations of
// marl_edu/training/team_q.py with those of algos/iql.py, vdn.py or qmix.py, and their gradients.
// Both see the same in every game, so that the agents' network runs once for all pairs of actions.

import { Dense, denseShapes, FirstMemory, memoryShapes, relu } from "../shared/layers.js";

/** @import { Named, Shapes } from "../shared/layers.js" */

/**
 * `method`: "iql", "vdn", "qmix" or "owqmix". A actions of each, D hidden units, H of the mixer.
 * @typedef {{ method: string, A: number, D: number, H: number }} Shape
 */

export const N = 2; // agents
export const SEEN = 1; // O: the number that everybody sees is 1
export const STATE = N * SEEN; // S: all that they see together

/** Of one agents' network, which all share. @param {string} name @param {Shape} shape @returns {Shapes} */
export const agentShapes = (name, { A, D }) => [
  ...denseShapes(`${name}.encode`, D, SEEN + N),
  ...memoryShapes(`${name}.memory`, D),
  ...denseShapes(`${name}.q`, A, D),
];

/** Names and shapes of the weights, those of Python. @param {Shape} shape @returns {Shapes} */
export function shapesOf(shape) {
  const { method, D, H } = shape;
  const mixes = method === "qmix" || method === "owqmix";
  return [
    ...agentShapes("agent", shape),
    ...(mixes
      ? [
          ...denseShapes("mixer.H_1", N * H, STATE),
          ...denseShapes("mixer.B_1", H, STATE),
          ...denseShapes("mixer.H_2", H, STATE),
          ...denseShapes("mixer.V_1", H, STATE),
          ...denseShapes("mixer.V_2", 1, H),
        ]
      : []),
    ...(method === "owqmix"
      ? [
          ...agentShapes("star.agent", shape),
          ...denseShapes("star.layers.0", D, N + STATE),
          ...denseShapes("star.layers.2", D, D),
          ...denseShapes("star.layers.4", 1, D),
        ]
      : []),
  ];
}

/** Agents: what each expects of its actions, one row an agent. */
export class Agents {
  /** @param {string} name @param {Shape} shape @param {Named} weights @param {Named} gradients */
  constructor(name, { A, D }, weights, gradients) {
    const of = (/** @type {string} */ layer) => `${name}.${layer}`;
    this.encode = new Dense(weights, gradients, of("encode"), N, SEEN + N, D);
    this.memory = new FirstMemory(weights, gradients, of("memory"), N, D);
    this.values = new Dense(weights, gradients, of("q"), N, D, A);
    this.input = Float64Array.of(1, 1, 0, 1, 0, 1); // what each sees, and its number
    this.dQ = new Float64Array(N * A); // to be filled in before `backward`
  }

  forward() {
    const z = this.encode.forward(this.input);
    relu(z); // team_q (1)
    return this.values.forward(this.memory.forward(z)); // team_q (2), (3)
  }

  backward() {
    const dZ = this.memory.backward(this.values.backward(this.dQ));
    const z = this.encode.Y;
    for (let k = 0; k < dZ.length; k++) if (z[k] <= 0) dZ[k] = 0;
    this.encode.backward(dZ, false);
  }
}

/** VDN: the sum of every pair's values. */
export class Sum {
  /** @param {number} pairs */
  constructor(pairs) {
    this.total = new Float64Array(pairs);
    this.dTotal = new Float64Array(pairs); // to be filled in before `backward`
    this.dq = new Float64Array(pairs * N);
  }

  /** @param {Float64Array} q of every pair, agent by agent */
  forward(q) {
    for (let p = 0; p < this.total.length; p++) this.total[p] = q[N * p] + q[N * p + 1]; // vdn (1)
    return this.total;
  }

  backward() {
    const { dq, dTotal } = this;
    for (let k = 0; k < dq.length; k++) dq[k] = dTotal[Math.floor(k / N)];
    return dq;
  }
}

/** QMIX's mixer: hypernetworks that see the state, and what they make of every pair's values. */
export class Mixer {
  /** @param {Shape} shape @param {Named} weights @param {Named} gradients */
  constructor({ A, H }, weights, gradients) {
    const dense = (
      /** @type {string} */ name,
      /** @type {number} */ inputs,
      /** @type {number} */ outputs,
    ) => new Dense(weights, gradients, `mixer.${name}`, 1, inputs, outputs);
    this.H = H;
    this.H_1 = dense("H_1", STATE, N * H);
    this.B_1 = dense("B_1", STATE, H);
    this.H_2 = dense("H_2", STATE, H);
    this.V_1 = dense("V_1", STATE, H);
    this.V_2 = dense("V_2", H, 1);
    this.state = new Float64Array(STATE).fill(1);
    /** @type {Float64Array} */
    this.q = new Float64Array();
    this.total = new Float64Array(A * A);
    this.dTotal = new Float64Array(A * A); // to be filled in before `backward`
    this.x = new Float64Array(A * A * H);
    this.dq = new Float64Array(A * A * N);
    this.back = {
      H_1: new Float64Array(N * H),
      H_2: new Float64Array(H),
      B_1: new Float64Array(H),
    };
  }

  /** @param {Float64Array} q of every pair, agent by agent */
  forward(q) {
    const { H, state, total, x } = this;
    this.q = q;
    const W_1 = this.H_1.forward(state); // qmix (1), less the absolute value
    const b_1 = this.B_1.forward(state);
    const W_2 = this.H_2.forward(state); // qmix (2)
    const v = this.V_1.forward(state);
    relu(v);
    const [b_2] = this.V_2.forward(v);
    for (let p = 0; p < total.length; p++) {
      total[p] = b_2;
      for (let h = 0; h < H; h++) {
        const sum = q[N * p] * Math.abs(W_1[h]) + q[N * p + 1] * Math.abs(W_1[H + h]) + b_1[h];
        x[p * H + h] = sum > 0 ? sum : Math.expm1(sum); // qmix (3)
        total[p] += x[p * H + h] * Math.abs(W_2[h]); // qmix (4)
      }
    }
    return total;
  }

  /** Adds to the gradients of the hypernetworks; returns that of q. */
  backward() {
    const { H, q, x, dTotal, dq, back } = this;
    const [W_1, W_2] = [this.H_1.Y, this.H_2.Y];
    for (const each of Object.values(back)) each.fill(0);
    dq.fill(0);
    let db = 0;
    for (let p = 0; p < dTotal.length; p++) {
      db += dTotal[p];
      for (let h = 0; h < H; h++) {
        const out = x[p * H + h];
        const d = dTotal[p] * Math.abs(W_2[h]) * (out > 0 ? 1 : out + 1);
        back.H_2[h] += dTotal[p] * out * Math.sign(W_2[h]);
        back.B_1[h] += d;
        for (let i = 0; i < N; i++) {
          back.H_1[i * H + h] += d * q[N * p + i] * Math.sign(W_1[i * H + h]);
          dq[N * p + i] += d * Math.abs(W_1[i * H + h]);
        }
      }
    }
    this.H_1.backward(back.H_1, false);
    this.B_1.backward(back.B_1, false);
    this.H_2.backward(back.H_2, false);
    const dV = this.V_2.backward(Float64Array.of(db));
    const v = this.V_1.Y;
    for (let h = 0; h < H; h++) if (v[h] <= 0) dV[h] = 0;
    this.V_1.backward(dV, false);
    return dq;
  }
}

/** Weighted QMIX's Q*: three layers over every pair's values and the state. */
export class Unrestricted {
  /** @param {Shape} shape @param {Named} weights @param {Named} gradients */
  constructor({ A, D }, weights, gradients) {
    const sizes = [N + STATE, D, D, 1];
    this.layers = [0, 1, 2].map(
      (k) => new Dense(weights, gradients, `star.layers.${2 * k}`, A * A, sizes[k], sizes[k + 1]),
    );
    this.input = new Float64Array(A * A * (N + STATE)).fill(1);
    this.total = this.layers[2].Y;
    this.dTotal = new Float64Array(A * A); // to be filled in before `backward`
    this.dq = new Float64Array(A * A * N);
  }

  /** @param {Float64Array} q of every pair, agent by agent */
  forward(q) {
    const [first, second, third] = this.layers;
    for (let k = 0; k < q.length; k++) {
      this.input[Math.floor(k / N) * (N + STATE) + (k % N)] = q[k];
    }
    relu(first.forward(this.input));
    relu(second.forward(first.Y));
    return third.forward(second.Y);
  }

  backward() {
    const { layers, dTotal, dq } = this;
    let d = dTotal;
    for (let k = 2; k >= 0; k--) {
      d = layers[k].backward(d);
      if (k === 0) break;
      const x = layers[k - 1].Y;
      for (let j = 0; j < x.length; j++) if (x[j] <= 0) d[j] = 0;
    }
    for (let k = 0; k < dq.length; k++) {
      dq[k] = d[Math.floor(k / N) * (N + STATE) + (k % N)];
    }
    return dq;
  }
}

/** Every pair's values, agent by agent, from those of each one's actions. @param {Float64Array} Q @param {number} A */
export function pairsOf(Q, A) {
  const q = new Float64Array(A * A * N);
  for (let p = 0; p < A * A; p++) {
    q[N * p] = Q[Math.floor(p / A)];
    q[N * p + 1] = Q[A + (p % A)];
  }
  return q;
}

/** The other way round: adds up into dQ what comes back. @param {Float64Array} dQ @param {Float64Array} dq @param {number} A */
export function gather(dQ, dq, A) {
  dQ.fill(0);
  for (let p = 0; p < A * A; p++) {
    dQ[Math.floor(p / A)] += dq[N * p];
    dQ[A + (p % A)] += dq[N * p + 1];
  }
}

/** A team's network: its agents, and what puts their values together. */
export class Net {
  /** @param {Shape} shape @param {Named} weights @param {Named} gradients */
  constructor(shape, weights, gradients) {
    const { method, A } = shape;
    this.shape = shape;
    this.agent = new Agents("agent", shape, weights, gradients);
    /** @type {Sum | Mixer | undefined} */
    this.mixer = undefined; // independent learners have none
    if (method === "vdn") this.mixer = new Sum(A * A);
    if (method === "qmix" || method === "owqmix") this.mixer = new Mixer(shape, weights, gradients);
    if (method === "owqmix") {
      this.starAgent = new Agents("star.agent", shape, weights, gradients);
      this.star = new Unrestricted(shape, weights, gradients);
    }
    this.q = new Float64Array(); // of every pair, agent by agent
  }

  forward() {
    const { A } = this.shape;
    this.q = pairsOf(this.agent.forward(), A);
    this.mixer?.forward(this.q);
    if (this.starAgent && this.star) this.star.forward(pairsOf(this.starAgent.forward(), A));
  }

  /**
   * The loss where every pair pays `payoff` and makes up a share of the batch; gradients are added
   * to. `weight`: of overestimates, qmix (5).
   * @param {ArrayLike<number>} payoff @param {Float64Array} share @param {number} weight
   */
  learn(payoff, share, weight) {
    const { A, method } = this.shape;
    const { agent, mixer, star, starAgent, q } = this;
    let [loss, dq] = [0, new Float64Array(q.length)];
    if (!mixer) {
      for (let k = 0; k < q.length; k++) {
        const p = Math.floor(k / N);
        const error = payoff[p] - q[k]; // iql (1): nothing comes next
        loss += (share[p] / N) * error * error; // iql (2)
        dq[k] = -2 * (share[p] / N) * error;
      }
    } else {
      for (let p = 0; p < A * A; p++) {
        const error = payoff[p] - mixer.total[p]; // team_q (7)
        const w = method === "owqmix" && error <= 0 ? weight : 1; // qmix (5)
        loss += w * share[p] * error * error; // team_q (8), qmix (7)
        mixer.dTotal[p] = -2 * w * share[p] * error;
      }
      dq = mixer.backward();
    }
    gather(agent.dQ, dq, A);
    agent.backward();
    if (star && starAgent) {
      for (let p = 0; p < A * A; p++) {
        const error = payoff[p] - star.total[p];
        loss += share[p] * error * error; // qmix (7)
        star.dTotal[p] = -2 * share[p] * error;
      }
      gather(starAgent.dQ, star.backward(), A);
      starAgent.backward();
    }
    return loss;
  }
}
