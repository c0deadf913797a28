// The live graph: agents that pass on what they know to those nearby.

import {
  announcer,
  argmax,
  clamp,
  controls,
  each,
  escape,
  fill,
  find,
  follow,
  keepKeys,
} from "../shared/kit.js";
import { target, tell } from "../shared/kit.js";
import { agentShape, arrowShape, linkShape } from "./drawing.js";
import { nearby, pair } from "./env.js";
import { LETTERS, load } from "./network.js";
import { asked, compute, describe, readState, sideOf, writeState } from "./state.js";

/** @import { Input, Place } from "../shared/kit.js" */
/** @import { Point } from "./env.js" */
/** @import { Net } from "./network.js" */
/** @import { Moment, State, Traits } from "./state.js" */

export const FIGURE = "graph";
// What a link to a moment of it holds: all of it.
export const LINKED = ["places", "holds", "cut", "radius", "layer", "head", "selected"];

/** An option that is called what it is. @param {unknown} one @returns {[unknown, unknown]} */
const itself = (one) => [one, one];

/** @param {number} N @param {Net} net @param {{ look: string, hint: string }} texts */
function markup(N, net, { look, hint }) {
  const { button, select, slider } = controls("mg");
  const side = sideOf(N);
  const letters = LETTERS.slice(0, net.symbols).split("");
  const heads = Array.from({ length: net.heads }, (_, h) => h + 1);
  return `<div class="mg" role="group" aria-label="Live figure: a graph of agents" style="${look}">
    <div class="mg-stage">
      <div class="mg-scene">
        <svg class="mg-picture" viewBox="-20 -20 ${side + 40} ${side + 40}" role="img">
          <rect x="-20" y="-20" width="${side + 40}" height="${side + 40}" rx="8" fill="var(--block)"/>
          <g class="mg-reach"></g><g class="mg-links"></g><g class="mg-fields"></g><g class="mg-arrows"></g><g class="mg-agents"></g>
        </svg>
      </div>
      <div class="mg-front">
        <div class="mg-buttons">${button("reset", "Reset")}</div>
        <fieldset class="mg-ties"><legend></legend></fieldset>
        <p class="mg-try"><strong>Try this:</strong> ${escape(hint)}</p>
        <p class="mg-status" aria-hidden="true"></p>
        <p class="mg-legend">Only agents exactly ${net.layers} links from their nearest source were ever paid for
          their answer. Other answers mean nothing: they are pale.</p>
      </div>
    </div>
    <details class="mg-more">
      <summary>More: move an agent, change what it holds, layers and heads</summary>
      <div class="mg-stage">
        <div class="mg-side">
          ${select("selected", "Agent", [...Array(N).keys()].map(itself))}
          ${slider("across", "Across", 0, side)}
          ${slider("down", "Down", 0, side)}
          ${select("hold", "It holds", [["-", "nothing"], ...letters.map(itself)])}
        </div>
        <div class="mg-side">
          ${slider("radius", "Radius", 0, side)}
          ${slider("layer", "Layers", 1, net.layers)}
          ${select("head", "Head", [[0, "mean of all"], ...heads.map(itself)])}
        </div>
      </div>
      <p class="mg-legend">A large letter: what a source holds. A small one: what an agent answers. A halo: in the
        receptive field. An arrow: attention, as wide as it is strong. A dotted circle: how far an agent hears.</p>
    </details>
    <p class="mg-hidden" role="status"></p>
  </div>`;
}

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  const net = load(model.get("net"));
  /** @type {Traits} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  const numbers = [...Array(first.holds.length).keys()];
  const side = sideOf(numbers.length);
  /** @type {State} */
  let state;
  /** @type {number | undefined} */
  let dragged;
  let tied = ""; // whose links the checkboxes are of, and to whom

  el.innerHTML = markup(numbers.length, net, { look: model.get("look"), hint: model.get("hint") });
  const part = (/** @type {string} */ name) => find(el, `.mg-${name}`);
  const [picture, status, ties] = ["picture", "status", "ties"].map(part);
  const { say, hush } = announcer(() => find(el, "[role=status]"));
  const inputs = /** @type {NodeListOf<Input>} */ (el.querySelectorAll("[data-name]"));

  // -- State ---------------------------------------------------------------------------------------

  /** @param {Partial<State>} patch */
  function set(patch) {
    state = { ...state, ...patch };
    paint(compute(state, net));
    tell(model, writeState(state));
  }

  /** @param {number} i @param {unknown} x @param {unknown} y */
  function move(i, x, y) {
    /** @type {Point} */
    const there = [clamp(x, 0, side), clamp(y, 0, side)];
    set({ places: state.places.map((place, k) => (k === i ? there : place)) });
  }

  /** Cut a link, or mend it. @param {number} i @param {number} j */
  function toggle(i, j) {
    const cut = new Set(state.cut);
    if (!cut.delete(pair(i, j))) cut.add(pair(i, j));
    set({ cut });
  }

  // -- Controls ------------------------------------------------------------------------------------

  for (const input of inputs) {
    const name = input.dataset.name ?? "";
    input.addEventListener("input", () => {
      const { selected, places, holds } = state;
      const [x, y] = places[selected];
      if (name === "across") move(selected, input.value, y);
      else if (name === "down") move(selected, x, input.value);
      else if (name !== "hold") set({ [name]: Number(input.value) });
      else set({ holds: each(numbers, (i) => (i === selected ? input.value : holds[i])) });
    });
  }
  ties.addEventListener("change", (event) => toggle(state.selected, Number(target(event).value)));
  find(el, "[data-do=reset]").addEventListener("click", () => set(readState(first, first, net)));

  /** @param {PointerEvent} event @returns {Point} */
  const point = (event) => {
    const box = picture.getBoundingClientRect();
    const scale = (side + 40) / box.width;
    return [(event.clientX - box.left) * scale - 20, (event.clientY - box.top) * scale - 20];
  };
  picture.addEventListener("pointerdown", (event) => {
    const agent = /** @type {SVGElement | null} */ (target(event).closest("[data-agent]"));
    if (!agent) return;
    dragged = Number(agent.dataset.agent);
    picture.setPointerCapture(event.pointerId);
    set({ selected: dragged });
  });
  // A finger on an agent drags it, and not the page.
  picture.addEventListener(
    "touchstart",
    (event) => {
      if (target(event).closest("[data-agent]")) event.preventDefault();
    },
    { passive: false },
  );
  picture.addEventListener("pointermove", (event) => {
    if (dragged !== undefined) move(dragged, ...point(event));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    picture.addEventListener(end, () => setTimeout(() => (dragged = undefined)));
  }
  picture.addEventListener("click", (event) => {
    const link = /** @type {SVGElement | null} */ (target(event).closest("[data-link]"));
    if (!link || dragged !== undefined) return;
    const [i, j] = (link.dataset.link ?? "").split("-").map(Number);
    toggle(i, j);
  });

  // -- Drawing -------------------------------------------------------------------------------------

  /** @param {Moment} now */
  function paint(now) {
    const { places, holds, cut, radius, selected } = state;
    const [x, y] = places[selected];
    const near = nearby(places, radius, new Set()); // cut off or not
    const circle = `<circle cx="${x}" cy="${y}" r="${radius}" fill="none" stroke="var(--soft)" stroke-dasharray="2 6"/>`;
    fill(part("reach"), circle);
    const links = each(numbers, (i) =>
      each(
        near[i].filter((j) => j > i),
        (j) => linkShape(i, j, places, cut.has(pair(i, j))),
      ),
    );
    fill(part("links"), links);
    const halo = (/** @type {number} */ j) => {
      const [u, v] = places[j];
      return `<circle cx="${u}" cy="${v}" r="26" fill="var(--accent)" opacity=".22"/>`;
    };
    fill(part("fields"), each([...now.field], halo));
    const others = numbers.filter((j) => j !== selected);
    const arrows = others.map((j) => arrowShape(places[j], places[selected], now.weights[j]));
    fill(
      part("arrows"),
      each([0, 1], (above) => each(arrows, (arrow) => arrow[above])),
    );
    const agents = each(numbers, (i) => {
      const held = holds[i] !== "-";
      const letter = held ? holds[i] : LETTERS[argmax(now.chances[i])];
      const counts = held || asked(i, holds, now.near, net.layers);
      return agentShape(i, places[i], letter, held, i === selected, counts);
    });
    fill(part("agents"), agents);
    paintTies(near[selected].filter((j) => j !== selected));
    paintControls(now);
    const words = describe(state, now);
    status.textContent = words;
    picture.setAttribute("aria-label", words);
    say(words);
  }

  /** A checkbox for every link of the selected agent. @param {number[]} others */
  function paintTies(others) {
    const { selected, cut } = state;
    if (tied !== `${selected}:${others}`) {
      tied = `${selected}:${others}`;
      const boxes = each(others, (j) => {
        return `<label><input type="checkbox" value="${j}">${j}</label>`;
      });
      ties.innerHTML = `<legend>Links of agent ${selected} to</legend>${boxes || "nobody within its radius"}`;
    }
    for (const box of ties.querySelectorAll("input")) {
      box.checked = !cut.has(pair(selected, Number(box.value)));
    }
  }

  /** @param {Moment} now */
  function paintControls({ near, field }) {
    const { places, holds, radius, layer, selected } = state;
    const [across, down] = places[selected];
    /** @type {Record<string, string>} */
    const values = {
      across: `${across} of ${side}`,
      down: `${down} of ${side}`,
      radius: `${radius}: ${near[selected].length - 1} neighbours`,
      layer: `${layer} of ${net.layers}: ${field.size} agents in the field`,
    };
    /** @type {Record<string, unknown>} */
    const chosen = { ...state, across, down, hold: holds[selected] };
    for (const input of inputs) {
      const name = input.dataset.name ?? "";
      input.value = `${chosen[name]}`;
      if (!values[name]) continue;
      input.setAttribute("aria-valuetext", values[name]);
      find(el, `[data-value=${name}]`).textContent = values[name];
    }
  }

  // -- Beginning and end ---------------------------------------------------------------------------

  const wanted = () => Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
  set(readState(wanted(), first, net));
  const unfollow = follow(model, LINKED, (key) => {
    if ((model.get(key) ?? "") !== writeState(state)[key]) set(readState(wanted(), first, net));
  });
  return () => {
    hush();
    unfollow();
  };
}
