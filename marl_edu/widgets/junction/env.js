// marl_edu.envs.TrafficJunction, one junction at vision 0.

/**
 * What marl_edu.widgets.junction.policies.road_data gives: cells [row, column, class], and for every
 * entry its routes of cells [row, column].
 * @typedef {object} Roads
 * @property {number} side @property {number} cars @property {number} steps
 * @property {number} arrival @property {number} base @property {number} crash_cost
 * @property {[number, number, number][]} cells
 * @property {[number, number][][][]} routes
 * @property {string} background
 */
/**
 * @typedef {Roads & { all: [number, number][][], first: number[], classes: Map<number, number> }}
 *   RoadMap with all routes in one list, where each entry's begin, and each cell's class
 */
/**
 * Per slot, a car or none.
 * @typedef {object} State
 * @property {number} t @property {boolean[]} alive @property {number[]} route
 * @property {number[]} place @property {number[]} wait @property {number[]} last
 * @property {boolean[]} collided @property {boolean[]} completed @property {boolean} success
 */

export const GAS = 0;
export const BRAKE = 1;

/** @param {Roads} roads @returns {RoadMap} */
export function prepare(roads) {
  const first = roads.routes.map((_, e) => roads.routes.slice(0, e).flat().length);
  const classes = new Map(roads.cells.map(([row, column, k]) => [row * roads.side + column, k]));
  return { ...roads, all: roads.routes.flat(), first, classes };
}

/** @param {RoadMap} map @returns {State} */
export const emptyRoads = (map) => ({
  t: 0,
  alive: Array(map.cars).fill(false),
  route: Array(map.cars).fill(map.all.length),
  place: Array(map.cars).fill(0),
  wait: Array(map.cars).fill(0),
  last: Array(map.cars).fill(0),
  collided: Array(map.cars).fill(false),
  completed: Array(map.cars).fill(false),
  success: true,
});

/** The number of the cell that a car is on. @param {RoadMap} map @param {State} env @param {number} i */
export function cellOf(map, env, i) {
  const [row, column] = map.all[env.route[i]][env.place[i]];
  return row * map.side + column;
}

/** Which cars stand on each cell. @param {RoadMap} map @param {State} env */
export function carsByCell(map, env) {
  /** @type {Map<number, number[]>} */
  const found = new Map();
  env.alive.forEach((alive, i) => {
    if (!alive) return;
    const cell = cellOf(map, env, i);
    found.set(cell, [...(found.get(cell) ?? []), i]);
  });
  return found;
}

/**
 * The environment after everybody has acted. u: 2E + N uniform numbers, as in Python's `env.draws`.
 * @param {RoadMap} map @param {State} env @param {number[]} actions
 * @param {number[]} u @param {number} arrival
 * @returns {State}
 */
export function step(map, env, actions, u, arrival) {
  const E = map.routes.length;
  const { alive } = env;
  const place = env.place.map((p, i) => p + Number(alive[i] && actions[i] === GAS));
  const completed = alive.map((is, i) => is && place[i] === map.all[env.route[i]].length);
  const stays = alive.map((is, i) => is && !completed[i]);
  const route = env.route.map((r, i) => (stays[i] ? r : map.all.length));
  const free = [...stays.keys()].filter((i) => !stays[i]);
  free.sort((i, j) => u[2 * E + i] - u[2 * E + j]);
  for (let e = 0; e < E; e++) {
    if (u[e] >= Math.fround(arrival)) continue;
    const slot = free.shift();
    if (slot === undefined) break;
    route[slot] = map.first[e] + Math.floor(Math.fround(u[E + e] * map.routes[e].length));
  }
  const next = {
    t: env.t + 1,
    alive: route.map((r) => r < map.all.length),
    route,
    place: place.map((p, i) => (stays[i] ? p : 0)),
    wait: env.wait.map((w, i) => (stays[i] ? w + 1 : 0)),
    last: env.last.map((_, i) => (stays[i] ? actions[i] : 0)),
    collided: Array(map.cars).fill(false),
    completed,
    success: env.success,
  };
  for (const crowd of carsByCell(map, next).values()) {
    if (crowd.length > 1) for (const i of crowd) next.collided[i] = true;
  }
  next.success &&= !next.collided.includes(true);
  return next;
}

/**
 * What each car sees, null for an empty slot: last action, route, its cell, cars in it.
 * @param {RoadMap} map @param {State} env @param {number} size of an observation
 */
export function observe(map, env, size) {
  const crowds = carsByCell(map, env);
  const vocab = map.base + 3;
  return env.alive.map((alive, i) => {
    if (!alive) return null;
    const obs = new Float32Array(size);
    const cell = cellOf(map, env, i);
    obs[0] = env.last[i];
    if (size === vocab + 2) obs[1] = env.route[i] / Math.max(map.all.length - 1, 1);
    else obs[1 + env.route[i]] = 1;
    obs[size - vocab + (map.classes.get(cell) ?? 0)] = 1;
    obs[size - 1] = crowds.get(cell)?.length ?? 0;
    return obs;
  });
}
