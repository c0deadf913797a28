// The runs of a figure that learns: begun, held, gone on with; and what they have come to.

import { employ } from "./engine.js";

/** @import { Kind, Report } from "./engine.js" */

const [FAST, CALM] = [200, 2000]; // milliseconds from picture to picture
const PICTURE = 90; // ... that a run waits which is paced

/** Runs side by side, and all of their rows so far. */
export class Runs {
  /**
   * @param {Record<string, unknown>} parts that a worker needs @param {Kind} Kind of runs
   * @param {{ updates: number }} setup that all share
   * @param {() => void} changed called when there is something new to see
   * @param {number} pace updates from picture to picture, where a whole run takes no time to see
   */
  constructor(parts, Kind, setup, changed, pace = Infinity) {
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.setup = setup;
    this.changed = changed;
    this.pace = this.calm ? Infinity : pace;
    /** @type {() => ReturnType<typeof employ>} */
    this.hire = () => employ(parts, Kind, (report) => this.hear(report), this.calm ? CALM : FAST);
    /** @type {ReturnType<typeof employ> | undefined} */
    this.engine = undefined;
    /** @type {any[]} */
    this.choices = [];
    /** @type {Report["runs"]} */
    this.all = []; // as last reported
    this.number = 0; // of what is under way; reports on anything else come too late
    this.begun = false;
    this.working = false;
    this.until = 0; // after how many updates all rest
    this.goal = 0; // ... and go on, until this is reached
  }

  /** Nothing is trained yet. @param {any[]} choices of each run */
  begin(choices) {
    this.choices = choices;
    this.number += 1;
    this.begun = this.working = false;
    this.until = this.goal = 0;
    this.all = choices.map(() => ({
      updates: 0,
      rows: [],
      diverged: "",
      fresh: undefined,
      weights: undefined,
    }));
    this.engine?.send({ until: 0 });
  }

  /** @param {number} updates after which all stop */
  go(updates) {
    const { number, setup, choices } = this;
    this.goal = updates;
    this.until = Math.min(updates, this.done + this.pace);
    this.working = true;
    this.engine ??= this.hire();
    const order = { until: this.until };
    this.engine.send(this.begun ? order : { begin: { number, setup, choices }, ...order });
    this.begun = true;
  }

  pause() {
    this.until = this.goal = this.done;
    this.engine?.send({ until: this.until });
  }

  /** How many updates the run has that has most. */
  get done() {
    return Math.max(...this.all.map((run) => run.updates));
  }

  /** After how many updates a run is over that was begun, or goes on now. */
  get next() {
    return (Math.floor(this.done / this.setup.updates) + 1) * this.setup.updates;
  }

  /** After how many updates what is drawn ends. */
  get end() {
    const { updates } = this.setup;
    return Math.max(updates, Math.ceil(this.done / updates) * updates);
  }

  /** What a button says that begins, holds and goes on. */
  get invitation() {
    if (this.working) return "Pause";
    return this.done && this.done % this.setup.updates === 0 ? "Train on" : "Train";
  }

  /** Whether none can go on. */
  get over() {
    return this.all.every((run) => run.diverged);
  }

  /** @param {Report} report */
  hear(report) {
    if (report.number !== this.number) return;
    this.all.forEach((run, k) => {
      const { rows, ...now } = report.runs[k];
      run.rows.push(...rows);
      Object.assign(run, now);
    });
    const further = this.done === this.until && this.until < this.goal;
    this.working = report.working || further;
    if (further && !report.working) {
      setTimeout(() => {
        if (report.number === this.number && this.until < this.goal) this.go(this.goal);
      }, PICTURE);
    }
    this.changed();
  }

  /**
   * Copy what the first run of each has learned into the network that is drawn.
   * @param {{ shown: { weights: { flat: { set: (from: ArrayLike<number>) => void } } }, choices: any[] }[]} each
   */
  show(each) {
    for (const [t, { shown, choices }] of each.entries()) {
      const { weights } = this.all[t * choices.length];
      if (weights) shown.weights.flat.set(weights);
    }
  }

  dismiss() {
    this.engine?.end();
  }
}
