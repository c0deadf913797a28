// Python's worker, seen from the page: one for all answers, started when it is first needed, and
// ended when what it runs does not end.

import { progress } from "./kept.js";

/** @import { Ran, Verdict } from "./kept.js" */

/**
 * What the build knows: whether Python is there, and the editor; the megabytes that a reader loads,
 * and the bytes that these become; the seconds that an answer may take.
 * @typedef {{ python: boolean, editor: boolean, megabytes: number, bytes: number, seconds: number }} Built
 */
/** @typedef {{ source: string, data?: string }} Task */
/** @typedef {{ result?: Verdict & Ran, problem?: string }} Outcome */

const RESTARTS = "Python starts again; what you typed is still here.";

/** @typedef {{ worker: Worker, ready: Promise<void>, tell: (text: string) => void }} Running */
/** @type {Running | null} */
let running = null;
let asked = 0;
/** @type {Promise<unknown>} */
let last = Promise.resolve();

/** @param {URL} script @param {Built} built @returns {Running} */
function start(script, built) {
  const worker = new Worker(script);
  /** @type {Running} */
  const one = { worker, tell: () => {}, ready: Promise.resolve() };
  one.ready = new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => {
      if (data.loaded) one.tell(progress(data.loaded, built.bytes, built.megabytes));
      else if (data.ready) resolve();
      else if (data.failed) reject(new Error(data.failed));
    });
    // A script that is not there, or that the browser does not let run.
    worker.addEventListener("error", () => reject(new Error("its worker did not start")));
  });
  one.ready.catch(() => end(one));
  return one;
}

/** @param {Running} one */
function end(one) {
  one.worker.terminate();
  if (running === one) running = null;
}

/** The answer to one task; null when it takes too long. @param {Worker} worker @param {Task} task @param {number} seconds */
function answered(worker, task, seconds) {
  asked += 1;
  const id = asked;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), 1000 * seconds);
    /** @param {MessageEvent} event */
    const hear = ({ data }) => {
      if (data.id !== id) return;
      clearTimeout(timer);
      worker.removeEventListener("message", hear);
      resolve(data);
    };
    worker.addEventListener("message", hear);
    worker.postMessage({ id, ...task }, []); // a worker takes no origin
  });
}

/**
 * @param {URL} script @param {Built} built @param {Task} task @param {(text: string) => void} tell
 * @returns {Promise<Outcome>}
 */
async function outcome(script, built, task, tell) {
  running ??= start(script, built);
  const one = running;
  one.tell = tell;
  try {
    await one.ready;
  } catch (error) {
    const why = /** @type {Error} */ (error).message;
    return { problem: `Python could not be loaded (${why}). Press again to try once more.` };
  }
  tell("Python runs it.");
  const found = await answered(one.worker, task, built.seconds);
  if (found?.result) return { result: found.result };
  end(one);
  running = start(script, built);
  running.ready.catch(() => {}); // the next press says why
  if (found) return { problem: `Python came to an end (${found.crashed}). ${RESTARTS}` };
  return { result: late(task, built.seconds) };
}

/** What is said of a task that was stopped: the judge's sentence, where it has one. @param {Task} task @param {number} seconds */
function late({ data }, seconds) {
  const plain = `It was stopped after ${seconds} seconds: is there a loop that never ends?`;
  const sentence = data === undefined ? plain : (JSON.parse(data).out_of_time ?? plain);
  const error = `${sentence} ${RESTARTS}`;
  return { passed: false, mistake: "time", message: error, error, printed: "", line: null };
}

/**
 * Have Python run or grade something, one after the other; `tell` hears how far it is.
 * @param {URL} script the worker's @param {Built} built @param {Task} task @param {(text: string) => void} tell
 * @returns {Promise<Outcome>}
 */
export function ask(script, built, task, tell) {
  const mine = last.then(() => outcome(script, built, task, tell));
  last = mine;
  return mine;
}
