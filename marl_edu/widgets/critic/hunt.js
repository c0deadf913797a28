// A hunt of a critic's team, and the values of its steps: marl_edu.widgets.critic.record.Hunt.

import { values } from "./network.js";

/** @import { Net } from "./network.js" */

/**
 * What marl_edu.widgets.critic.record.task gives.
 * @typedef {object} Task
 * @property {number} size @property {number} agents @property {number} steps
 * @property {number} reward of a step off the prey @property {number} episodes behind the table
 * @property {[string, string][]} inputs a letter and a name each
 */

/** @param {number} length @param {number} at */
const oneHot = (length, at) => Array.from({ length }, (_, k) => Number(k === at));

export class Hunt {
  /** @param {Task} task @param {Net} net @param {number} number @param {string} off letters */
  constructor(task, net, number, off) {
    const { prey, cells } = net.hunts[number];
    this.task = task;
    this.net = net;
    this.number = number;
    this.prey = prey;
    this.cells = cells;
    this.steps = cells.length - 1;
    const read = Array.from({ length: task.agents }, (_, i) =>
      cells.map((now) => this.input(now, i)),
    );
    /** By agent and step, one more than there are steps. */
    this.allOn = read.map((seen, i) => values(net, seen, i, ""));
    this.value = read.map((seen, i) => values(net, seen, i, off));
    this.came = this.allOn.map((own, i) => this.follows(own, i));
  }

  get success() {
    return this.cells[this.steps].every((cell) => cell === this.prey);
  }

  /** What a predator sees. @param {number[]} cells @param {number} i */
  obs(cells, i) {
    const { size } = this.task;
    const seen = oneHot(size * size + 4, cells[i]);
    seen[size * size + 2] = Number(cells[i] === this.prey);
    seen[size * size + 3] = cells.filter((cell) => cell === cells[i]).length;
    return seen;
  }

  /** What the critic reads. @param {number[]} cells @param {number} i */
  input(cells, i) {
    const { size, agents } = this.task;
    const state = () =>
      [...cells, this.prey].flatMap((cell) =>
        oneHot(size, Math.floor(cell / size)).concat(oneHot(size, cell % size)),
      );
    const more = {
      own: () => /** @type {number[]} */ ([]),
      team: () => cells.flatMap((_, j) => this.obs(cells, j)),
      state,
    };
    return Float64Array.from([
      ...this.obs(cells, i),
      ...more[this.net.kind](),
      ...oneHot(agents, i),
    ]);
  }

  /**
   * The return that followed each step; where time ran out, the last value stands for the rest.
   * @param {number[]} own the agent's values @param {number} i
   */
  follows(own, i) {
    let next = this.success ? 0 : own[this.steps];
    /** @type {number[]} */
    const found = [];
    for (let t = this.steps - 1; t >= 0; t--) {
      const paid = this.cells[t + 1][i] === this.prey ? 0 : this.task.reward;
      next = paid + this.net.gamma * next;
      found[t] = next;
    }
    return found;
  }
}
