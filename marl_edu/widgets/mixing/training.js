// How a team learns a game by Q-learning: the loop of marl_edu/training/qlearning.py, where every
// episode is one pair of actions.

import { argmax, uniforms } from "../shared/kit.js";
import { Adam, initialise, room } from "../shared/layers.js";
import { Net, shapesOf } from "./network.js";

/** @import { Shape } from "./network.js" */

/**
 * What all runs share; the names are those of Python's config.
 * @typedef {{ updates: number, num_envs: number, hidden_dim: number, mixing_dim: number,
 *   train_freq: number, batch_size: number, capacity: number, learning_starts: number,
 *   lr_end: number, epsilon: number, epsilon_end: number, exploration_fraction: number,
 *   max_grad_norm: number, log_every: number }} Setup
 */
/**
 * What a reader chooses. `explore`: "all" actions alike throughout, or "less" and less.
 * @typedef {{ method: string, payoff: number[][], explore: string, weight: number, lr: number,
 *   seed: number }} Choice
 */
/** `got`: what the greedy team gets. `loss`: its mean. @typedef {{ update: number, got: number, loss: number }} Row */
/**
 * What a team believes: each agent's values of its actions, the team's of pairs if it has any, and
 * the pair that it plays.
 * @typedef {{ utilities: number[][], table: number[][] | null, greedy: number[] }} Belief
 */

/** A team: its network with weights that are drawn from a seed. */
export class Team {
  /** @param {Setup} setup @param {Choice} choice */
  constructor(setup, choice) {
    this.setup = setup;
    this.choice = choice;
    /** @type {Shape} */
    this.shape = {
      method: choice.method,
      A: choice.payoff.length,
      D: setup.hidden_dim,
      H: setup.mixing_dim,
    };
    const shapes = shapesOf(this.shape);
    this.weights = room(shapes);
    this.gradients = room(shapes);
    initialise(shapes, this.weights.named, uniforms(choice.seed, 0));
    this.net = new Net(this.shape, this.weights.named, this.gradients.named);
  }

  /** @returns {Belief} */
  belief() {
    const { net, shape } = this;
    const { A } = shape;
    net.forward();
    const utilities = [0, 1].map((i) =>
      Array.from(net.agent.values.Y.subarray(i * A, (i + 1) * A)),
    );
    const rows = [...Array(A).keys()];
    const total = net.mixer?.total;
    const table = total ? rows.map((a) => Array.from(total.subarray(a * A, (a + 1) * A))) : null;
    return { utilities, table, greedy: utilities.map(argmax) };
  }
}

/** A run: a team, its replay, and all that its next update depends on. */
export class Learner extends Team {
  /** @param {Setup} setup @param {Choice} choice */
  constructor(setup, choice) {
    super(setup, choice);
    this.payoff = Float64Array.from(choice.payoff.flat());
    this.adam = new Adam(this.weights.flat.length);
    this.chosen = uniforms(choice.seed, 1); // for all who share a seed the same draws
    this.sampled = uniforms(choice.seed, 2);
    this.replay = new Uint8Array(setup.capacity); // a pair of actions each, as one number
    this.held = 0; // pairs in it
    this.played = 0; // pairs so far
    this.backlog = 0; // gradient steps that are due, with a remainder
    this.share = new Float64Array(this.payoff.length); // of each pair in a batch
    this.updates = 0;
    /** @type {Row[]} */
    this.rows = [];
    this.last = 0; // loss
    this.recent = 0; // ... its mean since the last row
    this.diverged = ""; // or how
    /** @type {number | undefined} */
    this.fresh = undefined; // what its greedy team gets
  }

  /** How likely an action at random is. */
  get epsilon() {
    const { epsilon, epsilon_end, exploration_fraction, updates } = this.setup;
    if (this.choice.explore === "all") return 1;
    const done = Math.min(1, this.updates / updates / exploration_fraction);
    return epsilon + (epsilon_end - epsilon) * done;
  }

  /** One gradient step; before it rounds of games, until one is due. */
  *update() {
    const { setup } = this;
    while (this.backlog < 1) {
      this.play();
      yield;
      const steps = 2 * setup.num_envs; // of both agents
      if (2 * this.held >= setup.learning_starts) this.backlog += steps / setup.train_freq;
    }
    this.backlog -= 1;
    this.sample();
    this.net.forward();
    this.gradients.flat.fill(0);
    this.last = this.net.learn(this.payoff, this.share, this.choice.weight);
    const progress = Math.min(1, this.updates / setup.updates); // 1 once a run was prolonged
    const lr = this.choice.lr * (1 + (setup.lr_end - 1) * progress);
    const norm = this.adam.step(this.weights.flat, this.gradients.flat, lr, setup.max_grad_norm);
    this.updates += 1;
    this.fresh = undefined;
    if (!Number.isFinite(norm)) this.diverged = "numbers";
    this.log();
  }

  /** A round of games, in which an action at random is as likely as any other: team_q (4). */
  play() {
    const { shape, setup, chosen, epsilon, replay } = this;
    const { A } = shape;
    const { greedy } = this.belief();
    for (let k = 0; k < setup.num_envs; k++) {
      const pair = greedy.map((best) => {
        const [tries, which] = [chosen() < epsilon, chosen()];
        return tries ? Math.floor(which * A) : best;
      });
      replay[this.played % setup.capacity] = pair[0] * A + pair[1];
      this.played += 1;
    }
    this.held = Math.min(this.played, setup.capacity);
  }

  /** A batch from the replay, each pair as likely as any other, as shares. */
  sample() {
    const { setup, share, replay, held, sampled } = this;
    share.fill(0);
    for (let k = 0; k < setup.batch_size; k++)
      share[replay[Math.floor(sampled() * held)]] += 1 / setup.batch_size;
  }

  /** What the greedy team gets. */
  score() {
    const [a, b] = this.belief().greedy;
    return this.choice.payoff[a][b];
  }

  /** Notes an update; every so many, a row. */
  log() {
    const every = this.setup.log_every;
    this.recent += this.last / every;
    if (this.updates % every) return;
    this.rows.push({ update: this.updates, got: this.score(), loss: this.recent });
    this.recent = 0;
  }

  /** A greedy team leaves nothing to chance: one game tells all. */
  *finish() {
    yield;
    this.fresh = this.score();
  }
}
