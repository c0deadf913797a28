// The live T-maze: walk it with a network's memory in view, exchange or erase it on the way.

import {
  CELL,
  controls,
  each,
  escape,
  find,
  follow,
  keepKeys,
  target,
  tell,
} from "../shared/kit.js";
import { mazeShape, memoryShape } from "./drawing.js";
import { caption, DOWN, FORWARD, readsNow, UP, Walk } from "./env.js";
import { load } from "./network.js";

/** @import { Packed, Place } from "../shared/kit.js" */
/** @import { Maze } from "./env.js" */
/** @import { Net, Agent } from "./network.js" */

export const FIGURE = "corridor";
// What a link to a moment of it holds.
export const LINKED = ["net", "sign", "trail"];

const PACE = 450; // milliseconds of a step
/** @type {Record<string, number>} */
const KEYS = { ArrowRight: FORWARD, ArrowUp: UP, ArrowDown: DOWN };

/** @param {Maze} maze @param {Record<string, Agent>} agents @param {{ look: string, hint: string }} texts */
function markup(maze, agents, { look, hint }) {
  const { button, group, radio } = controls("mk");
  const [ROW, WIDE, TOP, SIDE] = maze.sizes;
  const units = Object.values(agents)[0].hidden_dim;
  /** @param {string} name @param {string} legend @param {[string, string][]} choices */
  const radios = (name, legend, choices) =>
    group(
      name,
      legend,
      each(choices, ([value, text]) => `<label>${radio(name, value)} ${escape(text)}</label>`),
    );
  return `<div class="mk" role="group" aria-label="Live figure: an agent’s memory" style="${look}">
    <div class="mk-stage">
      <div class="mk-scene">
        <svg class="mk-maze" viewBox="0 0 ${(maze.length + 1) * CELL} ${3 * CELL}" role="img"
          font-family="system-ui,sans-serif"><rect width="100%" height="100%" rx="8" fill="var(--block)"/><g></g></svg>
        <svg class="mk-memory" viewBox="0 0 ${WIDE + SIDE} ${TOP + ROW * units}" role="img"
          font-family="system-ui,sans-serif"></svg>
      </div>
      <div class="mk-front">
        <div class="mk-buttons">${button("play", "Let it walk")}${button("choose", "Step")}${button("reset", "Reset")}</div>
        <div class="mk-buttons">${button("x", "Exchange memory")}${button("e", "Erase memory")}</div>
        <p class="mk-status" role="status"></p>
        <p class="mk-try"><strong>Try this:</strong> ${escape(hint)}</p>
      </div>
    </div>
    <details class="mk-more">
      <summary>More: walk it yourself, the other sign, another memory</summary>
      <div class="mk-stage">
        <div class="mk-front">
          <div class="mk-buttons">${button("f", "Forward")}${button("u", "Turn up")}${button("d", "Turn down")}${button("back", "Undo")}</div>
          <p class="mk-note">Arrow keys work on the buttons: right is forward. Exchange gives the agent the memory
            of a twin who did the same, but read the other sign.</p>
          <p class="mk-note">Above: how probably the sign said up, as the probe reads it from the memory. Below: the
            ${units} units of the memory, step by step. Orange is positive, blue negative; at a dashed line you changed the memory.</p>
        </div>
        <div class="mk-front">
          ${radios("sign", "The sign says", [
            ["up", "up"],
            ["down", "down"],
          ])}
          ${radios(
            "net",
            "Memory",
            Object.entries(agents).map(([name, { label }]) => [name, label]),
          )}
        </div>
      </div>
    </details>
  </div>`;
}

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  /** @type {Maze} */
  const maze = model.get("maze");
  /** @type {Record<string, Agent & Packed>} */
  const agents = model.get("nets");
  /** @type {Record<string, Net>} */
  const nets = {}; // decoded when first used
  /** @type {{ net: string, sign: string, trail: string }} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  /** @type {Walk} */
  let walk;
  /** @type {string} */
  let name;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  el.innerHTML = markup(maze, agents, { look: model.get("look"), hint: model.get("hint") });
  const [scene, picture, remembered, status] = [
    ".mk-maze g",
    ".mk-maze",
    ".mk-memory",
    ".mk-status",
  ].map((selector) => find(el, selector));
  const buttons = Object.fromEntries(
    [...el.querySelectorAll("button")].map((one) => [one.dataset.do, one]),
  );

  /** @param {string} wanted @param {string} sign @param {string} trail */
  function start(wanted, sign, trail) {
    name = Object.hasOwn(agents, wanted) ? wanted : Object.keys(agents)[0];
    nets[name] ??= load(agents[name]);
    walk = new Walk(maze, nets[name], sign).follow(String(trail));
    show();
  }

  function show() {
    const text = caption(walk);
    scene.innerHTML = mazeShape(walk);
    picture.setAttribute("aria-label", `T-maze. ${text}`);
    remembered.innerHTML = memoryShape(walk);
    const up = (100 * readsNow(walk)).toFixed(0);
    remembered.setAttribute(
      "aria-label",
      `Memory over ${walk.memories.length} steps; the probe reads up with ${up} %`,
    );
    status.textContent = text;
    /** @type {Record<string, string>} */
    const traits = { net: name, sign: walk.way, trail: walk.trail };
    for (const input of el.querySelectorAll("input")) {
      input.checked = input.value === traits[input.dataset.name ?? ""];
    }
    if (walk.over) model.set("playing", false);
    for (const one of ["f", "u", "d", "choose", "play", "x", "e"])
      buttons[one].disabled = walk.over;
    buttons.back.disabled = walk.trail === "w";
    buttons.play.textContent = model.get("playing") ? "Pause" : "Let it walk";
    tell(model, traits);
    clearTimeout(timer);
    if (model.get("playing")) timer = setTimeout(() => act(walk.choose()), PACE);
  }

  /** @param {number} action */
  function act(action) {
    if (!el.isConnected) return;
    walk.step(action);
    show();
  }

  /** @param {string} how */
  function change(how) {
    walk.change(how);
    show();
  }

  /** @type {Record<string, () => void>} */
  const BUTTONS = {
    f: () => act(FORWARD),
    u: () => act(UP),
    d: () => act(DOWN),
    choose: () => act(walk.choose()),
    play() {
      model.set("playing", !model.get("playing"));
      show();
    },
    x: () => change("x"),
    e: () => change("e"),
    back: () => start(name, walk.way, walk.trail.slice(0, -1) || "w"),
    reset() {
      model.set("playing", false);
      start(first.net, first.sign, first.trail);
    },
  };
  el.addEventListener("click", (event) => BUTTONS[target(event).dataset.do ?? ""]?.());
  el.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS) || target(event).matches("input")) return;
    event.preventDefault();
    act(KEYS[event.key]);
  });
  el.addEventListener("input", (event) => {
    const { dataset, value } = target(event);
    if (dataset.name === "sign") start(name, value, walk.trail);
    if (dataset.name === "net") start(value, walk.way, walk.trail);
  });
  // Python, or a link, asks for another moment.
  const outside = () => {
    const [net, sign, trail] = LINKED.map((key) => model.get(key));
    if (net !== name || sign !== walk.way || trail !== walk.trail) start(net, sign, trail);
  };
  start(model.get("net"), model.get("sign"), String(model.get("trail")));
  const ends = [
    follow(model, LINKED, () => setTimeout(outside)),
    follow(model, ["playing"], () => setTimeout(show)),
  ];
  return () => {
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
