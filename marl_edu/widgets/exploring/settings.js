// What a reader chooses, and where: the settings, their names, the figure's elements, and what it says.

import { CURVES } from "../shared/curves.js";
import { controls, escape, percent } from "../shared/kit.js";
import { accepted, complaintOf } from "../shared/settings.js";

/** @import { Report } from "../shared/engine.js" */
/** @import { Choice } from "./training.js" */

/** @typedef {{ bonus: string, beside: string, maze: string, map: string, share: number, lr: number,
 *   seed: number, band: string }} Settings */
/** What each setting may be, in Python's words. @typedef {Record<keyof Settings, (string | number)[]>} Accepts */

/** @type {Record<string, string>} */
export const NAMES = {
  rnd: "RND",
  counts: "counts",
  none: "no bonus",
  nothing: "nothing",
  surprise: "surprise: what arriving pays",
  visits: "visits so far",
  one: "this seed",
  five: "seeds 1 to 5, as a band",
};
/** @type {Record<string, string>} */
export const TITLES = { rnd: "RND", counts: "Counts", none: "No bonus" };
/** As in marl_edu.plots.style. @type {Record<string, string>} */
export const TONES = { rnd: "var(--me-rnd)", counts: "var(--me-counts)", none: "var(--me-none)" };

/** From which share of episodes on a maze is solved: marl_edu.results.exploration.ENOUGH. */
const ENOUGH = 0.9;

/**
 * Settings as they are accepted, and what is to be said of those that are not.
 * @param {Record<string, unknown>} wanted @param {Settings} kept @param {Accepts} accepts
 */
export function choose(wanted, kept, accepts) {
  const { settings, refused } = accepted(wanted, kept, accepts);
  if (settings.beside === settings.bonus) settings.beside = "nothing"; // it would be the same run
  return { settings, sentence: complaintOf(refused) };
}

/** @param {Accepts} accepts @param {Record<string, string>} mazes in words @param {{ look: string, hint: string }} texts */
export function markup(accepts, mazes, { look, hint }) {
  const { button, select } = controls("ml");
  /** @param {keyof Settings} name @param {string} label @param {(one: any) => string} [say] */
  const pick = (name, label, say = (one) => NAMES[one] ?? String(one)) =>
    select(
      name,
      label,
      accepts[name].map((one) => [one, say(one)]),
    );
  return `<div class="ml me" role="group" aria-label="Live figure: an agent that explores" style="${look}">
    <div class="ml-stage">
      <div class="ml-scene">
        <svg class="ml-curves" viewBox="${CURVES}" role="img" font-family="system-ui,sans-serif" font-size="13"></svg>
      </div>
      <div class="ml-front">
        <div class="ml-buttons">${button("play", "Train")}${button("step", "Step")}${button("reset", "Reset")}</div>
        <p class="ml-status" aria-hidden="true"></p>
        ${pick("bonus", "It is paid by")}
        ${pick("beside", "Beside it")}
        ${pick("map", "The maps show")}
        <p class="ml-try"><strong>Try this:</strong> ${escape(hint)}</p>
      </div>
    </div>
    <div class="ml-maps me-maps"></div>
    <p class="ml-note">Surprise, in percent of the largest bonus at the start: dark is new, a hundredth or less is light.
      Visits: dark is often. The line: where the agent went in one episode of the last round.</p>
    <details class="ml-more">
      <summary>More: maze, how fast surprise fades, learning rate, seeds</summary>
      <div class="ml-stage">
        <div class="ml-fields">
          ${pick("maze", "Maze", (one) => mazes[one])}
          ${pick("share", "Predictor learns from", (one) => `${100 * one}\u00a0% of the steps`)}
          ${pick("lr", "Learning rate")}
        </div>
        <div class="ml-fields">${pick("seed", "Seed")}${pick("band", "Runs")}</div>
      </div>
      <p class="ml-note">Only RND has a predictor. Whatever you change, but for the maps, starts a new run.</p>
    </details>
    <p class="ml-hidden" role="status"></p>
  </div>`;
}

/** How often random play reaches the goal. @param {number} chance */
export const rarely = (chance) =>
  `1 episode in ${Number((1 / chance).toPrecision(2)).toLocaleString("en")}`;

/**
 * What there is to say of an agent.
 * @param {Choice[]} choices @param {Report["runs"]} own of each choice its run
 */
export function describe(choices, own) {
  const title = TITLES[choices[0].bonus];
  const wrong = own.findIndex((run) => run.diverged);
  if (wrong >= 0) {
    return `${title} has diverged (seed ${choices[wrong].seed}): its gradient is no number any more. Choose a smaller learning rate and train again.`;
  }
  const last = own.flatMap((run) => run.rows.slice(-1));
  if (last.length < own.length) return `${title}: not trained yet.`;
  const firsts = own.flatMap((run) => run.rows.find((row) => row.found)?.update ?? []);
  if (own.length > 1) {
    const solved = last.filter((row) => row.success >= ENOUGH).length;
    const when = firsts.length ? `, first by update ${Math.min(...firsts)}` : "";
    return `${title}: ${firsts.length} of ${own.length} seeds have found the goal${when}; ${solved} reach it in ${percent(ENOUGH)} of episodes or more.`;
  }
  const cells = `${percent(last[0].cells)} of the cells seen`;
  if (!firsts.length) return `${title}: ${cells}, the goal not found.`;
  return `${title}: ${cells}, the goal found by update ${firsts[0]}; ${percent(last[0].success)} of episodes reach it.`;
}
