// The maze before the key is taken and with it: what each cell pays, or how often it was met, and
// where the agent went.

import { agentDisc, CELL, each, fixed, percent, shade } from "../shared/kit.js";

/** @import { Explorer } from "./training.js" */

const FADED = 100; // times smaller than the largest bonus at the start: not drawn any more

/**
 * What a map shows: how dark each state is, and a range of it in words.
 * @param {Explorer} explorer @param {string} map "surprise" or "visits"
 */
function looksOf({ choice, pays, visits, largest }, map) {
  if (map === "visits" || choice.bonus === "none") {
    const most = Math.log(1 + Math.max(...visits)) || 1;
    const count = (/** @type {number} */ x) => Math.round(x).toLocaleString("en");
    const dark = Array.from(visits, (n) => Math.log(1 + n) / most);
    return { name: "visits", of: visits, dark, say: count };
  }
  const dark = Array.from(pays, (x) => 1 + Math.log(x / largest) / Math.log(FADED));
  const say = (/** @type {number} */ x) => percent(x / largest);
  return { name: "surprise", of: pays, dark, say };
}

/**
 * Both maps of an agent. `title`: what it is called.
 * @param {Explorer} explorer @param {string} map @param {string} title
 */
export function mapsShape(explorer, map, title) {
  const { maze, states, route } = explorer;
  const { rows, columns, free, walls, ring, shut, open, lock } = maze;
  const { name, of, dark, say } = looksOf(explorer, map);
  const centre = (/** @type {number} */ cell) =>
    free[cell].map((k) => (k + 0.5) * CELL).toReversed();
  const pictures = each([0, 1], (has) => {
    const shown = states.shown[has];
    const cells = each(free, ([row, column], cell) => {
      const s = shown[cell];
      if (s === undefined) return "";
      return `<rect x="${column * CELL}" y="${row * CELL}" width="${CELL}" height="${CELL}" fill="rgb(${shade(dark[s])})"/>`;
    });
    /** @type {Set<string>} */
    const lines = new Set();
    let last = -1; // where the agent was last, if it was on this map
    for (let t = 0; t < route.length && route[t] >= 0; t++) {
      const [cell, key] = states.all[route[t]];
      if (key !== has) continue;
      if (t) {
        const from = states.all[route[t - 1]][0];
        lines.add(
          `M${centre(Math.min(from, cell)).join(" ")}L${centre(Math.max(from, cell)).join(" ")}`,
        );
      }
      last = cell;
    }
    const agent =
      last < 0 ? "" : `<g transform="translate(${centre(last).join(" ")})">${agentDisc(0, 12)}</g>`;
    const there = shown.flatMap((s) => (s === undefined ? [] : of[s]));
    const words = `${has ? "with the key" : "before the key"}: ${say(Math.min(...there))} to ${say(Math.max(...there))}`;
    return `<figure><svg viewBox="0 0 ${columns * CELL} ${rows * CELL}" role="img" font-family="system-ui,sans-serif"
        aria-label="${title}, ${name} ${words}"><rect width="100%" height="100%" rx="8" fill="var(--paper)"/>
        <g stroke="var(--paper)">${cells}</g>${walls}${ring}${has ? open : shut + lock}
        <path d="${[...lines].join("")}" fill="none" stroke="var(--me-way)" stroke-width="${fixed(CELL / 8)}"
          stroke-linecap="round"/>${agent}</svg><figcaption>${words}</figcaption></figure>`;
  });
  return `<section aria-label="${title}: ${name}"><p>${title}: ${name}</p>${pictures}</section>`;
}
