// What the figure says, and reads: marl_edu.widgets.critic.figure.

import { clamp } from "../shared/kit.js";

/** @import { Hunt, Task } from "./hunt.js" */
/** @import { Critic } from "./network.js" */

/**
 * What is shown. `off`: letters of inputs, or "none".
 * @typedef {{ critic: string, hunt: number, step: number, agent: number, off: string }} State
 */
/** @typedef {Record<string, any>} Traits */

export const HEAD = ["switched off", "variance explained", "mean squared error"];
export const NOTHING = "none"; // is switched off

const lettersOf = (/** @type {Task} */ { inputs }) => inputs.map(([letter]) => letter);

/** Letters in their order, each once, or "none". @param {Iterable<string>} letters @param {Task} task */
export function code(letters, task) {
  const wanted = new Set(letters);
  return (
    lettersOf(task)
      .filter((letter) => wanted.has(letter))
      .join("") || NOTHING
  );
}

/** The letters of the inputs of a critic that are off. @param {string} off @param {Critic} critic */
export const switched = (off, { parts }) =>
  off === NOTHING ? "" : [...off].filter((letter) => Object.hasOwn(parts, letter)).join("");

/**
 * The state that traits stand for, whatever they hold: a link may be nonsense.
 * @param {Traits} traits @param {Traits} first as the figure was made
 * @param {Record<string, Critic>} critics @param {Task} task @returns {State}
 */
export function readState(traits, first, critics, task) {
  const critic = Object.hasOwn(critics, traits.critic) ? traits.critic : first.critic;
  const off = `${traits.off}`;
  return {
    critic,
    hunt: clamp(traits.hunt, 0, critics[critic].hunts.length - 1),
    step: clamp(traits.step, 0, task.steps),
    agent: clamp(traits.agent, 0, task.agents - 1),
    off: off === NOTHING || code(off, task) !== off ? NOTHING : off,
  };
}

/** With a minus sign. @param {number} x @param {number} digits */
export const number = (x, digits = 2) => x.toFixed(digits).replace("-", "−");

/** Inputs by their names. @param {string} off letters @param {Task} task */
export function listed(off, task) {
  const names = task.inputs.flatMap(([letter, name]) => (off.includes(letter) ? [name] : []));
  if (names.length < 3) return names.join(" and ");
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** The moment in words, with its numbers. @param {Hunt} now @param {number} step @param {number} agent @param {string} off letters */
export function caption(now, step, agent, off) {
  const t = Math.min(step, now.steps);
  const where = `Hunt ${now.number}, step ${t} of ${now.steps}.`;
  if (t === now.steps) return `${where} ${now.success ? "All are on the prey." : "Time is up."}`;
  const without = off
    ? ` Without ${listed(off, now.task)} it says ${number(now.value[agent][t])}.`
    : "";
  return (
    `${where} Agent ${agent}: the critic says ${number(now.allOn[agent][t])}; the return that ` +
    `followed is ${number(now.came[agent][t])}.${without}`
  );
}

/**
 * The table: what is off, and what is left; true marks the row that is shown.
 * @param {Record<string, Critic>} critics @param {string} name @param {string} off @param {Task} task
 * @returns {[string[], boolean][]}
 */
export function rows(critics, name, off, task) {
  const { kind, parts, numbers } = critics[name];
  /** @param {string} text @param {[number, number]} found */
  const row = (text, [explained, error]) => [text, number(explained), number(error, 3)];
  const single = lettersOf(task).filter((letter) => Object.hasOwn(parts, letter));
  const lots = ["", ...single, ...(off.length > 1 ? [off] : [])];
  /** @type {[string[], boolean][]} */
  const found = lots.map((lot) => [
    row(listed(lot, task) || "nothing", numbers[lot || NOTHING]),
    lot === off,
  ]);
  if (kind !== "own" && Object.hasOwn(critics, "own"))
    found.push([row("nothing: IPPO’s critic, its own team", critics.own.numbers[NOTHING]), false]);
  return found;
}

/** The curves in words. @param {Hunt} now @param {number} agent @param {string} off letters */
export function summary(now, agent, off) {
  const came = now.came[agent];
  const apart = came.reduce((sum, one, t) => sum + Math.abs(now.value[agent][t] - one), 0);
  const without = off ? ` without ${listed(off, now.task)}` : "";
  return `Values of agent ${agent}${without}: ${number(apart / came.length)} away from what followed`;
}
