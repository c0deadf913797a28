// What the figure says, and reads: marl_edu.widgets.speaker.figure.

import { clamp } from "../shared/kit.js";

/** @import { Episode, Meaning } from "./env.js" */

/**
 * What is shown. `trail`: what was heard, `t` and a letter per step.
 * @typedef {{ team: string, episode: number, goal: number, word: string, trail: string }} State
 */
/** @typedef {Record<string, any>} Traits */

export const HIGHEST = 999999; // episode
/** What becomes of a word, and its letter in a trail. @type {Record<string, string>} */
export const CHANNELS = { said: "s", mute: "m", 0: "0", 1: "1", 2: "2" };
export const HEAD = ["heard", "said for", "listener ends nearest to"];

/**
 * The state that traits stand for, whatever they hold: a link may be nonsense.
 * @param {Traits} traits @param {Traits} first as the figure was made @param {readonly string[]} teams
 * @param {number} steps @returns {State}
 */
export function readState(traits, first, teams, steps) {
  const [word, trail] = [`${traits.word}`, `${traits.trail}`];
  return {
    team: teams.includes(traits.team) ? traits.team : first.team,
    episode: clamp(traits.episode, 0, HIGHEST),
    goal: clamp(traits.goal, 0, 2),
    word: Object.hasOwn(CHANNELS, word) ? word : "said",
    trail: /^t[sm012]*$/.test(trail) ? trail.slice(0, steps + 1) : "t",
  };
}

/** With a minus sign. @param {number} x @param {number} digits */
export const number = (x, digits = 1) => x.toFixed(digits).replace("-", "−");

/** The moment in words, with its numbers. @param {Episode} now @param {Episode} deaf @param {Episode} told */
export function caption(now, deaf, told) {
  const { t, goal, away, room } = now;
  const heard = t === 0 ? "nothing yet" : (now.heard ?? "nothing");
  const nearest = away.indexOf(Math.min(...away));
  const wrong = nearest === goal ? "" : `, nearest to landmark ${nearest}`;
  return (
    `Step ${t} of ${room.steps}. The speaker sees goal ${goal} and says word ${now.said}; the ` +
    `listener heard ${heard}. It is ${number(away[goal], 2)} from the goal${wrong}. Return ` +
    `so far: ${number(now.returns)}; deaf ${number(deaf.returns)}, told ${number(told.returns)}.`
  );
}

/** A row of the table: the word, what it is said for, where it leads. @param {Meaning} one */
export function meaning({ word, goals, landmark, away }) {
  return [
    word === "m" ? "mute" : `word ${word}`,
    goals.map((goal) => `goal ${goal}`).join(" and ") || "—",
    `landmark ${landmark}, ${number(away, 2)} away`,
  ];
}
