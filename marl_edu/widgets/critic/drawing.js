// The grid with its predators, and values beside what followed: marl_edu.widgets.critic.figure.

import { agentDisc, CELL, each, fixed } from "../shared/kit.js";
import { number } from "./words.js";

/** @import { Hunt } from "./hunt.js" */

export const WIDE = 400;
export const HIGH = 170;
const [LEFT, RIGHT, TOP, FOOT] = [44, 294, 12, 136];
const LINE = 17; // height of a label

/** @param {Hunt} now @param {number} step */
export function grid({ task, cells, prey, steps }, step) {
  const { size } = task;
  const centre = (/** @type {number} */ k) => (k + 0.5) * CELL;
  const lines = Array.from({ length: size - 1 }, (_, k) => {
    const at = (k + 1) * CELL;
    return `M0 ${at}h${size * CELL}M${at} 0v${size * CELL}`;
  });
  const places = cells[Math.min(step, steps)];
  const discs = each(places, (cell, i) => {
    const here = places.flatMap((other, j) => (other === cell ? [j] : []));
    const across = here.length === 1 ? 1 : 2; // discs side by side in this cell
    const nth = here.indexOf(i);
    const middle = (across - 1) / 2;
    const x = centre((cell % size) + ((nth % across) - middle) / across);
    const y = centre(Math.floor(cell / size) + (Math.floor(nth / across) - middle) / across);
    return `<g transform="translate(${fixed(x)} ${fixed(y)})">${agentDisc(i, 15 / across)}</g>`;
  });
  return `<path d="${lines.join("")}" stroke="var(--line)" stroke-opacity=".35" fill="none"/>
    <circle cx="${fixed(centre(prey % size))}" cy="${fixed(centre(Math.floor(prey / size)))}" r="17"
      fill="none" stroke="var(--ink)" stroke-width="4"/>${discs}`;
}

/** Values and the return that followed, by step. @param {Hunt} now @param {number} step @param {number} agent @param {string} off letters */
export function chart(now, step, agent, off) {
  const { steps, task } = now;
  const lines = [
    { name: "followed", points: now.came[agent], colour: "ink", dash: "none" },
    { name: "critic", points: now.allOn[agent].slice(0, -1), colour: "a0", dash: "7 4" },
  ];
  if (off)
    lines.push({
      name: "switched",
      points: now.value[agent].slice(0, -1),
      colour: "a3",
      dash: "2 3",
    });
  const all = lines.flatMap(({ points }) => points);
  const [low, high] = [Math.min(-1, ...all), Math.max(0, ...all)];
  const x = (/** @type {number} */ t) => LEFT + ((RIGHT - LEFT) * t) / task.steps;
  const y = (/** @type {number} */ v) => TOP + ((FOOT - TOP) * (high - v)) / (high - low);
  const at = fixed(x(Math.min(step, steps)));
  const curves = each(
    lines,
    ({ points, colour, dash }) => `<path fill="none" stroke="var(--${colour})" stroke-width="2.5"
      stroke-dasharray="${dash}" d="M${points.map((v, t) => `${fixed(x(t))} ${fixed(y(v))}`).join("L")}"/>`,
  );
  // From the highest down, each label below the one before.
  const end = (/** @type {{ points: number[] }} */ { points }) => points[points.length - 1];
  const order = [...lines].sort((a, b) => end(b) - end(a));
  /** @type {number[]} */
  const heights = [];
  for (const line of order)
    heights.push(
      Math.max(y(end(line)) + 5, heights.length ? heights[heights.length - 1] + LINE : TOP),
    );
  const up = Math.max(0, heights[heights.length - 1] - FOOT - 8);
  const labels = each(
    order,
    ({ name, colour }, k) => `<text x="${fixed(x(steps - 1) + 8)}" y="${fixed(heights[k] - up)}"
      font-size="15" fill="var(--ink)"><tspan fill="var(--${colour})">■</tspan> ${name}</text>`,
  );
  return `<path d="M${LEFT} ${TOP}V${FOOT}H${RIGHT}" fill="none" stroke="var(--line)"/>
    <path d="M${LEFT} ${fixed(y(0))}H${RIGHT}" stroke="var(--line)" stroke-dasharray="2 4"/>
    <path d="M${at} ${TOP}V${FOOT}" stroke="var(--soft)" stroke-width="2"/>
    <g font-size="15" fill="var(--soft)"><text x="${LEFT - 6}" y="${FOOT + 5}" text-anchor="end">${number(low, 1)}</text>
      <text x="${LEFT - 6}" y="${fixed(y(0) + 5)}" text-anchor="end">0</text>
      <text x="${LEFT}" y="${FOOT + 24}">step 0</text>
      <text x="${RIGHT}" y="${FOOT + 24}" text-anchor="end">${task.steps}</text></g>${curves}${labels}`;
}
