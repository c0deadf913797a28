// The live payoffs: change what a pair of actions pays, and see what VDN and QMIX make of it.

import { agentDisc, announcer, cellStyle, clamp, controls, each } from "../shared/kit.js";
import { find, follow, keepKeys, target, tell } from "../shared/kit.js";
import { ACTIONS, compute, describe, LARGEST, LOWEST, nameOf, number, plays } from "./state.js";
import { readState, readTable, writeState, writeTable } from "./state.js";

/** @import { Place } from "../shared/kit.js" */
/** @import { Fit, Table } from "./fits.js" */
/** @import { Moment, State, Traits } from "./state.js" */

export const FIGURE = "payoff";
// What a link to a moment of it holds: all of it.
export const LINKED = ["payoff", "weight", "qmix"];

/** Who chooses the row and who the column, as where the games are drawn. */
const CORNER = `<td><svg viewBox="0 0 40 40" role="img" aria-label="agent 0 chooses the row, agent 1 the column">
    <g transform="translate(12 28)">${agentDisc(0, 9)}</g>
    <g transform="translate(28 12)">${agentDisc(1, 9)}</g></svg></td>`;

const WHOSE = `Payoffs <span class="mp-value">0 chooses the row, 1 the column</span>`;

/** A table of pairs. @param {Table} payoff @param {string} caption @param {(a: number, b: number) => string} cell */
function tableOf(payoff, caption, cell) {
  const head = each(payoff[0], (_, b) => `<th scope="col">${ACTIONS[b]}</th>`);
  const row = (/** @type {number[]} */ numbers, /** @type {number} */ a) =>
    `<tr><th scope="row">${ACTIONS[a]}</th>${each(numbers, (_, b) => cell(a, b))}</tr>`;
  return `<caption>${caption}</caption><thead><tr>${CORNER}${head}</tr></thead>
    <tbody>${each(payoff, row)}</tbody>`;
}

/** @param {[string, string, string][]} games name, payoffs, hint @param {string} look */
function markup(games, look) {
  const { button, group, input, radio, select, slider } = controls("mp");
  const options = games.map(([name, payoff]) => /** @type {[string, string]} */ ([payoff, name]));
  return `<div class="mp" role="group" aria-label="Live figure: payoffs and their best fits" style="${look}">
    <div class="mp-stage">
      <div class="mp-scene">
        <div class="mp-buttons">${select("game", "Game", [...options, ["", "your own"]])}${button("reset", "Reset")}</div>
        <table class="mp-payoffs"></table>
        <div class="mp-buttons">${button("lower", "−1")}${button("raise", "+1")}<span class="mp-chosen"></span></div>
        ${slider("weight", "Weight of overestimates", LOWEST, 100, 5)}
      </div>
      <div class="mp-front">
        <div class="mp-fits">
          <figure><table data-fit="vdn"></table><figcaption></figcaption></figure>
          <figure><table data-fit="qmix"></table><figcaption></figcaption></figure>
        </div>
        <p class="mp-note">A ring: the best payoff. A frame: what is played. Dashed: what −1 and +1 change.</p>
        <p class="mp-try"><strong>Try this:</strong> <span></span></p>
      </div>
    </div>
    <details class="mp-more">
      <summary>More: QMIX’s fit, single payoffs, errors</summary>
      <div class="mp-stage">
        <div class="mp-front">
          ${group(
            "qmix",
            "QMIX’s fit",
            `<label>${radio("qmix", "reached")} where training ends</label>
             <label>${radio("qmix", "best")} the best of all orders</label>`,
          )}
          <label>${input("together", 'type="checkbox" checked')} equal payoffs change together</label>
          <p class="mp-errors"></p>
        </div>
        <div class="mp-front">
          <p class="mp-note">All pairs were tried equally often. VDN adds a number per action: row mean plus column
            mean, less the mean of all. QMIX may say any table that rises along an order of each agent’s actions.
            Training begins with the order of the actions’ averages, and keeps to it unless the fit leaves it open.
            QMIX’s own mixer has one layer and can say less: it ends at this fit in QTRAN’s and the two-step game, and
            in others often at a worse one, though mostly with the same play.</p>
          <p class="mp-note">A weight below 1 makes it OW-QMIX: a fit that is too high costs less than a fit that is
            too low.</p>
        </div>
      </div>
    </details>
    <p class="mp-hidden" role="status"></p>
  </div>`;
}

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  /** @type {[string, string, string][]} */
  const games = model.get("games");
  /** @type {Traits} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  /** @type {State} */
  let state;
  /** @type {number[][]} */
  let chosen = []; // the pairs that are changed, first the one that was selected
  let shape = ""; // of the table that stands there

  let [[, , hint]] = games; // of the game that was shown last

  el.innerHTML = markup(games, model.get("look"));
  const part = (/** @type {string} */ selector) => find(el, selector);
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (part(`[data-name=${name}]`));
  const payoffs = part(".mp-payoffs");
  const { say, hush } = announcer(() => part("[role=status]"));

  // -- State ---------------------------------------------------------------------------------------

  /** @param {Partial<State>} patch */
  function set(patch) {
    state = { ...state, ...patch };
    paint(compute(state));
    tell(model, writeState(state));
  }

  /** Select a pair, and those that pay the same. @param {number} a @param {number} b */
  function choose(a, b) {
    const { payoff } = state;
    const equal = payoff.flatMap((row, i) => row.map((_, j) => [i, j]));
    const others = equal.filter(([i, j]) => payoff[i][j] === payoff[a][b] && (i !== a || j !== b));
    chosen = [[a, b], ...(field("together").checked ? others : [])];
  }

  /** Another table, of which the second pair is selected. @param {State} next */
  function start(next) {
    state = next;
    choose(0, 1);
    set({});
  }

  /** What the selected pairs pay from now on. @param {unknown} wanted */
  function pay(wanted) {
    const value = clamp(wanted, -LARGEST, LARGEST);
    const payoff = state.payoff.map((row) => [...row]);
    for (const [a, b] of chosen) payoff[a][b] = value;
    set({ payoff });
  }

  // -- Controls ------------------------------------------------------------------------------------

  /** The pair whose payoff an event is about. @param {Event} event */
  const pairOf = (event) => (target(event).dataset.pair ?? "").split(",").map(Number);
  payoffs.addEventListener("focusin", (event) => {
    const [a, b] = pairOf(event);
    choose(a, b);
    set({});
  });
  payoffs.addEventListener("input", (event) => {
    if (target(event).validity.valid && target(event).value !== "") pay(target(event).value);
  });
  payoffs.addEventListener("change", () => set({})); // so that it says what counts
  el.addEventListener("click", (event) => {
    const [[a, b]] = chosen;
    const by = { lower: -1, raise: 1 }[target(event).dataset.do ?? ""];
    if (by) pay(state.payoff[a][b] + by);
    if (target(event).dataset.do === "reset") start(readState(first, first));
  });
  el.addEventListener("input", (event) => {
    const { name } = target(event).dataset;
    const { value } = target(event);
    if (name === "weight") set({ weight: Number(value) });
    if (name === "qmix") set({ qmix: value });
    if (name === "game" && value) start({ ...state, payoff: readTable(value) ?? state.payoff });
    if (name === "together") {
      choose(chosen[0][0], chosen[0][1]);
      set({});
    }
  });

  // -- Drawing -------------------------------------------------------------------------------------

  /** @param {Moment} now */
  function paint(now) {
    const { payoff, weight, qmix } = state;
    const size = `${payoff.length} ${payoff[0].length}`;
    if (shape !== size) {
      shape = size;
      payoffs.innerHTML = tableOf(payoff, WHOSE, (a, b) => {
        const label = `Payoff of ${ACTIONS[a]} with ${ACTIONS[b]}`;
        return `<td><input type="number" min="${-LARGEST}" max="${LARGEST}" step="1" data-pair="${a},${b}"
          aria-label="${label}"><span></span></td>`;
      });
      const fits = /** @type {[string, string][]} */ ([
        ["vdn", "VDN’s fit"],
        ["qmix", ""],
      ]);
      for (const [name, caption] of fits) {
        const inside = (/** @type {number} */ a, /** @type {number} */ b) =>
          `<td data-at="${a},${b}"></td>`;
        part(`[data-fit=${name}]`).innerHTML = tableOf(payoff, caption, inside);
      }
    }
    for (const input of payoffs.querySelectorAll("input")) paintPayoff(input, now);
    paintFit("vdn", "VDN", now.vdn, now);
    paintFit("qmix", nameOf(state), now.qmix, now);
    paintControls(now);
    const words = describe(state, now);
    say(words);
    const word = writeTable(payoff);
    const known = games.find((game) => game[1] === word);
    field("game").value = known ? word : "";
    if (known) hint = known[2];
    part(".mp-try span").textContent = model.get("hint") || hint;
    field("weight").value = `${weight}`;
    for (const radio of el.querySelectorAll("input")) {
      if (radio.type === "radio") radio.checked = radio.value === qmix;
    }
  }

  /** @param {HTMLElement} cell @param {number} value @param {number} paid @param {Moment} now */
  function shadeCell(cell, value, paid, { best }) {
    const lowest = Math.min(...state.payoff.flat());
    const share = best > lowest ? (value - lowest) / (best - lowest) : 0.5;
    Object.assign(cell.style, cellStyle(share));
    cell.classList.toggle("mp-best", paid === best);
  }

  /** @param {HTMLInputElement} input @param {Moment} now */
  function paintPayoff(input, now) {
    const [a, b] = (input.dataset.pair ?? "").split(",").map(Number);
    const paid = state.payoff[a][b];
    const cell = /** @type {HTMLElement} */ (input.parentElement);
    if (input !== document.activeElement || Number(input.value) !== paid || input.value === "") {
      input.value = `${paid}`;
    }
    shadeCell(cell, paid, paid, now);
    cell.classList.toggle(
      "mp-chosen-pair",
      chosen.some(([i, j]) => i === a && j === b),
    );
    const played = (/** @type {Fit} */ { greedy: [rows, columns] }) =>
      rows.includes(a) && columns.includes(b);
    const tags = [played(now.vdn) ? "VDN" : "", played(now.qmix) ? "QMIX" : ""];
    find(cell, "span").textContent = tags.filter(Boolean).join(" ");
  }

  /** @param {string} which @param {string} name @param {Fit} fit @param {Moment} now */
  function paintFit(which, name, fit, now) {
    const table = part(`[data-fit=${which}]`);
    find(table, "caption").textContent = `${name}’s fit`;
    for (const cell of table.querySelectorAll("[data-at]")) {
      const one = /** @type {HTMLElement} */ (cell);
      const [a, b] = (one.dataset.at ?? "").split(",").map(Number);
      one.textContent = number(fit.table[a][b]);
      shadeCell(one, fit.table[a][b], state.payoff[a][b], now);
      one.classList.toggle("mp-played", fit.greedy[0].includes(a) && fit.greedy[1].includes(b));
    }
    const words = find(/** @type {ParentNode} */ (table.parentNode), "figcaption");
    words.textContent = `${name} ${plays(fit, state)}`;
  }

  /** @param {Moment} now */
  function paintControls({ vdn, qmix }) {
    const { payoff, weight } = state;
    const [[a, b], ...others] = chosen;
    const more = others.length ? ` and ${others.length} equal to it` : "";
    part(".mp-chosen").textContent = `${ACTIONS[a]} with ${ACTIONS[b]}${more}`;
    const value = `${number(weight / 100)}: ${nameOf(state)}`;
    part("[data-value=weight]").textContent = value;
    field("weight").setAttribute("aria-valuetext", value);
    for (const [name, by] of /** @type {[string, number][]} */ ([
      ["lower", -1],
      ["raise", 1],
    ])) {
      const button = /** @type {HTMLButtonElement} */ (part(`[data-do=${name}]`));
      button.disabled = Math.abs(payoff[a][b] + by) > LARGEST;
      button.setAttribute("aria-label", `${button.textContent}, ${part(".mp-chosen").textContent}`);
    }
    part(".mp-errors").textContent =
      `Errors: VDN ${number(vdn.error)}, ${nameOf(state)} ${number(qmix.error)}${weight < 100 ? " (weighted)" : ""}.`;
  }

  // -- Beginning and end ---------------------------------------------------------------------------

  const wanted = () => Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
  start(readState(wanted(), first));
  const unfollow = follow(model, LINKED, (key) => {
    if ((model.get(key) ?? "") !== writeState(state)[key]) start(readState(wanted(), first));
  });
  return () => {
    hush();
    unfollow();
  };
}
