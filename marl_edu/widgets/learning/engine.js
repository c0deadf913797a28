// Where runs are computed: in a worker, whose script is the text of what learns, or, where none can
// start, in slices of the page's own time.

import { uniforms } from "../shared/kit.js";
import { Questions } from "./env.js";
import { Adam, Attention, Dense, FirstMemory, MeanOfOthers, product, transpose } from "./layers.js";
import { add, initialise, Pass, relu, room, run, shapesOf, tanhOfSum } from "./team.js";
import { Learner, softmaxInto, tableOf, Team } from "./training.js";

/** @import { Choice, Row, Setup } from "./training.js" */

/**
 * `begin` gives up what was under way; `until`: after how many updates all runs stop.
 * @typedef {{ begin?: { number: number, setup: Setup, choices: Choice[] }, until: number }} Order
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
  constructor() {
    this.number = 0;
    this.until = 0;
    /** @type {Learner[]} */
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
    this.learners = begin.choices.map((choice) => new Learner(begin.setup, choice));
    this.told = this.learners.map(() => 0);
    this.stages = undefined;
  }

  /** What is to be done next, if anything. @returns {Iterator<unknown> | undefined} */
  next() {
    const going = this.learners.filter((one) => !one.diverged);
    const behind = going.filter((one) => one.updates < this.until);
    if (behind.length) return behind.reduce((a, b) => (b.updates < a.updates ? b : a)).update();
    const over = (/** @type {Learner} */ one) => one.updates && !(one.updates % one.setup.updates);
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
 * @param {Port} port
 * @param {number} slice milliseconds of work at a time @param {number} every milliseconds a report
 */
export function serve(port, slice, every) {
  const desk = new Desk();
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

/** Whatever a worker needs; functions and classes alone, since it gets their text. */
const PARTS = [
  uniforms,
  Questions,
  product,
  transpose,
  Dense,
  Attention,
  MeanOfOthers,
  FirstMemory,
  Adam,
  shapesOf,
  room,
  initialise,
  relu,
  tanhOfSum,
  add,
  Pass,
  run,
  tableOf,
  softmaxInto,
  Team,
  Learner,
  Desk,
  serve,
];

/**
 * Starts what computes. Orders may be sent at once; `end` stops it for good.
 * @param {(report: Report) => void} listener
 * @param {number} every milliseconds a report
 */
export function employ(listener, every) {
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
    serve(port, 8, every);
    for (const data of unheard ?? []) page({ data });
    unheard = undefined;
  }
  try {
    const text = `"use strict";\n${PARTS.join("\n")}\nserve(self, 40, ${every});\n`;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
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
