// The figure in which a game is learned: choose payoffs and methods, train, see what they believe.

import { ACTIONS, number, writeTable } from "../payoff/state.js";
import { curvesShape } from "../shared/curves.js";
import { agentDisc, announcer, argmax, cellStyle, clamp, each, fill } from "../shared/kit.js";
import { find, follow, keepKeys, target, tell } from "../shared/kit.js";
import { Runs } from "../shared/runs.js";
import { Agents, agentShapes, gather, Mixer, N, Net, pairsOf, SEEN } from "./network.js";
import { shapesOf, STATE, Sum, Unrestricted } from "./network.js";
import { choose, sentenceOf, markup, NAMES, readGame, TONES } from "./settings.js";
import { Learner, Team } from "./training.js";

/** @import { Input, Place } from "../shared/kit.js" */
/** @import { Accepts, Settings } from "./settings.js" */
/** @import { Belief, Choice, Setup } from "./training.js" */

export const FIGURE = "mixing";
// What a link to it holds: how it trains.
export const LINKED = ["payoff", "method", "beside", "explore", "weight", "lr", "seed", "band"];

const SEEDS = [1, 2, 3, 4, 5];
const PACE = 15; // updates from picture to picture: a run takes ten seconds to see
const LARGEST_PAYOFF = 99; // on either side of 0

/** What a worker needs of this figure. */
const PARTS_OF_GAMES = {
  argmax,
  N,
  SEEN,
  STATE,
  agentShapes,
  shapesOf,
  Agents,
  Sum,
  Mixer,
  Unrestricted,
  pairsOf,
  gather,
  Net,
  Team,
  Learner,
};

/** Who chooses the row and who the column. */
const CHOOSERS = `<td><svg viewBox="0 0 40 40" role="img" aria-label="agent 0 chooses the row, agent 1 the column">
    <g transform="translate(12 28)">${agentDisc(0, 9)}</g>
    <g transform="translate(28 12)">${agentDisc(1, 9)}</g></svg></td>`;

/**
 * A table of pairs. @param {number[][]} payoff @param {string} caption
 * @param {(a: number, b: number) => string} cell
 * @param {(agent: number, action: number) => string} beside an action
 */
function pairsTable(payoff, caption, cell, beside) {
  const head = each(payoff, (_, b) => `<th scope="col">${ACTIONS[b]}${beside(1, b)}</th>`);
  const row = (/** @type {number[]} */ _, /** @type {number} */ a) =>
    `<tr><th scope="row">${ACTIONS[a]}${beside(0, a)}</th>${each(payoff, (__, b) => cell(a, b))}</tr>`;
  return `<caption>${caption}</caption><thead><tr>${CHOOSERS}${head}</tr></thead><tbody>${each(payoff, row)}</tbody>`;
}

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  /** @type {Setup} */
  const setup = model.get("setup");
  /** @type {Accepts} */
  const accepts = model.get("accepts");
  /** @type {[string, string][]} */
  const games = model.get("games");
  /** @type {Settings} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  /** @type {Settings} */
  let settings = first;
  /** @type {number[][]} */
  let payoff = [];
  let complaint = "";
  /** @type {{ method: string, choices: Choice[], shown: Team }[]} */
  let teams = [];
  const runs = new Runs(PARTS_OF_GAMES, Learner, setup, heard, PACE);

  el.innerHTML = markup(accepts, games, { look: model.get("look"), hint: model.get("hint") });
  const [curves, status, payoffs] = [".ml-curves", ".ml-status", ".mx-payoffs"].map((name) =>
    find(el, name),
  );
  const beliefs = /** @type {HTMLElement[]} */ ([...el.querySelectorAll(".mx-belief")]);
  const act = (/** @type {string} */ name) =>
    /** @type {HTMLButtonElement} */ (find(el, `[data-do=${name}]`));
  const input = (/** @type {string} */ name) =>
    /** @type {Input} */ (find(el, `[data-name=${name}]`));
  const { say, hush } = announcer(() => find(el, "[role=status]"));

  // -- Runs ----------------------------------------------------------------------------------------

  /** Begin with other settings: nothing is trained yet. @param {Settings} wanted */
  function start(wanted) {
    settings = wanted;
    payoff = readGame(settings.payoff) ?? [];
    const { method, beside, explore, weight, lr } = settings;
    const seeds = settings.band === "five" ? SEEDS : [settings.seed];
    teams = [method, ...(beside === "nothing" ? [] : [beside])].map((one) => {
      const choices = seeds.map((seed) => ({ method: one, payoff, explore, weight, lr, seed }));
      return { method: one, choices, shown: new Team(setup, choices[0]) };
    });
    runs.begin(teams.flatMap((team) => team.choices));
    paintPayoffs();
    paintControls();
    paint();
    tell(model, { ...settings, playing: false });
  }

  /** @param {number} updates after which all runs stop */
  function go(updates) {
    runs.go(updates);
    model.set("playing", true);
    paint();
  }

  function heard() {
    runs.show(teams);
    if (!runs.working) tell(model, { playing: false });
    paint();
  }

  // -- Drawing -------------------------------------------------------------------------------------

  function paint() {
    const flat = payoff.flat();
    const [low, high] = [Math.min(...flat), Math.max(...flat)];
    const random = flat.reduce((a, b) => a + b, 0) / flat.length;
    const count = teams[0].choices.length;
    const own = (/** @type {number} */ t) => runs.all.slice(t * count, (t + 1) * count);
    const { done, end } = runs;
    const lines = teams.map(({ method }, t) => ({
      name: NAMES[method],
      tone: TONES[method],
      rows: own(t).map((run) => run.rows),
      dashes: t ? "8 8" : "", // where both get the same, both are seen
    }));
    fill(
      curves,
      curvesShape(lines, {
        of: "got",
        end,
        steps: setup.train_freq / N,
        marks: low < 0 && high > 0 ? [low, 0, high] : [low, high],
        best: [high, `best possible ${number(high)}`],
        trivial: [random, `random ${number(random)}`],
        say: number,
      }),
    );
    const found = teams.map(({ shown }) => shown.belief());
    const text = [
      complaint,
      `After ${done.toLocaleString("en")} of ${end.toLocaleString("en")} updates.`,
      runs.invitation === "Train on" ? `Train on adds ${setup.updates.toLocaleString("en")}.` : "",
      ...teams.map(({ choices }, t) => sentenceOf(choices, own(t), found[t])),
      `Best possible ${number(high)}, random ${number(random)}.`,
    ]
      .filter(Boolean)
      .join(" ");
    status.textContent = text;
    curves.setAttribute("aria-label", `What the greedy team gets while it trains. ${text}`);
    if (!runs.working) say(text);
    act("play").textContent = runs.invitation;
    act("step").disabled = runs.working && runs.goal > done + 1; // a single step keeps the focus
    beliefs.forEach((table, t) => {
      table.hidden = t >= teams.length;
      if (!table.hidden) fill(table, beliefTable(teams[t].method, found[t]));
    });
  }

  /** How a cell looks: on a scale that all tables share. @param {number} a @param {number} b @param {number} x */
  function looks(a, b, x) {
    const flat = payoff.flat();
    const [low, high] = [Math.min(...flat), Math.max(...flat)];
    const { background, color } = cellStyle(high > low ? (x - low) / (high - low) : 0.5);
    const best = payoff[a][b] === high ? "mx-best" : "";
    return { best, background, color };
  }

  /** @param {string} method @param {Belief} belief */
  function beliefTable(method, { utilities, table, greedy }) {
    const beside = (/** @type {number} */ agent, /** @type {number} */ action) =>
      table ? "" : ` <span class="mx-own">${number(utilities[agent][action])}</span>`;
    return pairsTable(
      payoff,
      `${NAMES[method]} believes`,
      (a, b) => {
        const played = greedy[0] === a && greedy[1] === b ? "mx-played" : "";
        // Nothing to show: independent learners, or numbers that are none any more.
        if (!table || !Number.isFinite(table[a][b])) return `<td class="${played}"></td>`;
        const { best, background, color } = looks(a, b, table[a][b]);
        return `<td class="${best} ${played}" style="background:${background};color:${color}">${table[a][b].toFixed(1).replace("-", "−")}</td>`;
      },
      beside,
    );
  }

  /** In place, since what is typed into one cell is done when the next has the focus. */
  function paintPayoffs() {
    const cell = (/** @type {number} */ a, /** @type {number} */ b) =>
      `<td><input type="number" min="-${LARGEST_PAYOFF}" max="${LARGEST_PAYOFF}" step="1"
        data-pair="${a},${b}" aria-label="payoff of ${ACTIONS[a]} with ${ACTIONS[b]}"></td>`;
    fill(
      payoffs,
      pairsTable(payoff, "Payoffs, to change", cell, () => ""),
    );
    for (const one of payoffs.querySelectorAll("input")) {
      const [a, b] = (one.dataset.pair ?? "").split(",").map(Number);
      const place = /** @type {HTMLElement} */ (one.parentElement);
      const { best, background, color } = looks(a, b, payoff[a][b]);
      place.className = best;
      Object.assign(place.style, { background, color });
      one.value = String(payoff[a][b]);
    }
  }

  function paintControls() {
    for (const name of LINKED.slice(1)) {
      input(name).value = String(settings[/** @type {keyof Settings} */ (name)]);
    }
    const known = games.some(([, word]) => word === settings.payoff);
    input("game").value = known ? settings.payoff : "";
    input("seed").disabled = settings.band === "five";
    input("weight").disabled = teams.every(({ method }) => method !== "owqmix");
  }

  // -- Controls ------------------------------------------------------------------------------------

  /** @param {Record<string, unknown>} change */
  const change = (change) => start(choose({ ...settings, ...change }, settings, accepts).settings);

  /** @type {Record<string, () => void>} */
  const BUTTONS = {
    play() {
      complaint = "";
      if (runs.working) return runs.pause();
      if (runs.over) start(settings); // the same again
      go(runs.next);
    },
    step() {
      go(runs.done + 1);
    },
    reset() {
      complaint = "";
      start(first);
    },
  };
  el.addEventListener("click", (event) => BUTTONS[target(event).dataset.do ?? ""]?.());
  el.addEventListener("change", (event) => {
    const { dataset, value } = target(event);
    complaint = "";
    if (dataset.pair) {
      const [a, b] = dataset.pair.split(",").map(Number);
      const table = payoff.map((row) => row.slice());
      table[a][b] = clamp(value, -LARGEST_PAYOFF, LARGEST_PAYOFF);
      change({ payoff: writeTable(table) });
    } else if (dataset.name === "game") change({ payoff: value || settings.payoff });
    else if (dataset.name) change({ [dataset.name]: value });
  });

  // -- Beginning and end ---------------------------------------------------------------------------

  /** Python, or a link, asks for other settings. */
  function outside() {
    const wanted = Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
    const { settings: found, sentence } = choose(wanted, settings, accepts);
    if (!sentence && JSON.stringify(found) === JSON.stringify(settings)) return;
    complaint = sentence;
    start(found);
  }
  start(first);
  outside();
  const unfollow = follow(model, LINKED, () => setTimeout(outside));
  return () => {
    hush();
    unfollow();
    runs.dismiss();
  };
}
