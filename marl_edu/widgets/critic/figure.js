// The live critic: watch a team hunt and its critic foresee; switch off what the critic reads.

import { announcer, controls, each, escape, fill, find, follow } from "../shared/kit.js";
import { CELL, keepKeys, target, tell } from "../shared/kit.js";
import { chart, grid, HIGH, WIDE } from "./drawing.js";
import { Hunt } from "./hunt.js";
import { load } from "./network.js";
import { caption, code, HEAD, NOTHING, readState, rows, summary, switched } from "./words.js";

/** @import { Packed, Place } from "../shared/kit.js" */
/** @import { Task } from "./hunt.js" */
/** @import { Critic, Net } from "./network.js" */
/** @import { State, Traits } from "./words.js" */

export const FIGURE = "critic";
// What a link to a moment of it holds.
export const LINKED = ["critic", "hunt", "step", "agent", "off"];

const PACE = 500; // milliseconds of a step

/** @param {Task} task @param {Record<string, Critic>} critics @param {{ look: string, hint: string }} texts */
function markup({ size, agents, episodes, inputs }, critics, { look, hint }) {
  const { button, group, input, radio, select } = controls("mr");
  const names = Object.entries(critics).map(
    ([name, { label }]) => /** @type {[string, string]} */ ([name, escape(label)]),
  );
  const switches = each(
    inputs,
    ([letter, name]) =>
      `<label data-part="${letter}">${input("part", `type="checkbox" value="${letter}"`)} ${escape(name)}</label>`,
  );
  const which = each(
    Array.from({ length: agents }, (_, i) => `${i}`),
    (i) => `<label>${radio("agent", i)} ${i}</label>`,
  );
  const side = size * CELL;
  return `<div class="mr" role="group" aria-label="Live figure: a critic and its inputs" style="${look}">
    <div class="mr-stage">
      <div class="mr-scene">
        <svg class="mr-grid" viewBox="0 0 ${side} ${side}" role="img"
          font-family="system-ui,sans-serif"><rect width="100%" height="100%" rx="8" fill="var(--block)"/><g></g></svg>
        <svg class="mr-chart" viewBox="0 0 ${WIDE} ${HIGH}" role="img" font-family="system-ui,sans-serif"></svg>
      </div>
      <div class="mr-front">
        <div class="mr-buttons">${button("play", "Play")}${button("step", "Step")}${button("next", "Next hunt")}${button("reset", "Reset")}</div>
        ${group("parts", "The critic reads", switches)}
        ${select("critic", "Critic", names)}
        <p class="mr-words"></p>
        <p class="mr-try"><strong>Try this:</strong> ${escape(hint)}</p>
        <table class="mr-numbers"><thead><tr>${each(HEAD, (text) => `<th scope="col">${text}</th>`)}</tr></thead><tbody></tbody></table>
      </div>
    </div>
    <details class="mr-more">
      <summary>More: another agent, what is drawn</summary>
      <div class="mr-front">
        ${group("agent", "Values of agent", which)}
        <p class="mr-note">Solid: the discounted return that followed each step. Where time ran out, the critic’s last
          value stands for the rest, as in training. Dashed: the critic with all inputs. Dotted: as switched.</p>
        <p class="mr-note">An input that is off is 0; a memory that is off is 0 before every step. No critic was trained
          for that. The table counts ${episodes.toLocaleString("en")} hunts of each critic’s own team, one seed, actions sampled as in
          training. The hunts here are the first of them; the critic runs in this page.</p>
      </div>
    </details>
    <p class="mr-hidden" role="status"></p>
  </div>`;
}

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  /** @type {Task} */
  const task = model.get("task");
  /** @type {Record<string, Critic & Packed>} */
  const critics = model.get("critics");
  /** @type {Record<string, Net>} */
  const nets = {}; // decoded when first used
  /** @type {Traits} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  /** @type {State} */
  let state;
  /** @type {Hunt} */
  let now;
  /** Letters of what is off. @type {string} */
  let off;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  el.innerHTML = markup(task, critics, { look: model.get("look"), hint: model.get("hint") });
  const part = (/** @type {string} */ selector) => find(el, selector);
  const button = (/** @type {string} */ name) =>
    /** @type {HTMLButtonElement} */ (part(`[data-do=${name}]`));
  const { say, hush } = announcer(() => part("[role=status]"));

  // -- State ---------------------------------------------------------------------------------------

  /** @param {Partial<State>} patch */
  function set(patch) {
    state = { ...state, ...patch };
    const { critic, hunt } = state;
    nets[critic] ??= load(critics[critic]);
    off = switched(state.off, nets[critic]);
    now = new Hunt(task, nets[critic], hunt, off);
    show();
  }

  function step() {
    if (!el.isConnected) return;
    state.step = Math.min(state.step, now.steps - 1) + 1;
    show();
  }

  // -- Drawing -------------------------------------------------------------------------------------

  function show() {
    const over = state.step >= now.steps;
    if (over) model.set("playing", false);
    const playing = model.get("playing");
    const { critic, agent } = state;
    const text = caption(now, state.step, agent, off);
    part(".mr-grid g").innerHTML = grid(now, state.step);
    part(".mr-grid").setAttribute("aria-label", `A hunt. ${text}`);
    part(".mr-chart").innerHTML = chart(now, state.step, agent, off);
    part(".mr-chart").setAttribute("aria-label", summary(now, agent, off));
    part(".mr-words").textContent = text;
    fill(
      part(".mr-numbers tbody"),
      each(rows(critics, critic, off, task), ([[name, ...numbers], shown]) => {
        const cells = each(numbers, (one) => `<td>${one}</td>`);
        return `<tr${shown ? ' class="mr-now"' : ""}><th scope="row">${escape(name)}</th>${cells}</tr>`;
      }),
    );
    for (const label of el.querySelectorAll("label[data-part]")) {
      const letter = label.getAttribute("data-part") ?? "";
      label.toggleAttribute("hidden", !Object.hasOwn(nets[critic].parts, letter));
      /** @type {HTMLInputElement} */ (find(label, "input")).checked = !off.includes(letter);
    }
    for (const one of el.querySelectorAll("input[type=radio]")) {
      const input = /** @type {HTMLInputElement} */ (one);
      input.checked = input.value === `${agent}`;
    }
    /** @type {HTMLSelectElement} */ (part("[data-name=critic]")).value = critic;
    button("play").textContent = playing ? "Pause" : over ? "Play again" : "Play";
    button("step").disabled = over;
    if (!playing) say(text);
    tell(model, state);
    clearTimeout(timer);
    if (playing) timer = setTimeout(step, PACE);
  }

  // -- Controls ------------------------------------------------------------------------------------

  /** @type {Record<string, () => void>} */
  const BUTTONS = {
    play() {
      if (state.step >= now.steps) state.step = 0;
      model.set("playing", !model.get("playing"));
      show();
    },
    step,
    next() {
      model.set("playing", false);
      set({ hunt: (state.hunt + 1) % now.net.hunts.length, step: 0 });
    },
    reset() {
      model.set("playing", false);
      set(readState(first, first, critics, task));
    },
  };
  el.addEventListener("click", (event) => BUTTONS[target(event).dataset.do ?? ""]?.());
  el.addEventListener("input", (event) => {
    const { dataset, value, checked } = target(event);
    if (dataset.name === "part") {
      const kept = state.off === NOTHING ? "" : state.off.replace(value, "");
      set({ off: code(checked ? kept : kept + value, task) });
    }
    if (dataset.name === "critic") set({ critic: value, hunt: 0, step: 0 });
    if (dataset.name === "agent") set({ agent: Number(value) });
  });

  // -- Beginning and end ---------------------------------------------------------------------------

  const wanted = () => {
    const traits = Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
    return readState(traits, first, critics, task);
  };
  // Python, or a link, asks for another moment.
  const outside = () => {
    const asked = wanted();
    if (JSON.stringify(asked) !== JSON.stringify(state)) set(asked);
  };
  set(wanted());
  const ends = [
    follow(model, LINKED, () => setTimeout(outside)),
    follow(model, ["playing"], () => setTimeout(show)),
  ];
  return () => {
    clearTimeout(timer);
    hush();
    ends.forEach((end) => end());
  };
}
