// How a team learns: advantage actor-critic on one-step episodes, marl_edu/training/a2c.py.

import { uniforms } from "../shared/kit.js";
import { Adam, initialise, room, run } from "../shared/layers.js";
import { Questions } from "./env.js";
import { Pass, shapesOf } from "./team.js";

/** @import { Shape } from "./team.js" */

/**
 * What all runs share; the names are those of Python's config.
 * @typedef {{ updates: number, num_envs: number, hidden_dim: number, symbols: number,
 *   lr_end: number, ent_coef: number, ent_coef_end: number, anneal: number, vf_coef: number,
 *   max_grad_norm: number, log_every: number }} Setup
 */
/**
 * What a reader chooses.
 * @typedef {{ talk: string, distractors: number, heads: number, signature: number, value: number,
 *   lr: number, seed: number }} Choice
 */
/**
 * The means over `log_every` updates. `focus`: the attention on the agent that was asked for.
 * @typedef {{ update: number, success: number, entropy: number, loss: number, focus: number }} Row
 */
/**
 * One question to everybody, and all that the network makes of it; receivers in rows.
 * @typedef {{ colour: number[], symbol: number[], asked: number[], weights: number[][][],
 *   query: number[][], signature: number[][], value: number[][], chances: number[][] }} Example
 */

/** A team: its network with weights that are drawn from a seed. */
export class Team {
  /** @param {Setup} setup @param {Choice} choice */
  constructor(setup, choice) {
    const [N, M] = [choice.distractors + 2, setup.symbols];
    const { talk, heads, signature, value } = choice;
    this.setup = setup;
    this.choice = choice;
    /** @type {Shape} */
    this.shape = { talk, N, O: 2 * N + M, D: setup.hidden_dim, A: M, heads, signature, value };
    const shapes = shapesOf(this.shape);
    this.weights = room(shapes);
    this.gradients = room(shapes);
    initialise(shapes, this.weights.named, uniforms(choice.seed, 0));
    /** @type {{ pass: Pass, questions: Questions } | undefined} */
    this.shown = undefined; // the one question that is looked at, when it is
    /** @type {{ pass: Pass, questions: Questions } | undefined} */
    this.asked = undefined; // those it is evaluated with
  }

  /** @param {number} envs */
  pass(envs) {
    return new Pass(this.shape, this.weights.named, this.gradients.named, envs);
  }

  /**
   * The share of fresh questions that the team answers rightly, everybody giving the most likely
   * answer.
   * @param {number} episodes @param {number} seed of the questions
   */
  evaluate(episodes, seed) {
    const { N, A } = this.shape;
    if (this.asked?.pass.envs !== episodes)
      this.asked = { pass: this.pass(episodes), questions: new Questions(episodes, N, A) };
    const { pass, questions } = this.asked;
    questions.deal(uniforms(seed, 3));
    questions.show(pass.obs, 0, episodes);
    run(pass.forward());
    let right = 0;
    for (let r = 0; r < episodes * N; r++) {
      const scores = pass.logits.subarray(r * A, (r + 1) * A);
      right += Number(scores.indexOf(Math.max(...scores)) === questions.answer[r]);
    }
    return right / (episodes * N);
  }

  /** What the team makes of one question. @param {number} number of the question @returns {Example} */
  example(number) {
    const { N, A, D, talk, heads, signature, value } = this.shape;
    this.shown ??= { pass: this.pass(1), questions: new Questions(1, N, A) };
    const { pass, questions } = this.shown;
    questions.deal(uniforms(number, 4));
    questions.show(pass.obs, 0, 1);
    run(pass.forward());
    const { attention, mean, W_q, W_k, W_v } = pass;
    const weights = attention?.weights ?? mean?.weights ?? new Float64Array();
    const rows = tableOf(weights, N);
    const chances = new Float64Array(N * A);
    for (let i = 0; i < N; i++) softmaxInto(chances, i * A, pass.logits, i * A, A);
    return {
      colour: [...questions.colour],
      symbol: [...questions.symbol],
      asked: [...questions.asked],
      weights: Array.from({ length: rows.length / N }, (_, h) => rows.slice(h * N, (h + 1) * N)),
      query: W_q ? tableOf(W_q.Y, heads * signature) : [],
      signature: W_k ? tableOf(W_k.Y, heads * signature) : [],
      value: W_v ? tableOf(W_v.Y, heads * value) : talk === "mean" ? tableOf(pass.encode.Y, D) : [],
      chances: tableOf(chances, A),
    };
  }
}

/** A run: a team, its questions, and all that its next update depends on. */
export class Learner extends Team {
  /** @param {Setup} setup @param {Choice} choice */
  constructor(setup, choice) {
    super(setup, choice);
    const { N, A } = this.shape;
    this.adam = new Adam(this.weights.flat.length);
    this.dealt = uniforms(choice.seed, 1); // for all who share a seed the same questions
    this.chosen = uniforms(choice.seed, 2);
    this.questions = new Questions(setup.num_envs, N, A);
    this.actions = new Uint8Array(setup.num_envs * N);
    this.chances = new Float64Array(setup.num_envs * N * A);
    // In parts, so that what is computed without a stop is short.
    const parts = setup.num_envs % 4 ? 1 : 4;
    this.passes = Array.from({ length: parts }, () => this.pass(setup.num_envs / parts));
    this.updates = 0;
    /** @type {Row[]} */
    this.rows = [];
    this.recent = { success: 0, entropy: 0, loss: 0, focus: 0 };
    this.last = { ...this.recent };
    this.diverged = ""; // or how
    /** @type {number | undefined} */
    this.fresh = undefined; // what it scored on fresh questions since the last update
  }

  /** One gradient step on fresh questions; stops for breath on the way. */
  *update() {
    const { setup, questions, passes, gradients } = this;
    questions.deal(this.dealt);
    yield;
    for (const [k, pass] of passes.entries()) {
      questions.show(pass.obs, k * pass.envs, pass.envs);
      yield* pass.forward();
      this.act(k);
      yield;
    }
    const progress = this.updates / setup.updates; // above 1 once a run was prolonged
    const annealed = Math.min(1, progress / setup.anneal);
    this.grade(setup.ent_coef + (setup.ent_coef_end - setup.ent_coef) * annealed);
    gradients.flat.fill(0);
    for (const pass of passes) {
      yield;
      yield* pass.backward();
    }
    yield;
    const lr = this.choice.lr * (1 + (setup.lr_end - 1) * Math.min(1, progress));
    const norm = this.adam.step(this.weights.flat, gradients.flat, lr, setup.max_grad_norm);
    this.updates += 1;
    this.fresh = undefined;
    if (!Number.isFinite(norm)) this.diverged = "numbers";
    this.log();
  }

  /** Samples what everybody of a part answers. @param {number} part */
  act(part) {
    const { passes, actions, chances, chosen } = this;
    const { A } = this.shape;
    const { rows, logits } = passes[part];
    for (let r = 0; r < rows; r++) {
      const at = (part * rows + r) * A;
      softmaxInto(chances, at, logits, r * A, A);
      let [left, action] = [chosen(), 0];
      for (; action < A - 1 && left >= chances[at + action]; action++) left -= chances[at + action];
      actions[part * rows + r] = action;
    }
  }

  /**
   * a2c (6), whose gradients it leaves with the passes. An episode of one step: the advantage is
   * the reward less the value, normalised; the value's target is the reward.
   * @param {number} entropyWeight
   */
  grade(entropyWeight) {
    const { passes, actions, chances, questions, setup } = this;
    const { A } = this.shape;
    const count = actions.length;
    const { rows } = passes[0];
    let [mean, square, right] = [0, 0, 0];
    for (let k = 0; k < count; k++) {
      const reward = Number(actions[k] === questions.answer[k]);
      const error = reward - passes[Math.floor(k / rows)].values[k % rows];
      right += reward;
      mean += error / count;
      square += (error * error) / count;
    }
    const spread = Math.sqrt(Math.max(square - mean * mean, 0)) + 1e-6;
    let [policyLoss, entropy] = [0, 0];
    for (let k = 0; k < count; k++) {
      const pass = passes[Math.floor(k / rows)];
      const r = k % rows;
      const error = Number(actions[k] === questions.answer[k]) - pass.values[r];
      const advantage = (error - mean) / spread;
      let own = 0; // this policy's entropy
      for (let a = 0; a < A; a++) {
        const p = chances[k * A + a];
        if (p > 0) own -= p * Math.log(p);
      }
      for (let a = 0; a < A; a++) {
        const p = chances[k * A + a];
        const taken = Number(a === actions[k]);
        const flatten = p > 0 ? entropyWeight * p * (Math.log(p) + own) : 0;
        pass.dLogits[r * A + a] = (flatten - advantage * (taken - p)) / count;
      }
      pass.dValue[r] = (-2 * setup.vf_coef * error) / count;
      policyLoss -= (advantage * Math.log(chances[k * A + actions[k]])) / count;
      entropy += own / count;
    }
    const loss = policyLoss + setup.vf_coef * square - entropyWeight * entropy;
    this.last = { success: right / count, entropy, loss, focus: this.focus() };
  }

  /** The share of attention that goes to the agent that was asked for. */
  focus() {
    const { N, heads } = this.shape;
    let sum = 0;
    for (const [k, { attention, mean, envs }] of this.passes.entries()) {
      const weights = (attention ?? mean)?.weights;
      if (!weights) return 0;
      const H = attention ? heads : 1;
      for (let b = 0; b < envs; b++) {
        for (let i = 0; i < N; i++) {
          const asked = this.questions.asked[(k * envs + b) * N + i];
          for (let h = 0; h < H; h++) sum += weights[((b * H + h) * N + i) * N + asked] / H;
        }
      }
    }
    return sum / this.actions.length;
  }

  /** Notes an update; every so many, a row. Sees when a run has gone wrong. */
  log() {
    const { recent, last, setup } = this;
    const every = setup.log_every;
    for (const key of /** @type {(keyof typeof last)[]} */ (Object.keys(last)))
      recent[key] += last[key] / every;
    if (this.updates % every) return;
    this.rows.push({ update: this.updates, ...recent });
    // A policy that is certain explores no more; one that is certain and guesses stays there. Who
    // hears nothing can do no better.
    const guessing = recent.success < 1 / setup.symbols + 0.03;
    const certain = recent.entropy < 0.02 && this.choice.talk !== "nobody";
    if (guessing && certain) this.diverged ||= "certain";
    this.recent = { success: 0, entropy: 0, loss: 0, focus: 0 };
  }

  /** Scores the team on fresh questions, which no run learns from. */
  *finish() {
    const [rounds, episodes] = [25, 20];
    const first = 1_000_000 + 1000 * this.choice.seed; // the same for all who share a seed
    let sum = 0;
    for (let k = 0; k < rounds; k++) {
      sum += this.evaluate(episodes, first + k) / rounds;
      yield;
    }
    this.fresh = sum;
  }
}

/** An array as rows of so many numbers. @param {Float64Array} flat @param {number} wide */
export function tableOf(flat, wide) {
  return Array.from({ length: flat.length / wide }, (_, r) => [
    ...flat.subarray(r * wide, (r + 1) * wide),
  ]);
}

/**
 * The softmax of A scores that begin somewhere, into a place.
 * @param {Float64Array} into @param {number} to @param {Float64Array} scores @param {number} from
 * @param {number} A
 */
export function softmaxInto(into, to, scores, from, A) {
  let [top, total] = [-Infinity, 0];
  for (let a = 0; a < A; a++) top = Math.max(top, scores[from + a]);
  for (let a = 0; a < A; a++) total += into[to + a] = Math.exp(scores[from + a] - top);
  for (let a = 0; a < A; a++) into[to + a] /= total;
}
