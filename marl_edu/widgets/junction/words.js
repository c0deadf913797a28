// What a moment of the junction is in words.

import { FAINTEST, percent } from "../shared/kit.js";
import { BRAKE, GAS } from "./env.js";

/** @import { Moment } from "./episode.js" */

/** @param {number[]} numbers */
const list = (numbers) => numbers.join(", ").replace(/, (\d+)$/, " and $1");

/** @param {number[]} numbers */
const cars = (numbers) => `car${numbers.length === 1 ? "" : "s"} ${list(numbers)}`;

/**
 * @typedef {object} Score of a team under the present conditions
 * @property {number} good episodes without a crash @property {number} all
 * @property {number} midway of all, those in which something was changed on the way
 */
/** @param {Score} score */
export function scoreText({ good, all, midway }) {
  const label = midway
    ? ` (${midway === all ? "" : `${midway} of them `}with a change midway)`
    : "";
  return `Episodes without a crash: ${all ? `${good} of ${all}${label}` : "none played yet"}`;
}

/** @param {number[]} row of the attention map @param {number[]} living @param {number} listener */
function whom(row, living, listener) {
  const heard = living.filter((j) => row[j] >= FAINTEST).sort((i, j) => row[j] - row[i]);
  const names = heard.map((j) => `${j === listener ? "itself" : `car ${j}`} (${percent(row[j])})`);
  if (names.length > 4) names.splice(3, names.length, `${names.length - 3} others less`);
  return names.join(", ") || "nobody";
}

/**
 * @param {Moment} now @param {number[][]} weights @param {number | null} listener whose messages
 *   are shown @param {{ over: boolean, silent: boolean, cost: number }} is the episode, the team;
 *   what a crash costs each car and step
 */
export function describe({ env, actions }, weights, listener, is) {
  const living = [...env.alive.keys()].filter((i) => env.alive[i]);
  const crashed = living.filter((i) => env.collided[i]);
  const crash = crashed.length
    ? `Crash: ${cars(crashed)}. Every step that two cars share a cell costs each ${is.cost}. `
    : "";
  if (is.over) {
    return `${crash}The episode is over: ${env.success ? "nobody" : "somebody"} crashed.`;
  }
  if (!living.length) return "The roads are empty.";
  if (listener === null) {
    const [go, wait] = [GAS, BRAKE].map((action) => living.filter((i) => actions[i] === action));
    const parts = [
      go.length && `Driving on: ${cars(go)}.`,
      wait.length && `Waiting: ${cars(wait)}.`,
    ];
    return crash + parts.filter(Boolean).join(" ");
  }
  const does = `${crash}Car ${listener} ${actions[listener] === BRAKE ? "waits" : "drives on"}. `;
  if (is.silent) return `${does}In this team nobody talks.`;
  return `${does}It heard ${whom(weights[listener], living, listener)}.`;
}
