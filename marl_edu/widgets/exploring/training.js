// How an agent explores and learns: the loop of marl_edu/training/ppo.py, in a maze of few states.

import { uniforms } from "../shared/kit.js";
import { States } from "./maze.js";
import { ActorCritic, Counts, Distillation, drawNets, makeNets, Running } from "./network.js";

/** @import { Maze } from "../curiosity/env.js" */
/** @import { Coefficients } from "./network.js" */

/**
 * What all runs share; the names are those of Python's config. `mazes`: by name, each with the
 * steps of an episode.
 * @typedef {Coefficients & { mazes: Record<string, Maze & { steps: number }>, updates: number,
 *   num_envs: number, hidden_dim: number, predictor_dim: number, feature_dim: number,
 *   gamma: number, gamma_int: number, gae_lambda: number, ext_coef: number, int_coef: number,
 *   epochs: number, minibatches: number, lr_bonus: number, max_grad_norm: number,
 *   log_every: number }} Setup
 */
/** What a reader chooses. @typedef {{ bonus: string, maze: string, share: number, lr: number, seed: number }} Choice */
/**
 * `success`: the chance that an episode reaches the goal. `cells`: the share of all that were met.
 * `found`: 1 once the goal has been reached. `loss`: the mean.
 * @typedef {{ update: number, success: number, cells: number, found: number, loss: number }} Row
 */

/** An agent: its networks with weights that are drawn from a seed, and what it looks at. */
export class Explorer {
  /** @param {Setup} setup @param {Choice} choice */
  constructor(setup, choice) {
    this.setup = setup;
    this.choice = choice;
    this.maze = setup.mazes[choice.maze];
    this.states = new States(this.maze);
    const { obs, actions, size, seen } = this.states;
    const { hidden_dim: D, predictor_dim: W, feature_dim: F } = setup;
    this.sizes = { O: obs, A: actions, D, W, F };
    this.nets = makeNets(this.sizes, size, this.maze.steps + 1);
    this.weights = this.nets.weights;
    const { named } = this.weights;
    drawNets(this.sizes, named, uniforms(choice.seed, 0));
    this.net = new ActorCritic(this.sizes, size, named, this.nets.gradients.named);
    this.pays = named.pays; // what arriving in each state pays now
    this.visits = named.visits; // how often each was met
    this.route = named.route; // the states of an episode of the last round; -1 behind its end
    this.route.fill(-1);
    /** @type {Distillation | Counts | undefined} */
    this.module = undefined;
    if (choice.bonus === "counts") this.module = new Counts(size);
    if (choice.bonus === "rnd") {
      this.module = new Distillation(this.sizes, seen, named, this.nets.gradients.named);
      this.warmUp(uniforms(choice.seed, 3));
    }
    this.module?.reward(this.pays);
    this.largest = Math.max(...this.pays); // that nobody has learned from yet
  }

  /** The mean and spread of what is seen start from an episode of random play. @param {() => number} draw */
  warmUp(draw) {
    const { actions, next, ends, size } = this.states;
    const times = new Float64Array(size);
    for (let b = 0; b < this.setup.num_envs; b++) {
      for (let [t, s] = [0, 0]; t < this.maze.steps && !ends[s]; t++) {
        s = next[s][Math.floor(draw() * actions)];
        times[s] += 1;
      }
    }
    this.module?.update(times);
  }

  /** The chance to reach the goal. */
  success() {
    this.net.forward(this.states.seen, this.states.size);
    return this.states.arrival(this.net.chances, this.maze.steps);
  }
}

/** A run: an agent, and all that its next update depends on. */
export class Learner extends Explorer {
  /** @param {Setup} setup @param {Choice} choice */
  constructor(setup, choice) {
    super(setup, choice);
    const { num_envs: B } = setup;
    const { size, obs } = this.states;
    const most = B * this.maze.steps; // steps of a round
    this.chosen = uniforms(choice.seed, 1); // for all who share a seed the same draws
    this.ordered = uniforms(choice.seed, 2);
    this.running = new Float64Array(B); // the discounted bonus of each environment
    this.returns = new Running(new Float64Array(1), new Float64Array(1)); // ... and its spread
    // A round: in which state each step was taken, what was done, and where it led.
    this.state = new Uint16Array(most);
    this.action = new Uint16Array(most);
    this.led = new Uint16Array(most);
    this.lengths = new Uint16Array(B); // of the episodes, one after the other
    // Of each step: the discounted bonus so far, log pi of its action, advantage and returns.
    this.bonuses = new Float64Array(most);
    this.chance = new Float64Array(most);
    this.advantage = new Float64Array(most);
    this.ext = new Float64Array(most);
    this.int = new Float64Array(most);
    this.once = new Uint8Array(most).fill(1);
    this.taken = 0; // steps of the round
    this.times = new Float64Array(size); // that each state was met in it
    this.row = new Int16Array(size); // of a state, in a batch
    this.batch = new Float64Array(size * obs);
    this.share = new Float64Array(size); // of each state, in what the bonus learns from
    this.updates = 0;
    /** @type {Row[]} */
    this.rows = [];
    this.found = 0;
    this.last = 0; // loss of policy and critics in the last gradient step
    this.imitation = 0; // ... and of the bonus
    this.recent = 0; // the first's mean since the last row
    this.diverged = ""; // or how
    /** @type {number | undefined} */
    this.fresh = undefined; // the chance to reach the goal in the end
  }

  /** A round of play, what was new in it, and gradient steps on it. */
  *update() {
    const { setup, net, states, module, nets } = this;
    net.forward(states.seen, states.size);
    this.play();
    yield;
    this.judge();
    module?.update(this.times);
    yield;
    for (let epoch = 0; epoch < setup.epochs; epoch++) {
      const order = this.shuffle(this.taken);
      const long = Math.ceil(this.taken / setup.minibatches);
      for (let from = 0; from < this.taken; from += long) {
        const index = order.subarray(from, from + long);
        nets.gradients.flat.fill(0);
        this.last = this.learn(index);
        const { weights, gradients, adam } = nets.policy;
        const norm = adam.step(weights, gradients, this.choice.lr, setup.max_grad_norm);
        if (!Number.isFinite(norm)) this.diverged = "numbers";
        yield;
        if (module instanceof Distillation) {
          this.imitation = this.imitate(module, index);
          const own = nets.bonus;
          own.adam.step(own.weights, own.gradients, setup.lr_bonus, Infinity);
          yield;
        }
        this.recent += this.last / (setup.log_every * setup.epochs * setup.minibatches);
      }
    }
    module?.reward(this.pays);
    this.updates += 1;
    this.fresh = undefined;
    this.log();
  }

  /** What is done in a state. @param {number} state */
  act(state) {
    const { chances, A } = this.net;
    let left = this.chosen();
    for (let a = 0; a < A - 1; a++) {
      left -= chances[state * A + a];
      if (left < 0) return a;
    }
    return A - 1;
  }

  /** One episode in every environment; what was met is counted. */
  play() {
    const { states, maze, state, action, led, lengths, chance, net, times, visits } = this;
    times.fill(0);
    let m = 0;
    for (let b = 0; b < lengths.length; b++) {
      const from = m;
      for (let [t, s] = [0, 0]; t < maze.steps && !states.ends[s]; t++, m++) {
        state[m] = s;
        action[m] = this.act(s);
        chance[m] = net.logChances[s * net.A + action[m]];
        s = led[m] = states.next[s][action[m]];
        times[s] += 1;
      }
      lengths[b] = m - from;
      this.found = Math.max(this.found, states.ends[led[m - 1]]);
    }
    this.taken = m;
    this.route.fill(-1);
    this.route.set(state.subarray(0, lengths[0]));
    this.route[lengths[0]] = led[lengths[0] - 1];
    for (let s = 0; s < times.length; s++) visits[s] += times[s];
  }

  /** The round's bonuses in units of the spread of their returns, its advantages and returns. */
  judge() {
    const { setup, states, state, led, lengths, net, pays, running, bonuses, taken } = this;
    const { gamma, gamma_int, gae_lambda, ext_coef, int_coef } = setup;
    const { advantage, ext, int } = this;
    let m = 0;
    lengths.forEach((length, b) => {
      for (let t = 0; t < length; t++, m++) {
        running[b] = gamma_int * running[b] + pays[led[m]]; // ppo (1)
        bonuses[m] = running[b];
      }
    });
    this.returns.update(bonuses, this.once.subarray(0, taken));
    const spread = Math.sqrt(this.returns.spread[0]) + 1e-8;
    let [end, sum, squares] = [taken, 0, 0];
    for (let b = lengths.length - 1; b >= 0; b--) {
      let [outer, inner] = [0, 0]; // advantages of the step behind
      for (let k = 1; k <= lengths[b]; k++) {
        const at = end - k;
        const [here, there] = [state[at], led[at]];
        const over = states.ends[there];
        // Behind an end there is no reward, but the next episode's novelty: ppo (3).
        const ahead = k === 1 ? net.int[0] : net.int[there];
        const reward = over + (over ? 0 : gamma * net.ext[there]) - net.ext[here];
        const novelty = pays[there] / spread + gamma_int * ahead - net.int[here];
        outer = reward + (over ? 0 : gamma * gae_lambda * outer);
        inner = novelty + (over ? 0 : gamma_int * gae_lambda * inner);
        ext[at] = outer + net.ext[here];
        int[at] = inner + net.int[here];
        advantage[at] = ext_coef * outer + int_coef * inner; // ppo (2)
        sum += advantage[at];
      }
      end -= lengths[b];
    }
    const mean = sum / taken;
    for (let k = 0; k < taken; k++) squares += (advantage[k] - mean) ** 2;
    const unit = Math.sqrt(squares / taken) + 1e-8;
    for (let k = 0; k < taken; k++) advantage[k] = (advantage[k] - mean) / unit;
  }

  /** The steps of a round in another order. @param {number} count */
  shuffle(count) {
    const order = Uint16Array.from({ length: count }, (_, k) => k);
    for (let k = count - 1; k > 0; k--) {
      const other = Math.floor(this.ordered() * (k + 1));
      [order[k], order[other]] = [order[other], order[k]];
    }
    return order;
  }

  /** Gradients of policy and critics, of some steps. Returns their loss. @param {Uint16Array} index */
  learn(index) {
    const { states, state, row, batch, net } = this;
    const { obs, seen } = states;
    row.fill(-1);
    let rows = 0;
    for (const m of index) {
      const s = state[m];
      if (row[s] >= 0) continue;
      batch.set(seen.subarray(s * obs, (s + 1) * obs), rows * obs);
      row[s] = rows++;
    }
    net.forward(batch, rows);
    const own = (/** @type {ArrayLike<number>} */ all) => Float64Array.from(index, (m) => all[m]);
    const { action, chance, advantage, ext, int } = this;
    return net.learn(
      {
        row: Float64Array.from(index, (m) => row[state[m]]),
        action: own(action),
        chance: own(chance),
        advantage: own(advantage),
        ext: own(ext),
        int: own(int),
      },
      this.setup,
    );
  }

  /** The same of the bonus, which learns from a share of them. @param {Distillation} module @param {Uint16Array} index */
  imitate(module, index) {
    const { share, led, choice } = this;
    const exact = choice.share * index.length;
    const even = exact % 1 === 0.5 && Math.round(exact) % 2; // as Python rounds
    const few = Math.max(1, Math.round(exact) - Number(even));
    share.fill(0);
    for (let k = 0; k < few; k++) share[led[index[k]]] += 1 / few;
    return module.learn(share);
  }

  /** Notes an update; every so many, a row. */
  log() {
    if (this.updates % this.setup.log_every) return;
    const cells = new Set(this.states.all.filter((_, s) => this.visits[s]).map(([cell]) => cell));
    this.rows.push({
      update: this.updates,
      success: this.success(),
      cells: cells.size / this.maze.free.length,
      found: this.found,
      loss: this.recent,
    });
    this.recent = 0;
  }

  /** What chance does in the maze is known: nothing has to be played. */
  *finish() {
    yield;
    this.fresh = this.success();
  }
}
