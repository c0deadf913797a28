// Where runs are computed: in a worker, whose script is the text of what learns, or, where none can
// start, in slices of the page's own time.

import { uniforms } from "./kit.js";
import { Adam, add, Dense, denseShapes, FirstMemory, initialise } from "./layers.js";
import { memoryShapes, product, relu, room, run, transpose } from "./layers.js";

/**
 * What a run is, whatever it learns. `update` and `finish` stop for breath on the way.
 * @typedef {{ setup: { updates: number }, choice: { seed: number }, updates: number,
 *   rows: Row[], diverged: string, fresh: number | undefined, weights: { flat: Float64Array },
 *   update: () => Iterator<unknown>, finish: () => Iterator<unknown> }} Runner
 */
/** How a run is made. @typedef {new (setup: any, choice: any) => Runner} Kind */
/** The means over some updates. @typedef {{ update: number } & Record<string, number>} Row */
/**
 * `begin` gives up what was under way; `until`: after how many updates all runs stop.
 * @typedef {{ begin?: { number: number, setup: any, choices: any[] }, until: number }} Order
 */
/**
 * `rows`: those since the last report. `weights`: of the teams that are looked at.
 * @typedef {{ number: number, working: boolean, runs: { updates: number, rows: Row[],
 *   diverged: string, fresh: number | undefined, weights: Float32Array | undefined }[] }} Report
 */

/**
 * A worker's own end, or what stands in for it.
 * @typedef {{ addEventListener: (name: "message", listener: (event: { data: Order }) => void) => void,
 *   postMessage: (report: Report) => void }} Port
 */

/** Runs side by side, of which the one that is furthest behind goes next. */
export class Desk {
  /** @param {Kind} Kind of runs */
  constructor(Kind) {
    this.Kind = Kind;
    this.number = 0;
    this.until = 0;
    /** @type {Runner[]} */
    this.learners = [];
    /** @type {number[]} */
    this.told = []; // rows of each that were reported
    /** @type {Iterator<unknown> | undefined} */
    this.stages = undefined; // what is under way
  }

  /** @param {Order} order */
  hear({ begin, until }) {
    this.until = until;
    if (!begin) return;
    this.number = begin.number;
    this.learners = begin.choices.map((choice) => new this.Kind(begin.setup, choice));
    this.told = this.learners.map(() => 0);
    this.stages = undefined;
  }

  /** What is to be done next, if anything. @returns {Iterator<unknown> | undefined} */
  next() {
    const going = this.learners.filter((one) => !one.diverged);
    const behind = going.filter((one) => one.updates < this.until);
    if (behind.length) return behind.reduce((a, b) => (b.updates < a.updates ? b : a)).update();
    const over = (/** @type {Runner} */ one) => one.updates && !(one.updates % one.setup.updates);
    return going.find((one) => over(one) && one.fresh === undefined)?.finish();
  }

  /** Works for so many milliseconds, to the end of a stage. Whether there is more to do. */
  work(/** @type {number} */ milliseconds) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      this.stages ??= this.next();
      if (!this.stages) return false;
      if (this.stages.next().done) this.stages = undefined;
    }
    return true;
  }

  /** @param {boolean} working @returns {Report} */
  report(working) {
    const seed = this.learners[0]?.choice.seed; // the seed that is looked at
    const runs = this.learners.map((one, k) => {
      const rows = one.rows.slice(this.told[k]);
      this.told[k] = one.rows.length;
      const { updates, diverged, fresh } = one;
      const looked = one.choice.seed === seed;
      const weights = looked ? new Float32Array(one.weights.flat) : undefined;
      return { updates, rows, diverged, fresh, weights };
    });
    return { number: this.number, working, runs };
  }
}

/**
 * Serves a port: orders come in, reports go out.
 * @param {Port} port @param {Kind} Kind of runs
 * @param {number} slice milliseconds of work at a time @param {number} every milliseconds a report
 */
export function serve(port, Kind, slice, every) {
  const desk = new Desk(Kind);
  let ticking = false;
  let last = -Infinity;
  function tick() {
    const before = ticking;
    ticking = desk.work(slice);
    const now = performance.now();
    if (!ticking || !before || now - last >= every) {
      last = now;
      port.postMessage(desk.report(ticking));
    }
    if (ticking) setTimeout(tick);
  }
  port.addEventListener("message", ({ data }) => {
    desk.hear(data);
    if (!ticking) tick();
  });
}

/** Whatever a worker needs, each by its name, since it gets their text. */
const PARTS = {
  uniforms,
  product,
  transpose,
  Dense,
  FirstMemory,
  Adam,
  denseShapes,
  memoryShapes,
  room,
  initialise,
  relu,
  add,
  run,
  Desk,
  serve,
};

/**
 * Starts what computes. Orders may be sent at once; `end` stops it for good.
 * @param {Record<string, unknown>} parts functions, classes and numbers that runs need, beside layers
 * @param {Kind} Kind of runs, the last of the parts
 * @param {(report: Report) => void} listener
 * @param {number} every milliseconds a report
 */
export function employ(parts, Kind, listener, every) {
  /** @type {Worker | undefined} */
  let worker;
  /** @type {Order[] | undefined} */
  let unheard = []; // until the worker has answered
  /** @type {(event: { data: Order }) => void} */
  let page = () => {};
  /** @type {Port} */
  const port = {
    addEventListener: (_, hear) => (page = hear),
    postMessage: (report) => listener(report),
  };

  /** Work in the page's own time, from the first order on. */
  function resort() {
    worker?.terminate();
    worker = undefined;
    serve(port, Kind, 8, every);
    for (const data of unheard ?? []) page({ data });
    unheard = undefined;
  }
  try {
    const names = Object.entries({ ...PARTS, ...parts });
    const text = names.map(([name, one]) => `const ${name} = ${one};\n`).join("");
    const last = `serve(self, ${Kind.name}, 40, ${every});\n`;
    const url = URL.createObjectURL(
      new Blob([`"use strict";\n${text}${last}`], { type: "text/javascript" }),
    );
    worker = new Worker(url);
    worker.addEventListener("message", ({ data }) => {
      unheard = undefined;
      URL.revokeObjectURL(url);
      listener(data);
    });
    worker.addEventListener("error", resort, { once: true });
  } catch {
    setTimeout(resort); // here orders are sent before anybody listens, too
  }
  return {
    /** @param {Order} order */
    send(order) {
      unheard?.push(order);
      if (worker) worker.postMessage(order, []);
      else if (!unheard) page({ data: order });
    },
    end() {
      worker?.terminate();
      page({ data: { until: 0 } });
    },
  };
}
