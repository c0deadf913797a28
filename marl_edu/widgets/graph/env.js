// Agents in the plane, and who hears whom.

/** @typedef {[number, number]} Point */

/** The name of a link. @param {number} i @param {number} j */
export const pair = (i, j) => `${Math.min(i, j)}-${Math.max(i, j)}`;

/**
 * Whom each agent hears: those within the radius, itself too, but for links that are cut.
 * @param {Point[]} places @param {number} radius @param {Set<string>} cut
 */
export function nearby(places, radius, cut) {
  return places.map(([x, y], i) =>
    [...places.keys()].filter((j) => {
      const [dx, dy] = [places[j][0] - x, places[j][1] - y];
      return i === j || (dx * dx + dy * dy <= radius * radius && !cut.has(pair(i, j)));
    }),
  );
}

/**
 * After so many layers, of whom may agent i know something?
 * @param {number[][]} near @param {number} i @param {number} layers
 */
export function reach(near, i, layers) {
  let field = new Set([i]);
  for (let l = 0; l < layers; l++) field = new Set([...field].flatMap((j) => near[j]));
  return field;
}
