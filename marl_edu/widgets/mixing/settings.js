// What a reader chooses, and where: the settings, their names, the figure's elements, and what it says.

import { ACTIONS, number, readTable, writeTable } from "../payoff/state.js";
import { CURVES } from "../shared/curves.js";
import { controls, escape } from "../shared/kit.js";
import { accepted, complaintOf } from "../shared/settings.js";

/** @import { Report } from "../shared/engine.js" */
/** @import { Belief, Choice } from "./training.js" */

/**
 * `payoff`: a word, "8,-12,-12;-12,0,0;-12,0,0".
 * @typedef {{ payoff: string, method: string, beside: string, explore: string, weight: number,
 *   lr: number, seed: number, band: string }} Settings
 */
/** What each setting but the payoffs may be, in Python's words. @typedef {Record<string, (string | number)[]>} Accepts */

/** @type {Record<string, string>} */
export const NAMES = {
  iql: "IQL",
  vdn: "VDN",
  qmix: "QMIX",
  owqmix: "OW-QMIX",
  nothing: "nothing",
  all: "all actions alike",
  less: "less and less",
  one: "this seed",
  five: "seeds 1 to 5, as a band",
};
/** As in marl_edu.plots.style. @type {Record<string, string>} */
export const TONES = {
  iql: "var(--mx-iql)",
  vdn: "var(--mx-vdn)",
  qmix: "var(--mx-qmix)",
  owqmix: "var(--mx-owqmix)",
};

/** A table that is as wide as high, or null. @param {unknown} word */
export function readGame(word) {
  const table = readTable(word);
  return table && table.length === table[0].length ? table : null;
}

/**
 * Settings as they are accepted, and what is to be said of those that are not.
 * @param {Record<string, unknown>} wanted @param {Settings} kept @param {Accepts} accepts
 */
export function choose(wanted, kept, accepts) {
  const { settings, refused } = accepted(wanted, kept, accepts);
  const table = readGame(wanted.payoff);
  if (table) settings.payoff = writeTable(table);
  else {
    const word = String(wanted.payoff).slice(0, 30);
    refused.push(
      `payoff “${word}” (it takes two or three rows of as many whole numbers in -99 to 99; kept: ${kept.payoff})`,
    );
  }
  if (settings.beside === settings.method) settings.beside = "nothing"; // it would be the same run
  return { settings, sentence: complaintOf(refused) };
}

/**
 * @param {Accepts} accepts @param {[string, string][]} games name and payoffs
 * @param {{ look: string, hint: string }} texts
 */
export function markup(accepts, games, { look, hint }) {
  const { button, select } = controls("ml");
  /** @param {string} name @param {string} label */
  const pick = (name, label) =>
    select(
      name,
      label,
      accepts[name].map((one) => [one, NAMES[one] ?? number(Number(one))]),
    );
  const options = games.map(([name, payoff]) => /** @type {[string, string]} */ ([payoff, name]));
  return `<div class="ml mx" role="group" aria-label="Live figure: a game that is learned" style="${look}">
    <div class="ml-stage">
      <div class="ml-scene">
        <svg class="ml-curves" viewBox="${CURVES}" role="img" font-family="system-ui,sans-serif" font-size="13"></svg>
      </div>
      <div class="ml-front">
        <div class="ml-buttons">${button("play", "Train")}${button("step", "Step")}${button("reset", "Reset")}</div>
        <p class="ml-status" aria-hidden="true"></p>
        ${select("game", "Game", [...options, ["", "your own"]])}
        ${pick("method", "The team learns by")}
        ${pick("beside", "Beside it")}
        <p class="ml-try"><strong>Try this:</strong> ${escape(hint)}</p>
      </div>
    </div>
    <div class="ml-maps">
      <table class="ml-map mx-payoffs"></table>
      <table class="ml-map mx-belief"></table>
      <table class="ml-map mx-belief"></table>
      <p class="ml-note">Agent 0 chooses the row, agent 1 the column. Type other payoffs, −99 to 99. A ring: the best payoff.
        A frame: what the greedy team plays. Independent learners value no pairs: their numbers stand beside the actions.</p>
    </div>
    <details class="ml-more">
      <summary>More: exploration, OW-QMIX’s weight, learning rate, seeds</summary>
      <div class="ml-stage">
        <div class="ml-fields">${pick("explore", "They try")}${pick("weight", "OW-QMIX’s weight")}${pick("lr", "Learning rate")}</div>
        <div class="ml-fields">${pick("seed", "Seed")}${pick("band", "Runs")}</div>
      </div>
      <p class="ml-note">Less and less: actions at random become rarer during the first half of the run, down to 2 %.
        Whatever you change starts a new run.</p>
    </details>
    <p class="ml-hidden" role="status"></p>
  </div>`;
}

/** A number or a range. @param {number[]} found */
function range(found) {
  const [low, high] = [Math.min(...found), Math.max(...found)];
  return low === high ? number(low) : `${number(low)} to ${number(high)}`;
}

/**
 * What there is to say of a team.
 * @param {Choice[]} choices @param {Report["runs"]} own of each choice its run
 * @param {Belief} belief of the first
 */
export function sentenceOf(choices, own, { utilities, table, greedy: [a, b] }) {
  const title = NAMES[choices[0].method];
  const wrong = own.findIndex((run) => run.diverged);
  if (wrong >= 0) {
    return `${title} has diverged (seed ${choices[wrong].seed}): its gradient is no number any more. Choose a smaller learning rate and train again.`;
  }
  if (!own[0].updates) return `${title}: not trained yet.`;
  const expects = table
    ? number(table[a][b])
    : `${number(utilities[0][a])} and ${number(utilities[1][b])}`;
  const got = own.flatMap((run) => run.rows.slice(-1).map((row) => row.got));
  const seeds = own.length > 1 && got.length ? ` Seeds 1 to 5 get ${range(got)}.` : "";
  return `${title} plays ${ACTIONS[a]} with ${ACTIONS[b]}: expects ${expects}, gets ${number(choices[0].payoff[a][b])}.${seeds}`;
}
