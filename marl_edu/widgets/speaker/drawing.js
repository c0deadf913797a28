// The plane with its landmarks, what the two say and hear, and distances over time.

import { agentDisc, each, fixed } from "../shared/kit.js";

/** @import { Episode, Point, Room } from "./env.js" */

const COLOURS = ["var(--a3)", "var(--a2)", "var(--a5)"]; // red, green and blue ones
export const CHART_WIDE = 400;
export const CHART_HIGH = 170;

/** @param {unknown} text @param {number} x @param {number} y */
const words = (text, x, y, size = 16) =>
  `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="middle" font-size="${size}" font-weight="600"
    fill="var(--ink)">${text}</text>`;

/** @param {number} i @param {number} x @param {number} y @param {number} radius */
const agent = (i, x, y, radius) =>
  `<g transform="translate(${fixed(x)} ${fixed(y)})">${agentDisc(i, radius)}</g>`;

/** A ring in its colour. @param {number} k @param {number} x @param {number} y @param {number} radius @param {boolean} goal */
const landmark = (k, x, y, radius, goal) =>
  `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="${fixed(radius)}" fill="${COLOURS[k]}"
    fill-opacity=".35" stroke="var(--ink)" stroke-width="${goal ? 6 : 2}"/>
    ${goal ? words(k, x, y - 1) + words("goal", x, y + 13, 13) : words(k, x, y + 6)}`;

/** @param {Episode} now */
export function scene({ room, path, landmarks, goal, trail, said, heard }) {
  const { side, field, radius, near } = room;
  const farthest = Math.max(...[...path, ...landmarks].flat().map(Math.abs));
  const scale = side / 2 / Math.max(field, farthest + 0.2);
  /** @param {Point} point @returns {Point} */
  const place = ([x, y]) => [side / 2 + scale * x, side / 2 - scale * y];
  const [low, edge] = [side / 2 - scale, 2 * scale].map(fixed);
  const ring = scale * (radius + near);
  const points = path.map(place);
  const last = points[points.length - 1];
  const rings = each(landmarks.map(place), ([x, y], k) => landmark(k, x, y, ring, k === goal));
  const dots = each(
    points,
    ([x, y], k) => `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="3" stroke="var(--ink)"
      fill="var(--${"ts".includes(trail[k]) ? "ink" : "paper"})"/>`,
  );
  return `<rect x="${low}" y="${low}" width="${edge}" height="${edge}" fill="none" stroke="var(--line)"
      stroke-opacity=".7"/>${rings}
    <path d="M${points.map(([x, y]) => `${fixed(x)} ${fixed(y)}`).join("L")}" fill="none"
      stroke="var(--ink)" stroke-width="2"/>${dots}
    ${agent(1, last[0], last[1], scale * radius)}${talk(room, goal, said, heard, trail[trail.length - 1])}`;
}

/**
 * What the speaker sees and says, and what the listener heard.
 * @param {Room} room @param {number} goal @param {number} said @param {number | null} heard @param {string} letter
 */
function talk({ side, foot }, goal, said, heard, letter) {
  const y = side + foot / 2;
  const changed = !"ts".includes(letter);
  const colour = `var(--${changed ? "bad" : "ink"})`;
  /** @param {unknown} text @param {number} x */
  const box = (text, x) =>
    `<rect x="${x - 15}" y="${y - 15}" width="30" height="30" rx="5" fill="var(--paper)"
      stroke="var(--ink)"/>${words(text, x, y + 6)}`;
  const speaker =
    letter === "m"
      ? `<circle cx="26" cy="${y}" r="15" fill="var(--paper)" stroke="var(--ink)" stroke-width="1.5"/>
        ${words(0, 26, y + 6)}<path d="M12 ${y + 14}L40 ${y - 14}" stroke="var(--ink)" stroke-width="3"/>`
      : agent(0, 26, y, 15);
  return `${speaker}${words("sees", 66, y + 5)}${landmark(goal, 104, y, 13, false)}
    ${words("says", 144, y + 5)}${box(said, 182)}
    <path d="M204 ${y}H244" stroke="${colour}" stroke-width="4"
      stroke-dasharray="${changed ? "6 5" : "none"}"/>
    <path d="M256 ${y}l-12 -7v14z" fill="${colour}"/>
    ${words("heard", 286, y + 5)}${box(heard ?? "–", 332)}${agent(1, 374, y, 15)}`;
}

/**
 * Distances to the goal by step: of the pair so far, of the deaf and the told one.
 * @param {Episode} now @param {Episode[]} references both to their end
 */
export function chart(now, [deaf, told]) {
  const [left, right, foot] = [34, 300, CHART_HIGH - 30];
  const top = Math.max(1, ...now.distances, ...deaf.distances, ...told.distances);
  const x = (/** @type {number} */ t) => left + ((right - left) * t) / now.room.steps;
  const y = (/** @type {number} */ d) => foot - ((foot - 12) * d) / top;
  const lines = [
    { name: "deaf", distances: deaf.distances, colour: "var(--soft)", dash: "6 4" },
    { name: "told", distances: told.distances, colour: "var(--soft)", dash: "2 3" },
    { name: "this pair", distances: now.distances, colour: "var(--ink)", dash: "none" },
  ];
  const order = [...lines].sort((a, b) => end(a) - end(b));
  /** @param {{ distances: number[] }} line */
  function end({ distances }) {
    return distances[distances.length - 1];
  }
  // From the lowest up, each label at least a line above the one before.
  let least = foot + 4;
  const labels = order.map((line) => {
    const at = Math.min(least, y(end(line)) + 5);
    least = at - 17;
    const t = line.distances.length - 1;
    return `<text x="${fixed(x(t) + 8)}" y="${fixed(at)}" font-size="15" fill="${line.colour}">${line.name}</text>`;
  });
  const curves = lines.map(
    ({ distances, colour, dash }) => `<path fill="none" stroke="${colour}" stroke-width="2.5"
      stroke-dasharray="${dash}" d="M${distances.map((d, t) => `${fixed(x(t))} ${fixed(y(d))}`).join("L")}"/>`,
  );
  return `<path d="M${left} 12V${foot}H${right}" fill="none" stroke="var(--line)"/>
    <g font-size="15" fill="var(--soft)"><text x="${left - 6}" y="${foot + 5}" text-anchor="end">0</text>
      <text x="${left - 6}" y="22" text-anchor="end">${top.toFixed(1)}</text>
      <text x="${left}" y="${foot + 22}">step 0</text>
      <text x="${right}" y="${foot + 22}" text-anchor="end">${now.room.steps}</text></g>
    ${curves.join("")}${labels.join("")}`;
}
