// The elements of the live junction: built once per road map, then brought up to date.

import { CELL, cellStyle, controls, each, escape, fill, find } from "../shared/kit.js";
import { arrowShape, carShape, crashShape, places, wayShape } from "./drawing.js";
import { BRAKE, cellOf } from "./env.js";
import { scoreText } from "./words.js";

/** @import { Input } from "../shared/kit.js" */
/** @import { Spot } from "./drawing.js" */
/** @import { RoadMap } from "./env.js" */
/** @import { Moment } from "./episode.js" */
/** @import { Policy } from "./network.js" */
/** @import { Score } from "./words.js" */

/**
 * What the figure shows: its traits, and what only the page knows.
 * @typedef {object} State
 * @property {string} team @property {string} difficulty
 * @property {number} seed @property {number} episode @property {number} step
 * @property {number | null} selected @property {number} arrival @property {number[]} muted
 * @property {boolean} playing @property {string} changes
 * @property {number} speed @property {string} head @property {number | null} hover
 */
/**
 * @typedef {object} Scene
 * @property {State} state @property {RoadMap} map @property {Moment} now @property {Policy} net
 * @property {number[][]} weights the attention that is shown
 * @property {number | null} shown the car whose messages are shown
 * @property {string} words @property {boolean} still without motion
 * @property {number | undefined} left episodes that are still played at once
 * @property {(team: string) => Score} score
 */
/** @typedef {ReturnType<typeof build>} Parts */

const SVG = "http://www.w3.org/2000/svg";
export const AT_ONCE = 100; // episodes

const LEGEND = [
  [carShape("", { dx: 1, dy: 0 }, false), "drives on"],
  [carShape("", { dx: 1, dy: 0 }, true), "waits"],
  [carShape("", { dx: 0, dy: 0 }, false, true), "muted"],
  [
    arrowShape({ x: -36, y: 10 }, { x: 36, y: 10 }, 0.4, true, 0),
    "message, wide if much attended to",
  ],
];

/** @param {number} i */
const chip = (i) =>
  `<span class="mj-chip" style="--fill:var(--a${i % 8});--text:var(--t${i % 8})">${i}</span>`;

/**
 * Puts the figure of a road map into el. Its parts, by name.
 * @param {HTMLElement} el @param {RoadMap} map @param {Record<string, Record<string, Policy>>} policies
 * @param {State} state @param {{ look: string, hint: string }} texts
 */
export function build(el, map, policies, state, { look, hint }) {
  const old = el.contains(document.activeElement)
    ? /** @type {HTMLElement} */ (document.activeElement).dataset
    : {};
  const open = el.querySelector("details")?.open;
  const { button, group, input, radio, select, slider } = controls("mj");
  const slots = [...Array(map.cars).keys()];
  const side = map.side * CELL;
  const teams = Object.entries(policies[state.difficulty]);
  const most = Math.max(...teams.map(([, policy]) => policy.heads));
  const mutes = each(slots, (i) => {
    return `<label>${input("mute", `type="checkbox" value="${i}"`)}${chip(i)}</label>`;
  });
  const listeners = each(slots, (i) => `<label>${radio("listener", `${i}`)}${chip(i)}</label>`);
  const choices = each(teams, ([team, { label }]) => {
    return `<label>${radio("team", team)}<span>${escape(label)}</span>
      <span class="mj-value" data-tally="${escape(team)}"></span></label>`;
  });

  // What a reader watches and touches first fits on a phone's screen; the rest is below.
  el.innerHTML = `<div class="mj" role="group" aria-label="Live figure: a junction" style="${look}">
    <div class="mj-stage">
      <div class="mj-scene">
        <svg class="mj-picture" viewBox="0 0 ${side} ${side}" role="img">${map.background}
          <text class="mj-clock" x="${side / 24}" y="${side / 12}" font-size="${side / 22}"></text>
          <g class="mj-count" text-anchor="end" font-size="${side / 22}">
            <text x="${(side * 23) / 24}" y="${side / 12}"></text>
            <text x="${(side * 23) / 24}" y="${side / 7}"></text>
          </g>
          <g class="mj-ways"></g><g class="mj-arrows"></g><g class="mj-discs"></g><g class="mj-marks"></g>
        </svg>
      </div>
      <div class="mj-front">
        <div class="mj-buttons">${button("play", "Play")}${button("forth", "Step")}${button("reset", "Reset")}</div>
        ${group("mute", "Mute, from this step on", `${mutes}<label>${input("everyone", 'type="checkbox"')}all</label>`)}
        <p class="mj-try"><strong>Try this:</strong> ${escape(hint)}</p>
        <p class="mj-status" aria-hidden="true"></p>
        <p class="mj-score"></p>
        ${group("team", "Team", choices)}
      </div>
    </div>
    <details class="mj-more"${open ? " open" : ""}>
      <summary>More: who listens to whom, other traffic, 100 episodes at once</summary>
      <div class="mj-stage">
        <div class="mj-side">
          <div class="mj-scroll"><table class="mj-map" style="--n:${map.cars}">
            <caption></caption>
            <thead><tr><td></td>${each(slots, (j) => `<th scope="col">${chip(j)}</th>`)}</tr></thead>
            <tbody>${each(
              slots,
              (i) => `<tr><th scope="row">${chip(i)}</th>${"<td></td>".repeat(map.cars)}</tr>`,
            )}</tbody>
          </table></div>
          <ul class="mj-legend">${each(
            LEGEND,
            ([shape, what]) =>
              `<li><svg viewBox="-22 -18 44 36" aria-hidden="true">${shape}</svg>${what}</li>`,
          )}</ul>
        </div>
        <div class="mj-controls">
          <div class="mj-buttons">${button("back", "Back")}${button("next", "Next episode")}${button("many", "")}</div>
          ${slider("step", "Step", 0, map.steps)}
          ${slider("speed", "Speed", 0.5, 8, 0.5)}
          ${slider("arrival", "Arrivals", 0, 1, 0.05)}
          ${group("listener", "Show what was heard by", `${listeners}<label>${radio("listener", "all")}all</label>`)}
          <div ${most > 1 ? "" : "hidden"}>${select("head", "Head", [
            ["mean", "mean of all"],
            ...Array.from({ length: most }, (_, k) => /** @type {[number, number]} */ ([k, k + 1])),
          ])}</div>
          ${group(
            "difficulty",
            "Junction",
            each(Object.keys(policies), (d) => `<label>${radio("difficulty", d)}${d}</label>`),
          )}
          <p class="mj-measured"></p>
        </div>
      </div>
    </details>
    <p class="mj-hidden" role="status"></p>
  </div>`;

  // Whoever changed the junction stays where they were.
  if (old.do) find(el, `[data-do="${old.do}"]`).focus();
  if (old.name === "difficulty") find(el, `[value="${state.difficulty}"]`).focus();

  const all = (/** @type {string} */ selector) => [
    .../** @type {NodeListOf<HTMLElement>} */ (el.querySelectorAll(selector)),
  ];
  const part = (/** @type {string} */ name) => find(el, `.mj-${name}`);
  const buttons = /** @type {HTMLButtonElement[]} */ (all("[data-do]"));
  return {
    built: state.difficulty,
    picture: part("picture"),
    clock: part("clock"),
    count: all(".mj-count text"),
    ways: part("ways"),
    arrows: part("arrows"),
    discs: part("discs"),
    marks: part("marks"),
    score: part("score"),
    status: part("status"),
    measured: part("measured"),
    live: find(el, "[role=status]"),
    title: find(el, "caption"),
    buttons: Object.fromEntries(buttons.map((one) => [one.dataset.do, one])),
    cells: all(".mj-map tbody tr").map((row) => Array.from(row.querySelectorAll("td"))),
    groups: slots.map(() => /** @type {SVGGElement | null} */ (null)),
    inputs: /** @type {Input[]} */ (all("[data-name]")),
    values: Object.fromEntries(all("[data-value]").map((one) => [one.dataset.value, one])),
    tallies: all("[data-tally]"),
  };
}

/**
 * Moves the cars to where they are now.
 * @param {Parts} parts @param {Scene} scene @param {(Spot | null)[]} spots
 */
function paintCars(parts, { state, now, shown }, spots) {
  const { env, actions, crashed } = now;
  spots.forEach((spot, i) => {
    const life = `${state.seed}.${state.episode}.${env.t - env.wait[i]}`;
    let group = parts.groups[i];
    if (group && !(spot && group.dataset.life === life)) {
      group.remove();
      group = parts.groups[i] = null;
    }
    if (!spot) return;
    group ??= parts.discs.appendChild(document.createElementNS(SVG, "g"));
    parts.groups[i] = group;
    Object.assign(group.dataset, { slot: i, life });
    group.setAttribute("class", "mj-car");
    group.style.transform = `translate(${spot.x}px,${spot.y}px)`;
    const muted = state.muted.includes(i);
    fill(group, carShape(i, spot, actions[i] === BRAKE, muted, shown === i, crashed[i]));
  });
}

/** @param {Parts} parts @param {Scene} scene */
function paintMap(parts, { state, now, net, weights, shown }) {
  const { heads, rounds } = net;
  const head = Number(state.head);
  const title = ["Who listens (row) to whom (column): attention in %"];
  if (heads > 1) {
    title.push(head < heads ? `head ${head + 1} of ${heads}` : `mean of ${heads} heads`);
  }
  if (rounds > 1) title.push(`round ${rounds}`);
  parts.title.textContent = `${title.join(", ")}. A map is a hypothesis: mute the car and see.`;
  weights.forEach((row, i) =>
    row.forEach((weight, j) => {
      const cell = parts.cells[i][j];
      const on = now.env.alive[i] && now.env.alive[j];
      const number = weight ? `${Math.round(100 * weight)}` : "·";
      cell.textContent = on ? number : "";
      Object.assign(cell.style, on ? cellStyle(weight) : { background: "", color: "" });
      cell.classList.toggle("mj-row", shown === i);
    }),
  );
}

/** @param {Parts} parts @param {Scene} scene */
function paintControls(parts, { state, map, net, left }) {
  const { play, back, forth, many } = parts.buttons;
  play.textContent = state.playing ? "Pause" : "Play";
  back.disabled = state.step === 0;
  forth.disabled = state.step >= map.steps;
  many.textContent = left ? `Stop, ${left} to go` : `Play ${AT_ONCE} at once`;
  /** @type {Record<string, string>} */
  const values = {
    step: `${state.step} of ${map.steps}, episode ${state.episode + 1}`,
    speed: `${state.speed} step${state.speed === 1 ? "" : "s"} a second`,
    arrival: `${state.arrival.toFixed(2)} per entry and step`,
  };
  /** @type {Record<string, unknown>} */
  const chosen = { ...state, listener: state.selected ?? "all" };
  for (const one of parts.inputs) {
    const name = one.dataset.name ?? "";
    if (!(one instanceof HTMLInputElement) || one.type === "range") one.value = `${chosen[name]}`;
    else if (name === "mute") one.checked = state.muted.includes(Number(one.value));
    else if (name === "everyone") one.checked = state.muted.length === map.cars;
    else one.checked = one.value === `${chosen[name]}`;
    if (name === "head") one.disabled = net.heads === 1;
    if (!values[name]) continue;
    one.setAttribute("aria-valuetext", values[name]);
    parts.values[name].textContent = values[name];
  }
}

/**
 * Brings every element up to date. glides: the cars move there instead of jumping.
 * @param {Parts} parts @param {Scene} scene @param {boolean} glides
 */
export function paint(parts, scene, glides) {
  const { state, map, now, net, weights, shown, words, still, score } = scene;
  const spots = places(map, now.env);
  parts.picture.style.setProperty("--pace", `${still ? 0 : Math.min(0.4, 0.5 / state.speed)}s`);
  parts.picture.classList.toggle("mj-jump", !glides);
  parts.clock.textContent = `step ${state.step} of ${map.steps}`;
  paintCars(parts, scene, spots);
  fill(parts.ways, shown === null ? "" : wayShape(map, now.env, shown));
  const arrows = weights.flatMap((row, i) =>
    row.map((weight, j) => {
      const [from, to] = [spots[j], spots[i]];
      if (!weight || i === j || !from || !to || (shown !== null && shown !== i)) return "";
      return arrowShape(from, to, weight, shown !== null, 6 + map.side);
    }),
  );
  fill(parts.arrows, arrows.join(""));
  const crashed = [...now.env.collided.keys()].filter((i) => now.env.collided[i]);
  const cells = new Set(crashed.map((i) => cellOf(map, now.env, i)));
  fill(
    parts.marks,
    each([...cells], (cell) => crashShape(map, cell)),
  );
  paintMap(parts, scene);

  parts.status.textContent = words;
  parts.picture.setAttribute("aria-label", `Step ${state.step} of ${map.steps}. ${words}`);
  const played = score(state.team);
  parts.score.textContent = scoreText(played);
  parts.count[0].textContent = played.all ? `${played.good} of ${played.all}` : "";
  parts.count[1].textContent = played.all ? "without a crash" : "";
  const { label, measured } = net;
  const many = measured?.episodes.toLocaleString("en");
  parts.measured.textContent = measured
    ? `${label}, unmuted, arrivals ${map.arrival.toFixed(2)}: no crash in
      ${(100 * measured.success).toFixed(1)}\u00a0% of ${many} test episodes`
    : "";
  for (const one of parts.tallies) {
    const { good, all } = score(one.dataset.tally ?? "");
    one.textContent = all ? `${good} of ${all} without a crash` : "not played";
  }
  paintControls(parts, scene);
}
