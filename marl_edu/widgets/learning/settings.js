// What a reader chooses, and where: the settings, their names, the figure's elements, and what it says.

import { CURVES } from "../shared/curves.js";
import { controls, escape, percent } from "../shared/kit.js";
import { accepted, complaintOf } from "../shared/settings.js";

/** @import { Report } from "../shared/engine.js" */
/** @import { Choice } from "./training.js" */

/** @typedef {{ talk: string, beside: string, distractors: number, heads: number, message: number,
 *   lr: number, seed: number, band: string }} Settings */
/** What each setting may be, in Python's words. @typedef {Record<keyof Settings, (string | number)[]>} Accepts */

/** @type {Record<string, string>} */
export const NAMES = {
  attention: "attention",
  mean: "the mean",
  nobody: "nobody talks",
  nothing: "nothing",
  one: "this seed",
  five: "seeds 1 to 5, as a band",
};
/** @type {Record<string, string>} */
export const TITLES = { attention: "Attention", mean: "The mean", nobody: "Silence" };
/** @type {Record<string, string>} */
export const TONES = { attention: "var(--a0)", mean: "var(--a3)", nobody: "var(--soft)" };
/**
 * Settings as they are accepted, and what is to be said of those that are not.
 * @param {Record<string, unknown>} wanted @param {Settings} kept @param {Accepts} accepts
 */
export function choose(wanted, kept, accepts) {
  const { settings, refused } = accepted(wanted, kept, accepts);
  if (settings.beside === settings.talk) settings.beside = "nothing"; // it would be the same run
  return { settings, sentence: complaintOf(refused) };
}

/** @param {Accepts} accepts @param {{ look: string, hint: string }} texts */
export function markup(accepts, { look, hint }) {
  const { button, select } = controls("ml");
  /** @param {keyof Settings} name @param {string} label @param {(one: any) => string} [say] */
  const pick = (name, label, say = (one) => NAMES[one] ?? String(one)) =>
    select(
      name,
      label,
      accepts[name].map((one) => [one, say(one)]),
    );
  return `<div class="ml" role="group" aria-label="Live figure: a team that learns" style="${look}">
    <div class="ml-stage">
      <div class="ml-scene">
        <svg class="ml-curves" viewBox="${CURVES}" role="img" font-family="system-ui,sans-serif" font-size="13"></svg>
      </div>
      <div class="ml-front">
        <div class="ml-buttons">${button("play", "Train")}${button("step", "Step")}${button("reset", "Reset")}</div>
        <p class="ml-status" aria-hidden="true"></p>
        ${pick("talk", "The team hears")}
        ${pick("beside", "Beside it")}
        ${pick("distractors", "Distractors")}
        <p class="ml-try"><strong>Try this:</strong> ${escape(hint)}</p>
      </div>
    </div>
    <div class="ml-maps"></div>
    <details class="ml-more">
      <summary>More: what one agent asks and whom it hears</summary>
      <div class="ml-buttons">${button("back", "Back")}${button("forth", "Next")}${button("other", "Another question")}</div>
      <div class="ml-stage">
        <div class="ml-fields">${select("agent", "Agent", [])}${select("head", "Head", [])}</div>
        <div class="ml-looked"></div>
      </div>
      <p class="ml-words"></p>
    </details>
    <details class="ml-more">
      <summary>More: heads, message, learning rate, seeds</summary>
      <div class="ml-stage">
        <div class="ml-fields">
          ${pick("heads", "Heads")}
          ${pick("message", "Message", (one) => `${one} a head (${one / 3} + ${(2 * one) / 3})`)}
          ${pick("lr", "Learning rate")}
        </div>
        <div class="ml-fields">${pick("seed", "Seed")}${pick("band", "Runs")}</div>
      </div>
      <p class="ml-note">A message is a signature and a value: so many numbers. Heads and message are attention’s; the mean hears all that
        the others know. Whatever you change here starts a new run.</p>
    </details>
    <p class="ml-hidden" role="status"></p>
  </div>`;
}

/**
 * What there is to say of a team.
 * @param {string} talk @param {Choice[]} choices @param {Report["runs"]} own of each choice its run
 */
export function describe(talk, choices, own) {
  const title = TITLES[talk];
  const wrong = own.find((run) => run.diverged);
  const seed = wrong && choices[own.indexOf(wrong)].seed;
  if (wrong?.diverged === "numbers") {
    return `${title} has diverged (seed ${seed}): its gradient is no number any more. Choose a smaller learning rate and train again.`;
  }
  if (wrong) {
    return `${title} is stuck (seed ${seed}): its policy is certain but only guesses, so it tries nothing else. Choose a smaller learning rate or another seed and train again.`;
  }
  const score = (/** @type {number[]} */ found) => {
    const [low, high] = [Math.min(...found), Math.max(...found)];
    return low === high ? percent(low) : `${percent(low)} to ${percent(high)}`;
  };
  const fresh = own.flatMap((run) => run.fresh ?? []);
  if (fresh.length === own.length) return `${title}: ${score(fresh)} right in 500 fresh episodes.`;
  const last = own.flatMap((run) => run.rows.slice(-1));
  if (!last.length) return `${title}: not trained yet.`;
  const focus = percent(last[0].focus);
  const where =
    talk === "nobody" ? "" : `, ${focus} of what it hears comes from the agent asked for`;
  return `${title}: ${score(last.map((row) => row.success))} right${where}.`;
}
