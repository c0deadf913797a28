// The T-maze, and the memory over time.

import { agentDisc, CELL, each, fixed } from "../shared/kit.js";
import { DOWN, UP } from "./env.js";
import { reads } from "./network.js";

/** @import { Walk } from "./env.js" */

/** @param {number} row @param {number} column */
const centre = (row, column) => [(column + 0.5) * CELL, (row + 0.5) * CELL];

/** @param {Walk} walk */
export function mazeShape(walk) {
  /** @type {Record<number, number>} */
  const row = { 0: 1, [UP]: 0, [DOWN]: 2 };
  const [rx, ry] = centre(row[walk.sign], walk.maze.length);
  const [x, y] = centre(row[walk.turned], walk.cell);
  return `${walk.maze.walls}<text x="20" y="29" text-anchor="middle" font-size="26" font-weight="600"
      fill="var(--paper)">${walk.sign === UP ? "↑" : "↓"}</text>
    <circle cx="${rx}" cy="${ry}" r="17" fill="none" stroke="var(--ink)" stroke-width="4"/>
    <g transform="translate(${x} ${y})">${agentDisc(0, 15)}</g>`;
}

/** The probe's reading, and the units below it. @param {Walk} walk */
export function memoryShape(walk) {
  const [ROW, WIDE, TOP] = walk.maze.sizes;
  const { order } = walk.net;
  const wide = WIDE / Math.max(walk.memories.length, walk.maze.length + 2);
  const foot = TOP + ROW * order.length;
  const middle = (/** @type {number} */ k) => fixed((k + 0.5) * wide);
  const points = walk.memories.map((memory, k) => {
    return [middle(k), fixed(4 + (1 - reads(walk.net, memory)) * (TOP - 12))];
  });
  const cells = walk.memories.flatMap((memory, k) =>
    order.map(
      (unit, r) => `<rect x="${fixed(k * wide)}" y="${TOP + ROW * r}" width="${fixed(wide)}"
        height="${ROW}" fill="var(--a${memory[unit] > 0 ? 3 : 0})"
        fill-opacity="${Math.abs(memory[unit]).toFixed(2)}"/>`,
    ),
  );
  const marks = each(
    walk.marks,
    ([k]) => `<path d="M${middle(k)} 0V${foot}" stroke="var(--bad)" stroke-width="2"
      stroke-dasharray="3 3"/>`,
  );
  return `<path d="M0 ${TOP / 2 - 2}H${WIDE}" stroke="var(--line)" stroke-dasharray="4 4"/>
    <path d="M${points.map((point) => point.join(" ")).join("L")}" fill="none" stroke="var(--ink)"
      stroke-width="2"/>
    ${each(points, ([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="var(--ink)"/>`)}
    ${cells.join("")}${marks}
    <g font-size="15" fill="var(--soft)"><text x="${WIDE + 8}" y="14">reads up</text>
      <text x="${WIDE + 8}" y="${TOP - 6}">reads down</text></g>`;
}
