// A walk through the T-maze, with a network's memory: marl_edu.widgets.corridor.figure.Walk.

import { argmax } from "../shared/kit.js";
import { nothing, reads, remember, value } from "./network.js";

/** @import { Net } from "./network.js" */

/**
 * What marl_edu.widgets.corridor.figure.maze_data gives.
 * @typedef {{ length: number, longest: number, walls: string, sizes: number[] }} Maze
 */

export const FORWARD = 0;
export const UP = 1;
export const DOWN = 2;
const ACTIONS = ["FORWARD", "UP", "DOWN"];
const SEES = ["the sign “up”", "the sign “down”", "the corridor", "the junction"];
const LETTERS = "fud"; // of a trail: what was done in each step

/** Beside a twin who does the same but read the other sign. */
export class Walk {
  cell = 0;
  t = 0;
  turned = 0;
  trail = "w";
  /** @type {Float64Array[]} */
  memories = [];
  /** @type {[number, string][]} */
  marks = [];

  /** @param {Maze} maze @param {Net} net @param {string} sign "up" or "down" */
  constructor(maze, net, sign) {
    this.maze = maze;
    this.net = net;
    this.sign = sign === "down" ? DOWN : UP;
    this.state = [nothing(net), nothing(net)]; // its own memory and its twin's
    this.see();
  }

  get sees() {
    if (this.cell === 0) return this.sign - 1;
    return this.cell === this.maze.length ? 3 : 2;
  }

  get over() {
    return this.turned > 0 || this.t >= this.maze.longest;
  }

  /** The sign as a trait. */
  get way() {
    return this.sign === UP ? "up" : "down";
  }

  see() {
    const mine = this.sees;
    const seen = [mine, mine < 2 ? 1 - mine : mine];
    this.state = seen.map((number, k) => {
      const obs = new Float64Array(4);
      obs[number] = 1;
      return remember(this.net, obs, this.state[k]);
    });
    this.memories.push(this.state[0]);
  }

  get q() {
    return value(this.net, this.state[0]);
  }

  choose() {
    return argmax(this.q);
  }

  /** @param {number} action */
  step(action) {
    if (this.over) return;
    this.trail += LETTERS[action];
    this.t += 1;
    if (this.cell === this.maze.length && action !== FORWARD) {
      this.turned = action;
      return;
    }
    this.cell = Math.min(this.cell + Number(action === FORWARD), this.maze.length);
    this.see();
  }

  /** Now: "x" exchanges its memory with its twin's, "e" erases it. @param {string} how */
  change(how) {
    if (this.over) return;
    const [mine, twins] = this.state;
    this.trail += how;
    this.state = how === "x" ? [twins, mine] : [nothing(this.net), twins];
    this.memories[this.memories.length - 1] = this.state[0];
    this.marks.push([this.memories.length - 1, how]);
  }

  /** @param {string} trail */
  follow(trail) {
    for (const letter of /^w[fudxe]*$/.test(trail) ? trail.slice(1) : "") {
      if ("xe".includes(letter)) this.change(letter);
      else this.step(LETTERS.indexOf(letter));
    }
    return this;
  }
}

/** How probably the sign said up, by what is remembered now. @param {Walk} walk */
export const readsNow = (walk) => reads(walk.net, walk.memories[walk.memories.length - 1]);

/** The moment in words, with its numbers. @param {Walk} walk */
export function caption(walk) {
  const where = `Step ${walk.t} of ${walk.maze.longest}, cell ${walk.cell}`;
  if (walk.turned) {
    const verdict = walk.turned === walk.sign ? "the right way" : "the wrong way";
    return `${where}. It turned ${walk.turned === UP ? "up" : "down"}: ${verdict}.`;
  }
  const p = readsNow(walk);
  const side = p >= 0.5 ? `up, ${(100 * p).toFixed(0)}` : `down, ${(100 * (1 - p)).toFixed(0)}`;
  const q = [...walk.q].map((x, k) => `${ACTIONS[k]} ${x.toFixed(2)}`).join(", ");
  const late = walk.over ? " Time is up." : "";
  return `${where}: it sees ${SEES[walk.sees]}. The probe reads ${side}\u00a0%. Values: ${q}.${late}`;
}
