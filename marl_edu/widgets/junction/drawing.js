// Cars, arrows, crashes: the same lengths as marl_edu/envs/drawing/shapes.py.

import { arrowHead, CELL, FAINTEST, fixed, percent } from "../shared/kit.js";
import { carsByCell } from "./env.js";

/** @import { RoadMap, State } from "./env.js" */

const DISC = 15;

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {Point & { dx: number, dy: number }} Spot where a car is drawn, and where it looks */

/** Where each car is drawn; null for an empty slot. @param {RoadMap} map @param {State} env */
export function places(map, env) {
  /** @type {(Spot | null)[]} */
  const spots = env.alive.map(() => null);
  for (const sharing of carsByCell(map, env).values()) {
    sharing.forEach((i, nth) => {
      const route = map.all[env.route[i]];
      const k = Math.min(env.place[i], route.length - 2);
      const shift = 14 * (2 * nth - sharing.length + 1);
      const [row, column] = route[env.place[i]];
      spots[i] = {
        x: (column + 0.5) * CELL + shift,
        y: (row + 0.5) * CELL - shift,
        dx: route[k + 1][1] - route[k][1],
        dy: route[k + 1][0] - route[k][0],
      };
    });
  }
  return spots;
}

/**
 * A car around (0, 0).
 * @param {number | ""} i @param {{ dx: number, dy: number }} heading
 * @param {boolean} waits @param {boolean} muted @param {boolean} chosen @param {boolean} crashed
 */
export function carShape(i, { dx, dy }, waits, muted = false, chosen = false, crashed = false) {
  const k = Number(i) % 8;
  const ahead = waits
    ? `<path d="M${20 * dx - 10 * dy} ${20 * dy - 10 * dx}L${20 * dx + 10 * dy} ${20 * dy + 10 * dx}"
        stroke="var(--bad)" stroke-width="4" stroke-linecap="round"/>`
    : `<path d="M${22 * dx} ${22 * dy}L${10 * dx - 9 * dy} ${10 * dy - 9 * dx}L${10 * dx + 9 * dy}
        ${10 * dy + 9 * dx}z" fill="var(--ink)"/>`;
  const [disc, edge, text] = muted ? ["paper", `a${k}`, "ink"] : [`a${k}`, "ink", `t${k}`];
  const ring = '<circle r="19" fill="none" stroke="var(--bad)" stroke-width="4"/>';
  return `${chosen ? '<circle r="26" fill="var(--accent)" opacity=".22"/>' : ""}${ahead}
    ${crashed ? ring : ""}
    <circle r="${DISC}" fill="var(--${disc})" stroke="var(--${edge})" stroke-width="${muted ? 3 : 1.5}"/>
    ${muted ? '<path d="M-14 14L14 -14" stroke="var(--bad)" stroke-width="3"/>' : ""}
    <text y="6.5" text-anchor="middle" font-size="19" font-weight="700" fill="var(--${text})"
      ${muted ? 'stroke="var(--paper)" stroke-width="5" paint-order="stroke"' : ""}>${i}</text>`;
}

/** @param {number} x @param {number} y */
const unit = (x, y) => [x / Math.hypot(x, y), y / Math.hypot(x, y)];

/**
 * A bent arrow from sender to listener, so that the two directions between two cars lie apart.
 * @param {Point} from @param {Point} to @param {number} weight
 * @param {boolean} loud with its number, and dark @param {number} size of that
 */
export function arrowShape(from, to, weight, loud, size = 13) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (weight < FAINTEST || length < CELL / 2) return "";
  const bend = Math.min(0.2 * length + 20, 45) / length;
  const cx = (from.x + to.x) / 2 + bend * (to.y - from.y);
  const cy = (from.y + to.y) / 2 - bend * (to.x - from.x);
  const [ux, uy] = unit(from.x - cx, from.y - cy);
  const [vx, vy] = unit(cx - to.x, cy - to.y);
  const [sx, sy] = [from.x - ux * (DISC + 2), from.y - uy * (DISC + 2)];
  const head = arrowHead(to.x + vx * (DISC + 3), to.y + vy * (DISC + 3), vx, vy, weight);
  // Beside the middle of the arrow, outside its bend.
  const [nx, ny] = unit(to.y - from.y, from.x - to.x);
  const beside = size * (1.5 * Math.abs(nx) + 0.8 * Math.abs(ny));
  const out = 0.5 * bend * length + head.width / 2 + beside;
  const lx = (from.x + to.x) / 2 + out * nx;
  const ly = (from.y + to.y) / 2 + out * ny + 0.35 * size;
  const label = `<text x="${fixed(lx)}" y="${fixed(ly)}" text-anchor="middle" font-size="${size}"
    font-weight="700" fill="var(--ink)" stroke="var(--paper)" stroke-width="4"
    paint-order="stroke">${percent(weight)}</text>`;
  return `<g opacity="${loud ? 0.9 : 0.35}">
    <path d="M${fixed(sx)} ${fixed(sy)}Q${fixed(cx)} ${fixed(cy)} ${head.base}"
      fill="none" stroke="var(--ink)" stroke-width="${fixed(head.width)}"/>
    <path d="${head.path}" fill="var(--ink)"/></g>${loud && weight > 0.2 ? label : ""}`;
}

/** @param {RoadMap} map @param {number} cell */
export function crashShape(map, cell) {
  const [x, y] = [((cell % map.side) + 0.5) * CELL, (Math.floor(cell / map.side) + 0.5) * CELL];
  const cross = `M${x - 8} ${y - 8}l16 16M${x - 8} ${y + 8}l16 -16`;
  return `<path d="${cross}" stroke="var(--paper)" stroke-width="8" stroke-linecap="round"/>
    <path d="${cross}" stroke="var(--bad)" stroke-width="4" stroke-linecap="round"/>
    <text x="${x}" y="${y + (y < 2 * CELL ? 50 : -36)}" text-anchor="middle" font-size="18"
      font-weight="700" fill="var(--bad)" stroke="var(--paper)" stroke-width="4"
      paint-order="stroke">crash</text>`;
}

/**
 * The rest of a car's way, from where it stands to the edge.
 * @param {RoadMap} map @param {State} env @param {number} i
 */
export function wayShape(map, env, i) {
  const route = map.all[env.route[i]].slice(env.place[i]);
  const points = route.map(([row, column]) => `${(column + 0.5) * CELL} ${(row + 0.5) * CELL}`);
  return `<path d="M${points.join("L")}" fill="none" stroke="var(--accent)" stroke-width="3"
    stroke-dasharray="2 8" stroke-linecap="round"/>`;
}
