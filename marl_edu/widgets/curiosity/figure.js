// The live map of curiosity: walk through the maze and watch what is new grow old.

import {
  argmax,
  controls,
  each,
  escape,
  find,
  follow,
  keepKeys,
  percent,
  shade,
  target,
  tell,
} from "../shared/kit.js";
import { barsShape, mazeShape, thingsShape } from "./drawing.js";
import { LONGEST, Walk } from "./env.js";

/** @import { Place } from "../shared/kit.js" */
/** @import { Maze, Nets } from "./env.js" */

export const FIGURE = "curiosity";
// What a link to a moment of it holds.
export const LINKED = ["method", "tv", "trail"];

const METHODS = {
  rnd: "RND",
  icm: "ICM, gradient as in the authors’ code",
  features: "ICM, encoder trained by the inverse model alone",
};
const MOVES = [
  ["Up", "↑"],
  ["Down", "↓"],
  ["Left", "←"],
  ["Right", "→"],
  ["Remote control", ""],
];
const ACTIONS = [...MOVES.keys()];
/** @type {Record<string, number>} */
const ARROWS = { ArrowUp: 0, ArrowDown: 1, ArrowLeft: 2, ArrowRight: 3 };
const PACE = 250; // milliseconds of a step
const BARS = 60; // steps whose bonus is drawn
const FEW = 10; // presses of the remote control, at first and lately

/** @param {Maze} maze @param {{ look: string, hint: string }} texts */
function markup(maze, { look, hint }) {
  const { button, group, input, radio } = controls("mc");
  const moves = each(MOVES, ([name, sign], a) => {
    const label = sign ? `aria-label="${name}"` : "";
    return `<button type="button" data-move="${a}" class="mc-move-${a}" ${label}>${sign || name}</button>`;
  });
  const methods = each(
    Object.entries(METHODS),
    ([name, label]) => `<label>${radio("method", name)}
      <span>${label} <span class="mc-pays" data-pays="${name}"></span></span></label>`,
  );
  return `<div class="mc" role="group" aria-label="Live figure: a map of curiosity" style="${look}">
    <div class="mc-stage">
      <div class="mc-scene">
        ${mazeShape(maze)}
        <p class="mc-scale" aria-hidden="true"><span>old</span><span class="mc-palette"></span><span>new</span></p>
      </div>
      <div class="mc-front">
        <div class="mc-buttons">${button("play", "")}${button("curious", "Go where it is newest")}${button("reset", "Reset")}</div>
        <div class="mc-pad">${moves}</div>
        <div class="mc-buttons"><label>${input("tv", 'type="checkbox"')} TV on</label></div>
        <p class="mc-status" role="status"></p>
        <p class="mc-try"><strong>Try this:</strong> ${escape(hint)}</p>
        ${group("method", "Curiosity", methods)}
      </div>
    </div>
    <details class="mc-more">
      <summary>More: undo, what each step paid</summary>
      <div class="mc-stage">
        <div class="mc-front">
          <div class="mc-buttons">${button("back", "Undo")}</div>
          <p class="mc-note">Arrow keys work on the buttons. A click on a cell paints it: the networks learn it
            without a visit, and RND finds it old. Dark is the newest cell of the moment.</p>
        </div>
        <figure class="mc-bars mc-front"><svg viewBox="0 0 300 47" role="img"></svg>
          <figcaption>What each of the last 60 steps paid: the model’s error when the step was taken.</figcaption></figure>
      </div>
    </details>
  </div>`;
}

/** The moment in words. @param {Walk} walk @param {number[]} novelty */
function describe(walk, novelty) {
  const [row, column] = walk.maze.free[walk.cell];
  const late = walk.t >= LONGEST ? " (the last: Reset)" : "";
  const words = [
    `Step ${walk.t}${late}, row ${row}, column ${column}, ${walk.key ? "with" : "without"} the key.`,
    walk.arrived ? "The goal! A new episode begins; what was learned stays." : "",
    walk.paid.length ? `The last step paid ${walk.paid[walk.paid.length - 1].toFixed(2)}.` : "",
    `Newest cell ${Math.max(...novelty).toFixed(2)}, oldest ${Math.min(...novelty).toFixed(2)}.`,
  ];
  return words.filter(Boolean).join(" ");
}

/**
 * What a curiosity pays for the remote control by now, on one scale for all of them: the share of
 * what it paid at first. Before that, what the last step paid.
 * @param {Walk} walk
 */
function describePay(walk) {
  const share = walk.wornOff(FEW);
  if (share !== null) return `now pays ${percent(share)} of its first ${FEW} presses`;
  return walk.paid.length ? `paid ${walk.paid[walk.paid.length - 1].toFixed(2)}` : "";
}

/** What the bars show, in words. @param {number[]} paid */
function describeBars(paid) {
  if (!paid.length) return "No step yet";
  const [last, largest] = [paid[paid.length - 1], Math.max(...paid)].map((x) => x.toFixed(2));
  return `Bonus of the last ${paid.length} steps; the last ${last}, the largest ${largest}`;
}

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  /** @type {Maze} */
  const maze = model.get("maze");
  /** @type {Nets} */
  const nets = model.get("nets");
  /** @type {{ method: string, tv: boolean, trail: string }} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  /** @type {Record<string, Walk>} */
  let walks; // the same walk for every curiosity, so that they can be compared
  /** @type {Walk} */
  let walk; // the one that is shown
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  el.innerHTML = markup(maze, { look: model.get("look"), hint: model.get("hint") });
  const [things, status, picture, bars, play] = [
    ".mc-things",
    ".mc-status",
    ".mc-picture",
    ".mc-bars svg",
    ".mc-play",
  ].map((selector) => find(el, selector));
  const cells = [...el.querySelectorAll("[data-cell]")];
  const pays = /** @type {NodeListOf<HTMLElement>} */ (el.querySelectorAll("[data-pays]"));

  // A new walk, or another trail of it.
  /** @param {string} method @param {boolean} tv @param {string} trail */
  function start(method, tv, trail) {
    const known = Object.hasOwn(METHODS, method) ? method : "rnd";
    walks = Object.fromEntries(
      Object.keys(METHODS).map((one) => [one, new Walk(maze, nets, one, tv).follow(trail)]),
    );
    walk = walks[known];
    show();
  }

  function show() {
    const novelty = walk.map();
    const top = Math.max(...novelty);
    cells.forEach((cell, k) => cell.setAttribute("fill", `rgb(${shade(novelty[k] / top)})`));
    things.innerHTML = thingsShape(walk);
    const text = describe(walk, novelty);
    status.textContent = text;
    picture.setAttribute("aria-label", `Map of curiosity. ${text}`);
    const lately = walk.paid.slice(-BARS);
    bars.innerHTML = barsShape(lately, Math.max(...walk.paid));
    for (const one of pays) one.textContent = describePay(walks[one.dataset.pays ?? ""]);
    bars.setAttribute("aria-label", describeBars(lately));
    for (const input of el.querySelectorAll("input")) {
      input.checked = input.dataset.name === "tv" ? walk.tv : input.value === walk.method;
    }
    play.textContent = model.get("playing") ? "Stop" : "Walk at random";
    tell(model, { method: walk.method, tv: walk.first, trail: walk.trail });
    clearTimeout(timer);
    if (model.get("playing")) {
      timer = setTimeout(() => act(Math.floor(ACTIONS.length * Math.random())), PACE);
    }
  }

  /** @param {number} action */
  function act(action) {
    if (!el.isConnected) return;
    for (const one of Object.values(walks)) one.step(action);
    if (walk.t >= LONGEST) model.set("playing", false);
    show();
  }

  /** @type {Record<string, () => void>} */
  const BUTTONS = {
    play() {
      model.set("playing", !model.get("playing") && walk.t < LONGEST);
      show();
    },
    // The action that would be paid best; it peeks one step ahead.
    curious: () => act(argmax(ACTIONS.map((a) => walk.bonus(walk.cell, a)))),
    back: () => start(walk.method, walk.first, walk.trail.replace(/(p\d+\.|[0-4t])$/, "")),
    reset() {
      model.set("playing", false);
      start(first.method, first.tv, first.trail);
    },
  };
  el.addEventListener("click", (event) => {
    const { move, do: name, cell } = target(event).dataset;
    if (move) act(Number(move));
    if (name) BUTTONS[name]();
    if (!cell) return;
    for (const one of Object.values(walks)) one.paint(Number(cell));
    show();
  });
  el.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) || target(event).matches("input")) return;
    event.preventDefault();
    act(ARROWS[event.key]);
  });
  el.addEventListener("input", (event) => {
    const { dataset, value } = target(event);
    if (dataset.name === "method") walk = walks[value];
    if (dataset.name === "tv") for (const one of Object.values(walks)) one.switchTv();
    show();
  });
  // The traits, of which a link gives words.
  const asked = () => {
    const tv = String(model.get("tv")) === "true";
    return /** @type {const} */ ([model.get("method"), tv, String(model.get("trail"))]);
  };
  // Python, or a link, asks for another moment.
  const outside = () => {
    const [method, tv, trail] = asked();
    if (method !== walk.method || tv !== walk.first || trail !== walk.trail) {
      start(method, tv, trail);
    }
  };
  start(...asked());
  const ends = [
    follow(model, LINKED, () => setTimeout(outside)),
    follow(model, ["playing"], () => setTimeout(show)),
  ];
  return () => {
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
