// What the live graph shows: read from traits, computed, and in words.

import { argmax, clamp, FAINTEST, meanOfHeads, percent } from "../shared/kit.js";
import { nearby, pair, reach } from "./env.js";
import { LETTERS, listen } from "./network.js";

/** @import { Point } from "./env.js" */
/** @import { Net } from "./network.js" */

/**
 * What is shown; as traits, `places` and `cut` are words.
 * @typedef {object} State
 * @property {Point[]} places @property {string} holds @property {Set<string>} cut
 * @property {number} radius @property {number} layer
 * @property {number} head from 1; 0: the mean of all @property {number} selected
 */
/** @typedef {Record<string, any>} Traits */
/** @typedef {ReturnType<typeof compute>} Moment */

/**
 * The state that traits stand for, whatever they hold: a link may be nonsense.
 * @param {Traits} traits @param {Traits} first as the figure was made @param {Net} net
 * @returns {State}
 */
export function readState(traits, first, net) {
  const N = first.holds.length;
  const side = sideOf(N);
  const places = `${traits.places ?? ""}`
    .split(";")
    .map((place) => /** @type {Point} */ (place.split(",").map((x) => clamp(x, 0, side))));
  const fits = places.length === N && places.every((place) => place.length === 2);
  const holds = `${traits.holds ?? ""}`;
  const known = new RegExp(`^[-${LETTERS.slice(0, net.symbols)}]{${N}}$`);
  const cut = `${traits.cut ?? ""}`.split(",").filter((one) => {
    const [i, j] = one.split("-").map(Number);
    return one === pair(i, j) && i < j && j < N;
  });
  return {
    places: fits ? places : readState(first, first, net).places,
    holds: known.test(holds) ? holds : first.holds,
    cut: new Set(cut),
    radius: clamp(traits.radius, 0, side),
    layer: clamp(traits.layer, 1, net.layers),
    head: clamp(traits.head, 0, net.heads),
    selected: clamp(traits.selected, 0, N - 1),
  };
}

/** The other way round. @param {State} state @returns {Traits} */
export const writeState = (state) => ({
  ...state,
  places: state.places.map((place) => place.join(",")).join(";"),
  cut: [...state.cut].sort().join(","),
});

/** The side of the square that so many agents stand in. @param {number} N */
export const sideOf = (N) => Math.round(100 * Math.sqrt(N));

/** What the team makes of what is shown. @param {State} state @param {Net} net */
export function compute({ places, holds, cut, radius, layer, head, selected }, net) {
  const near = nearby(places, radius, cut);
  const { attention, chances } = listen(net, holds, near);
  const heads = attention[layer - 1];
  const weights = (head ? heads[head - 1] : meanOfHeads(heads))[selected];
  return { near, chances, weights, field: reach(near, selected, layer) };
}

/**
 * Whether an agent of the relay would be paid for its answer: its nearest source is exactly as many
 * links away as the team has layers, and all sources at that distance hold the same.
 * @param {number} i @param {string} holds @param {number[][]} near @param {number} layers
 */
export function asked(i, holds, near, layers) {
  const heard = (/** @type {number} */ hops) =>
    new Set([...reach(near, i, hops)].map((j) => holds[j]).filter((one) => one !== "-"));
  return !heard(layers - 1).size && heard(layers).size === 1;
}

/** The moment in words. @param {State} state @param {Moment} now */
export function describe({ places, selected, layer, head }, { chances, weights, field }) {
  const best = argmax(chances[selected]);
  const heard = [...weights.keys()].filter((j) => weights[j] >= FAINTEST);
  heard.sort((a, b) => weights[b] - weights[a]);
  const whom = heard.slice(0, 4).map((j) => {
    return `${j === selected ? "itself" : `agent ${j}`} (${percent(weights[j])})`;
  });
  const which = head ? `head ${head}` : "mean of heads";
  return [
    `Agent ${selected} answers ${LETTERS[best]} (${percent(chances[selected][best])}).`,
    `In layer ${layer}, ${which}, it hears ${whom.join(", ")}.`,
    `After ${layer} layer${layer > 1 ? "s" : ""} it may know something of`,
    `${field.size} of ${places.length} agents, itself included.`,
  ].join(" ");
}
