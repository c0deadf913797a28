// The maze, one agent, and what it has learned: marl_edu.widgets.curiosity.figure.Walk.

import { uniforms, weightsOf } from "../shared/kit.js";
import { Icm, Rnd } from "./bonus.js";

/** @import { Packed } from "../shared/kit.js" */
/** @import { Transition } from "./bonus.js" */

/**
 * What marl_edu.widgets.curiosity.figure.maze_data gives.
 * @typedef {object} Maze
 * @property {number} rows @property {number} columns
 * @property {[number, number][]} free cells, (row, column) each
 * @property {number[][][]} leads where a step leads: [with the key][action][cell]
 * @property {(boolean | number)[]} sees whether the TV is seen from a cell
 * @property {number} pixels @property {number} start @property {number} key @property {number} door
 * @property {number} goal @property {[number, number]} screen
 * @property {string} walls @property {string} shut @property {string} open @property {string} ring
 * @property {string} lock @property {string} carried
 */
/** @typedef {{ rnd: Packed, icm: Packed }} Nets */

export const LONGEST = 300; // steps of a walk
const WATCH = 4;
const [TIMES, RECENT] = [4, 64]; // gradient steps per step; transitions gone through

export class Walk {
  /** @type {Transition[]} */
  memory = [];
  /** @type {number[]} the bonus of each step */
  paid = [];
  /** @type {boolean[]} whether the step brought a new picture to the TV */
  zapped = [];
  t = 0;
  trail = "w";
  arrived = false;
  cell = 0;
  key = 0;
  door = 0;
  /** @type {Float64Array} what is on the TV */
  picture = new Float64Array(0);

  /** @param {Maze} maze @param {Nets} nets @param {string} method @param {boolean} tv */
  constructor(maze, nets, method, tv) {
    this.maze = maze;
    this.method = method;
    this.tv = this.first = tv;
    const { rnd, icm } = nets;
    this.module =
      method === "rnd" ? new Rnd(weightsOf(rnd)) : new Icm(weightsOf(icm), method === "icm");
    const next = uniforms(0, 0);
    this.pictures = Array.from({ length: LONGEST + 1 }, () =>
      Float64Array.from({ length: maze.pixels }, () => (next() < 0.5 ? 1 : 0)),
    );
    this.begin();
  }

  begin() {
    [this.cell, this.key, this.door] = [this.maze.start, 0, 0];
    this.picture = new Float64Array(this.maze.pixels);
  }

  /**
   * The observation of an agent in a cell.
   * @param {number} cell @param {number} key @param {number} door @param {Float64Array} picture
   */
  see(cell, key, door, picture) {
    const { rows, columns, free, sees, pixels } = this.maze;
    const obs = new Float64Array(rows + columns + 2 + pixels);
    const [row, column] = free[cell];
    obs[row] = obs[rows + column] = 1;
    obs[rows + columns] = key;
    obs[rows + columns + 1] = door;
    if (sees[cell]) obs.set(picture, rows + columns + 2);
    return obs;
  }

  /**
   * Where one step leads: cell, key, door, picture.
   * @param {number} cell @param {number} action @returns {[number, number, number, Float64Array]}
   */
  ahead(cell, action) {
    const { leads, sees, key, door } = this.maze;
    const there = leads[this.key][action][cell];
    const zapped = action === WATCH && this.tv && sees[cell];
    return [
      there,
      Number(this.key || there === key),
      Number(this.door || there === door),
      zapped ? this.pictures[this.t] : this.picture,
    ];
  }

  /** @param {number} cell @param {number} action @returns {Transition} */
  transition(cell, action) {
    const here = this.see(cell, this.key, this.door, this.picture);
    return [here, action, this.see(...this.ahead(cell, action))];
  }

  /** What a step from a cell would pay. @param {number} cell @param {number} action */
  bonus(cell, action) {
    return this.module.reward(this.transition(cell, action));
  }

  /** @param {number} action */
  step(action) {
    if (this.t >= LONGEST) return;
    const here = this.transition(this.cell, action);
    this.paid.push(this.module.reward(here));
    this.memory.push(here);
    const { sees } = this.maze;
    this.zapped.push(action === WATCH && this.tv && Boolean(sees[this.cell]));
    [this.cell, this.key, this.door, this.picture] = this.ahead(this.cell, action);
    this.t++;
    this.trail += action;
    this.learn();
    this.arrived = this.cell === this.maze.goal;
    if (this.arrived) this.begin();
  }

  /** Learn a cell without going there. @param {number} cell */
  paint(cell) {
    const actions = this.method === "rnd" ? [WATCH] : [0, 1, 2, 3];
    this.memory.push(...actions.map((a) => this.transition(cell, a)));
    this.trail += `p${cell}.`;
    this.learn();
  }

  learn() {
    const lately = this.memory.slice(-RECENT);
    for (let k = 0; k < TIMES; k++) this.module.learn(lately);
  }

  /** What is new about each cell now. */
  map() {
    const cells = [...this.maze.free.keys()];
    if (this.method === "rnd") return cells.map((cell) => this.bonus(cell, WATCH));
    return cells.map(
      (cell) => [0, 1, 2, 3, 4].reduce((sum, a) => sum + this.bonus(cell, a), 0) / 5,
    );
  }

  /**
   * What the last n presses of the remote control, TV on, paid as a share of the first n; null if
   * there were not that many.
   * @param {number} n
   */
  wornOff(n) {
    const presses = this.paid.filter((_, k) => this.zapped[k]);
    if (presses.length < 2 * n) return null;
    const sum = (/** @type {number[]} */ some) => some.reduce((a, b) => a + b, 0);
    return sum(presses.slice(-n)) / sum(presses.slice(0, n));
  }

  switchTv() {
    this.tv = !this.tv;
    this.trail += "t";
  }

  /** @param {string} trail */
  follow(trail) {
    for (const [, cell, action] of trail.matchAll(/p(\d+)\.|([0-4t])/g)) {
      if (action === "t") this.switchTv();
      else if (action) this.step(Number(action));
      else if (Number(cell) < this.maze.free.length) this.paint(Number(cell));
    }
    return this;
  }
}
