// The maze as a list of states: who is where, with the key or without, the door open or shut. There
// are so few that a network looks at each of them once, however often it was met.

/** @import { Maze } from "../curiosity/env.js" */

/** All states that can be met: a cell, whether the key is taken, whether the door is open. */
export class States {
  /** @param {Maze} maze */
  constructor(maze) {
    const { rows, columns, leads, start, key, door, goal, pixels, free } = maze;
    /** @type {number[][]} */
    this.all = [[start, 0, 0]]; // cell, key, door
    /** @type {number[][]} */
    this.next = []; // of each state, by action
    const known = new Map([[String(this.all[0]), 0]]);
    for (let s = 0; s < this.all.length; s++) {
      const [cell, has, open] = this.all[s];
      this.next.push(
        leads[has].map((to) => {
          const there = to[cell];
          const state = [there, has || Number(there === key), open || Number(there === door)];
          const name = String(state);
          if (cell === goal) return s; // an episode ends there
          if (!known.has(name)) known.set(name, this.all.push(state) - 1);
          return known.get(name) ?? s;
        }),
      );
    }
    this.size = this.all.length;
    this.actions = leads[0].length;
    this.obs = rows + columns + 2 + pixels; // numbers in an observation
    this.ends = Uint8Array.from(this.all, ([cell]) => Number(cell === goal));
    /** What is seen in each, one row after the other; the TV is off. */
    this.seen = new Float64Array(this.size * this.obs);
    this.all.forEach(([cell, has, open], s) => {
      const [row, column] = free[cell];
      const own = this.seen.subarray(s * this.obs);
      own[row] = own[rows + column] = 1;
      [own[rows + columns], own[rows + columns + 1]] = [has, open];
    });
    /** In which state a cell is looked at: with the key, in front of the door if that can be. */
    this.shown = [0, 1].map((has) =>
      free.map((_, cell) =>
        [0, 1].map((open) => known.get(String([cell, has, open])) ?? -1).find((s) => s >= 0),
      ),
    );
  }

  /**
   * The chance that an episode of so many steps reaches the goal: exact, step by step.
   * @param {Float64Array} chances of each action in each state @param {number} steps
   */
  arrival(chances, steps) {
    const { size, actions, next, ends } = this;
    let now = new Float64Array(size);
    now[0] = 1;
    for (let t = 0; t < steps; t++) {
      const then = new Float64Array(size);
      for (let s = 0; s < size; s++) {
        if (ends[s]) then[s] += now[s];
        else
          for (let a = 0; a < actions; a++) then[next[s][a]] += now[s] * chances[s * actions + a];
      }
      now = then;
    }
    return now.reduce((sum, x, s) => sum + x * ends[s], 0);
  }
}
