// Links, arrows and agents.

import { arrowHead, FAINTEST, fixed, percent } from "../shared/kit.js";
import { pair } from "./env.js";

/** @import { Point } from "./env.js" */

const DISC = 15;

/** @param {number} i @param {number} j @param {Point[]} places @param {boolean} gone */
export function linkShape(i, j, places, gone) {
  const [[x, y], [u, v]] = [places[i], places[j]];
  const line = `M${x} ${y}L${u} ${v}`;
  const [mx, my] = [(x + u) / 2, (y + v) / 2];
  const cross = `<path d="M${mx - 6} ${my - 6}l12 12m-12 0l12 -12" stroke="var(--bad)" stroke-width="3"/>`;
  return `<g class="mg-link" data-link="${pair(i, j)}"><path d="${line}" stroke="transparent" stroke-width="16"/>
    <path d="${line}" stroke="var(--line)" stroke-width="1.5" ${gone ? 'stroke-dasharray="4 6"' : ""}/>${gone ? cross : ""}</g>`;
}

/**
 * The arrow between two agents, and its label, which is drawn above all arrows.
 * @param {Point} from @param {Point} to @param {number} weight
 */
export function arrowShape([x, y], [u, v], weight) {
  const length = Math.hypot(u - x, v - y);
  if (weight < FAINTEST || length < 2 * DISC + 4) return ["", ""];
  const [dx, dy] = [(u - x) / length, (v - y) / length];
  const head = arrowHead(u - dx * (DISC + 3), v - dy * (DISC + 3), -dx, -dy, weight);
  const [lx, ly] = [x + 0.42 * (u - x) + 20 * dy, y + 0.42 * (v - y) + 5 - 16 * dx];
  return [
    `<path d="M${fixed(x + dx * DISC)} ${fixed(y + dy * DISC)}L${head.base}" stroke="var(--ink)"
      stroke-width="${fixed(head.width)}"/><path d="${head.path}" fill="var(--ink)"/>`,
    `<text x="${fixed(lx)}" y="${fixed(ly)}" text-anchor="middle" font-size="14" font-weight="700"
      fill="var(--ink)" stroke="var(--block)" stroke-width="4" paint-order="stroke">${percent(weight)}</text>`,
  ];
}

/**
 * @param {number} i @param {Point} place @param {string} letter what it holds or answers
 * @param {boolean} held @param {boolean} selected @param {boolean} counts whether the letter means
 *   anything
 */
export function agentShape(i, [x, y], letter, held, selected, counts) {
  return `<g class="mg-agent" data-agent="${i}" transform="translate(${x} ${y})">
    ${selected ? `<circle r="${DISC + 5}" fill="none" stroke="var(--ink)" stroke-width="2.5"/>` : ""}
    <circle r="${DISC}" fill="var(--a${i % 8})" stroke="var(--ink)" stroke-width="1.5"/>
    <text y="6.5" text-anchor="middle" font-size="18" font-weight="700" fill="var(--t${i % 8})">${i}</text>
    <text x="22" y="-10" text-anchor="middle" font-size="${held ? 22 : 15}" font-weight="700" stroke="var(--block)"
      stroke-width="4" paint-order="stroke" fill="var(--${held ? "bad" : "ink"})" ${counts ? "" : 'opacity=".4"'}>${letter}</text></g>`;
}
