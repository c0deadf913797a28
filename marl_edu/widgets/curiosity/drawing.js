// The agent, the TV and the bonus: the same lengths as marl_edu/envs/pictures.py.

import { agentDisc, CELL, each } from "../shared/kit.js";

/** @import { Maze, Walk } from "./env.js" */

/** @param {[number, number]} centre @param {Float64Array} picture */
function screenShape([x, y], picture) {
  const across = Math.ceil(Math.sqrt(picture.length));
  const size = 28 / across;
  const lit = each([...picture], (on, k) => {
    const [left, top] = [x - 14 + size * (k % across), y - 14 + size * Math.floor(k / across)];
    return on ? `M${left} ${top}h${size}v${size}h-${size}z` : "";
  });
  return `<rect x="${x - 17}" y="${y - 17}" width="34" height="34" rx="4" fill="#000" stroke="var(--paper)"
    stroke-width="3"/><path d="${lit}" fill="#fff"/>`;
}

/** The cells, which take the colour of their novelty, and what does not move. @param {Maze} maze */
export function mazeShape({ rows, columns, free, walls, ring }) {
  const cells = each(free, ([row, column], k) => {
    const [x, y] = [column * CELL, row * CELL];
    return `<rect data-cell="${k}" x="${x}" y="${y}" width="${CELL}" height="${CELL}"/>`;
  });
  return `<svg class="mc-picture" viewBox="0 0 ${columns * CELL} ${rows * CELL}" role="img"
    font-family="system-ui,sans-serif"><rect width="100%" height="100%" rx="8" fill="var(--block)"/>
    <g class="mc-map">${cells}</g><g class="mc-still-things">${walls}${ring}</g><g class="mc-things"></g></svg>`;
}

/** Door, key, TV and agent. @param {Walk} walk */
export function thingsShape({ maze, cell, key, door, tv, picture }) {
  const [row, column] = maze.free[cell];
  return `${door ? maze.open : maze.shut}${key ? "" : maze.lock}
    ${tv ? screenShape(maze.screen, picture) : ""}
    <g transform="translate(${(column + 0.5) * CELL} ${(row + 0.5) * CELL})">${agentDisc(0, 13)}
    ${key ? maze.carried : ""}</g>`;
}

/**
 * The bonus of the last steps, as bars.
 * @param {number[]} paid @param {number} most that one of all steps paid: the height of the picture
 */
export function barsShape(paid, most) {
  const top = Math.max(most, 1e-9);
  return each(paid, (x, k) => {
    const height = (44 * x) / top;
    return `<rect x="${5 * k}" y="${46 - height}" width="4" height="${Math.max(height, 0.5)}"/>`;
  });
}
