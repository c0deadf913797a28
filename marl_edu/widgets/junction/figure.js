// The live Traffic Junction: its state, and what changes it.

import {
  announcer,
  bring,
  clamp,
  follow,
  keepKeys,
  meanOfHeads,
  same,
  target,
  tell,
} from "../shared/kit.js";
import { prepare } from "./env.js";
import { Episode, readChanges, writeChanges } from "./episode.js";
import { load } from "./network.js";
import { AT_ONCE, build, paint } from "./view.js";
import { describe, scoreText } from "./words.js";

/** @import { Packed, Place } from "../shared/kit.js" */
/** @import { RoadMap, Roads } from "./env.js" */
/** @import { Net, Policy } from "./network.js" */
/** @import { Parts, State } from "./view.js" */
/** @import { Score } from "./words.js" */

export const FIGURE = "junction";
// What a link to a moment of it holds.
export const LINKED = ["team", "difficulty", "seed", "episode", "step", "selected", "changes"];

/** @type {(keyof State)[]} */
const SYNCED = [
  "team",
  "difficulty",
  "seed",
  "episode",
  "step",
  "selected",
  "arrival",
  "muted",
  "playing",
  "changes",
];
const HIGHEST = 2 ** 31 - 1;

/** The car that is pointed at. @param {Event} event */
function carOf(event) {
  const car = /** @type {SVGElement | null} */ (target(event).closest(".mj-car"));
  return car && Number(car.dataset.slot);
}

/** @param {Place} place */
export async function render({ model, el }) {
  keepKeys(el);
  /** @type {Record<string, Record<string, Policy & Packed>>} */
  const policies = model.get("policies");
  /** @type {Record<string, Roads>} */
  const roads = model.get("maps");
  const maps = Object.fromEntries(Object.entries(roads).map(([name, one]) => [name, prepare(one)]));
  /** @type {Record<string, Net>} */
  const nets = {}; // decoded when first used
  /** @type {Map<string, Map<number, { good: boolean, midway: boolean }>>} */
  const tallies = new Map(); // conditions -> episode -> how it went
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const state = /** @type {State} */ ({ speed: 2, head: "mean", hover: null });
  /** @type {Episode} */
  let episode;
  /** @type {RoadMap} */
  let map;
  /** @type {Parts} */
  let parts;
  /** @type {{ left: number } | null} */
  let atOnce = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const { say, hush } = announcer(() => parts.live);

  // -- State ---------------------------------------------------------------------------------------

  const net = () => {
    const { difficulty, team } = state;
    return (nets[`${team}-${difficulty}`] ??= load(policies[difficulty][team]));
  };
  const over = () => state.step >= map.steps;

  // What was asked for, as far as there is such a thing; `before` is what was shown.
  /** @param {State} before */
  function settle(before) {
    const known = Object.keys(policies);
    if (!known.includes(state.difficulty)) state.difficulty = before.difficulty ?? known[0];
    map = maps[state.difficulty];
    const teams = policies[state.difficulty];
    if (!Object.hasOwn(teams, state.team)) {
      const here = Object.keys(teams).filter((team) => !teams[team].at);
      state.team = Object.hasOwn(teams, before.team) ? before.team : here[here.length - 1];
    }
    if (before.difficulty && before.difficulty !== state.difficulty) {
      Object.assign(state, { step: 0, selected: null, muted: [], arrival: map.arrival });
    }
    state.step = clamp(state.step, 0, map.steps);
    state.seed = clamp(state.seed, 0, HIGHEST);
    state.episode = clamp(state.episode, 0, HIGHEST);
    if (![...Array(map.cars).keys()].some((i) => i === state.selected)) state.selected = null;
  }

  // Everything that changes anything goes through here.
  /** @param {Partial<State>} patch */
  function set(patch) {
    const before = { ...state };
    const asks = { ...state, ...patch };
    const policy = policies[asks.difficulty]?.[asks.team];
    if (policy?.at) return fetchThen(policy, () => set(patch));
    Object.assign(state, patch);
    settle(before);
    const source = /** @type {const} */ (["team", "difficulty", "seed", "episode"]);
    const fresh = source.some((key) => before[key] !== state[key]);
    const asked =
      patch.changes && patch.changes !== before.changes ? readChanges(patch.changes, map) : null;
    if (fresh || asked) {
      const changes = asked ?? [{ step: 0, arrival: state.arrival, muted: state.muted }];
      episode = new Episode(map, net(), state.seed, state.episode, changes);
      atOnce = null;
    } else if (!same([before.arrival, before.muted], [state.arrival, state.muted])) {
      episode.change(
        before.step,
        state.arrival,
        [...state.muted].sort((i, j) => i - j),
      );
      atOnce = null;
    }
    const { arrival, muted } = episode.settings(state.step);
    Object.assign(state, { arrival, muted, changes: writeChanges(episode.changes) });
    count();
    if (parts?.built !== state.difficulty) {
      const texts = { look: model.get("look"), hint: model.get("hint") };
      parts = build(el, map, policies, state, texts);
      parts.picture.addEventListener("pointermove", (event) => hover(carOf(event)));
      parts.picture.addEventListener("pointerleave", () => hover(null));
    }
    const near = Math.abs(state.step - before.step) === 1;
    show(!fresh && near && state.episode === before.episode && !still);
    tell(model, Object.fromEntries(SYNCED.map((key) => [key, state[key]])));
    schedule();
  }

  /** @param {Packed} policy whose weights are not on the page @param {() => void} then */
  function fetchThen(policy, then) {
    bring(policy).then(then, () => {
      show(); // the team that was there
      parts.status.textContent = "No connection, and this team is not stored on this device.";
    });
  }

  /** @param {boolean} glides */
  function show(glides = true) {
    const now = episode.at(state.step);
    const chosen = state.hover ?? state.selected;
    const shown = chosen !== null && now.env.alive[chosen] ? chosen : null;
    const weights = now.attention[Number(state.head)] ?? meanOfHeads(now.attention);
    const is = { over: over(), silent: net().kind === "none", cost: map.crash_cost };
    const words = describe(now, weights, shown, is);
    const left = atOnce?.left;
    const scene = { state, map, now, net: net(), weights, shown, words, still, left, score };
    paint(parts, scene, glides);
    hush();
    if (!state.playing) say(`Step ${state.step} of ${map.steps}. ${words}`);
  }

  /** @param {string} team @param {{ arrival: number, muted: number[] }} under */
  function tally(team, { arrival, muted } = state) {
    const key = [team, state.difficulty, state.seed, arrival, muted].join("|");
    const counted = tallies.get(key) ?? new Map();
    tallies.set(key, counted);
    return counted;
  }

  // An episode counts once it is over or a car has crashed: for what held then.
  function count() {
    const good = episode.at(state.step).env.success;
    if (good && !over()) return;
    const until = episode.crash(state.step) ?? state.step;
    const midway = episode.changes.filter(({ step }) => step < until).length > 1;
    tally(state.team, episode.settings(until - 1)).set(state.episode, { good, midway });
  }

  /** @param {string} team @returns {Score} */
  function score(team) {
    const all = [...tally(team).values()];
    const having = (/** @type {"good" | "midway"} */ what) => all.filter((one) => one[what]).length;
    return { good: having("good"), all: all.length, midway: having("midway") };
  }

  function schedule() {
    clearTimeout(timer);
    if (!state.playing) return;
    const { crashed } = episode.at(state.step);
    const before = episode.at(Math.max(state.step - 1, 0)).crashed;
    const crash = crashed.some((is, i) => is && !before[i]); // long enough to be seen
    const least = Math.max(over() ? 1400 : 0, crash ? Math.min(1500, 3000 / state.speed) : 0);
    const wait = Math.max(least, 1000 / state.speed);
    timer = setTimeout(() => set(over() ? nextEpisode() : { step: state.step + 1 }), wait);
  }

  const nextEpisode = () => ({ episode: state.episode + 1, step: 0 });

  // Many episodes under the present conditions, a slice of time at a time.
  function playMany() {
    if (atOnce) {
      atOnce = null;
      return show();
    }
    const { arrival, muted, seed } = state;
    const counted = tally(state.team);
    const run = { left: AT_ONCE };
    atOnce = run;
    let number = 0;
    const slice = () => {
      if (atOnce !== run || !el.isConnected) return;
      for (const start = performance.now(); run.left && performance.now() - start < 40; number++) {
        if (counted.get(number)?.midway === false) continue;
        const one = new Episode(map, net(), seed, number, [{ step: 0, arrival, muted }]);
        counted.set(number, { good: one.at(map.steps).env.success, midway: false });
        run.left--;
      }
      if (run.left) setTimeout(slice);
      else atOnce = null;
      show();
      if (!run.left) parts.live.textContent = scoreText(score(state.team));
    };
    slice();
  }

  // -- Buttons, inputs, cars -----------------------------------------------------------------------

  /** @type {Record<string, () => void>} */
  const BUTTONS = {
    play: () =>
      set({ playing: !state.playing, ...(over() && !state.playing ? nextEpisode() : {}) }),
    back: () => set({ playing: false, step: state.step - 1 }),
    forth: () => set({ playing: false, step: state.step + 1 }),
    next: () => set(nextEpisode()),
    many: playMany,
    reset() {
      tallies.clear();
      begin(start);
    },
  };
  /** @type {Record<string, (input: HTMLInputElement) => void>} */
  const INPUTS = {
    step: ({ value }) => set({ step: Number(value), playing: false }),
    speed: ({ value }) => set({ speed: Number(value) }),
    arrival: ({ value }) => set({ arrival: Number(value) }),
    team: ({ value }) => set({ team: value }),
    difficulty: ({ value }) => set({ difficulty: value }),
    head: ({ value }) => set({ head: value }),
    listener: ({ value }) => set({ selected: value === "all" ? null : Number(value) }),
    mute({ value, checked }) {
      const others = state.muted.filter((i) => i !== Number(value));
      set({ muted: checked ? [...state.muted, Number(value)] : others });
    },
    everyone: ({ checked }) => set({ muted: checked ? [...Array(map.cars).keys()] : [] }),
  };
  el.addEventListener("input", (event) =>
    INPUTS[target(event).dataset.name ?? ""]?.(target(event)),
  );
  el.addEventListener("click", (event) => {
    BUTTONS[target(event).dataset.do ?? ""]?.();
    const car = carOf(event);
    if (car !== null) set({ selected: state.selected === car ? null : car });
  });

  /** @param {number | null} car */
  function hover(car) {
    if (car === state.hover) return;
    state.hover = car;
    show();
  }

  // -- Beginning and end ---------------------------------------------------------------------------

  const start = /** @type {State} */ (
    Object.fromEntries(SYNCED.map((key) => [key, model.get(key)]))
  );

  // As the figure was made: its cars muted from its step on.
  /** @param {State} from */
  function begin(from) {
    const nothing = { difficulty: undefined, changes: undefined };
    Object.assign(state, nothing, { speed: 2, head: "mean", hover: null });
    const { step: at, arrival, muted } = from;
    const late = at > 0 && muted.length;
    const given = from.changes || `0:${arrival}:${late ? `;${at}:${arrival}:${muted}` : muted}`;
    set({ ...from, changes: given, playing: from.playing && !still });
  }

  await bring(policies[start.difficulty]?.[start.team] ?? {}).catch(() => (start.team = ""));
  begin(start);
  const unfollow = follow(model, SYNCED, (key) => {
    const value = model.get(key);
    if (!same(state[/** @type {keyof State} */ (key)], value)) set({ [key]: value });
  });
  return () => {
    clearTimeout(timer);
    hush();
    atOnce = null;
    unfollow();
  };
}
