// The live speaker and listener: watch a pair, mute its word or swap it for another.

import { announcer, clamp, controls, each, escape, fill, find, follow } from "../shared/kit.js";
import { keepKeys, target, tell } from "../shared/kit.js";
import { CHART_HIGH, CHART_WIDE, chart, scene } from "./drawing.js";
import { dictionary, Episode } from "./env.js";
import { load } from "./network.js";
import { caption, CHANNELS, HEAD, HIGHEST, meaning, number, readState } from "./words.js";

/** @import { Packed, Place } from "../shared/kit.js" */
/** @import { Meaning, Room } from "./env.js" */
/** @import { Net, Pair } from "./network.js" */
/** @import { State, Traits } from "./words.js" */

export const FIGURE = "speaker";
// What a link to a moment of it holds.
export const LINKED = ["team", "episode", "goal", "word", "trail"];

const SCRIPTED = ["deaf", "told"];
const PACE = 300; // milliseconds of a step
const WORDS = [
  ["said", "as said"],
  ["mute", "mute"],
  ["0", "0"],
  ["1", "1"],
  ["2", "2"],
];

/** @param {Room} room @param {Record<string, Pair>} pairs @param {{ look: string, hint: string }} texts */
function markup({ side, foot }, pairs, { look, hint }) {
  const { button, group, input, radio, select, uid } = controls("ms");
  const teams = Object.entries(pairs).map(
    ([name, { label }]) => /** @type {[string, string]} */ ([name, escape(label)]),
  );
  /** @param {string} name @param {string[][]} choices */
  const radios = (name, choices) =>
    each(choices, ([value, text]) => `<label>${radio(name, value)} ${text}</label>`);
  return `<div class="ms" role="group" aria-label="Live figure: a speaker and a listener" style="${look}">
    <div class="ms-stage">
      <div class="ms-scene">
        <svg class="ms-plane" viewBox="0 0 ${side} ${side + foot}" role="img"
          font-family="system-ui,sans-serif"><rect width="100%" height="100%" rx="8" fill="var(--block)"/><g></g></svg>
      </div>
      <div class="ms-front">
        <div class="ms-buttons">${button("play", "Play")}${button("step", "Step")}${button("next", "New episode")}${button("reset", "Reset")}</div>
        ${group("word", "The listener hears", radios("word", WORDS))}
        ${select("team", "Pair", teams)}
        <table class="ms-numbers"><thead><tr><th scope="col">pair</th><th scope="col">distance</th>
          <th scope="col">return so far</th><th scope="col">mean return</th></tr></thead><tbody></tbody></table>
        <p class="ms-try"><strong>Try this:</strong> ${escape(hint)}</p>
        <table class="ms-meaning"><thead><tr>${each(HEAD, (text) => `<th scope="col">${text}</th>`)}</tr></thead><tbody></tbody></table>
      </div>
    </div>
    <details class="ms-more">
      <summary>More: another goal, any episode, distances over time</summary>
      <div class="ms-stage">
        <div class="ms-front">
          ${group(
            "goal",
            "The goal",
            radios(
              "goal",
              ["0", "1", "2"].map((k) => [k, `landmark ${k}`]),
            ),
          )}
          <div class="ms-field"><label for="episode-${uid}">Episode</label>${input(
            "episode",
            `id="episode-${uid}" type="number" min="0" max="${HIGHEST}" step="1"`,
          )}</div>
          <p class="ms-note">A word is heard one step after it is said. Muted, the listener hears nothing, as before the
            first word. A hollow dot on the path: in that step you chose what is heard.</p>
          <p class="ms-note">The second table is found by trying, from this start: what the speaker says for each goal,
            and where the listener ends if it hears one word only. The speaker’s place means nothing, so it stands
            below the plane. Mean return: over the test episodes of the chapter.</p>
        </div>
        <div class="ms-front">
          <p class="ms-note">Distance to the goal by step.</p>
          <svg class="ms-chart" viewBox="0 0 ${CHART_WIDE} ${CHART_HIGH}" role="img" font-family="system-ui,sans-serif"></svg>
        </div>
      </div>
    </details>
    <p class="ms-hidden" role="status"></p>
  </div>`;
}

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  /** @type {Room} */
  const room = model.get("room");
  /** @type {Record<string, Pair & Partial<Packed>>} */
  const pairs = model.get("pairs");
  /** @type {Record<string, Net>} */
  const nets = {}; // decoded when first used
  /** @type {Traits} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  /** @type {State} */
  let state;
  /** @type {Episode} */
  let now;
  /** The same episode by both scripted pairs, to its end. @type {Episode[]} */
  let references;
  /** @type {Meaning[]} */
  let meanings;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  el.innerHTML = markup(room, pairs, { look: model.get("look"), hint: model.get("hint") });
  const part = (/** @type {string} */ selector) => find(el, selector);
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (part(`[data-name=${name}]`));
  const button = (/** @type {string} */ name) =>
    /** @type {HTMLButtonElement} */ (part(`[data-do=${name}]`));
  const { say, hush } = announcer(() => part("[role=status]"));

  // -- State ---------------------------------------------------------------------------------------

  /** @param {string} team */
  const netOf = (team) => (nets[team] ??= load(pairs[team]));
  /** The same episode by a scripted pair, for so many steps. @param {string} team @param {number} steps */
  const undisturbed = (team, steps) =>
    new Episode(room, netOf(team), state.episode, state.goal).follow("t" + "s".repeat(steps));

  /** @param {Partial<State>} patch */
  function set(patch) {
    state = { ...state, ...patch };
    const { team, episode, goal, trail } = state;
    now = new Episode(room, netOf(team), episode, goal).follow(trail);
    references = SCRIPTED.map((name) => undisturbed(name, room.steps));
    meanings = dictionary(room, netOf(team), episode);
    show();
  }

  function step() {
    if (!el.isConnected) return;
    now.step(CHANNELS[state.word]);
    state.trail = now.trail;
    show();
  }

  /** What is heard from now on; an episode that is over is played anew. @param {string} word */
  function hear(word) {
    const trail = now.over ? "t" + CHANNELS[word].repeat(room.steps) : state.trail;
    set({ word, trail });
  }

  /** Another episode with its own goal, from its start. @param {number} episode */
  function begin(episode) {
    model.set("playing", false);
    const { goal } = new Episode(room, netOf("told"), episode);
    set({ episode, goal, trail: "t" });
  }

  // -- Drawing -------------------------------------------------------------------------------------

  function show() {
    const [deaf, told] = SCRIPTED.map((name) => undisturbed(name, now.t));
    if (now.over) model.set("playing", false);
    const playing = model.get("playing");
    const text = caption(now, deaf, told);
    part(".ms-plane g").innerHTML = scene(now);
    part(".ms-plane").setAttribute("aria-label", `Speaker and listener. ${text}`);
    part(".ms-chart").innerHTML = chart(now, references);
    part(".ms-chart").setAttribute(
      "aria-label",
      `Distances after ${now.t} steps: this pair ${number(now.away[now.goal], 2)}, deaf ${number(deaf.away[now.goal], 2)}, told ${number(told.away[now.goal], 2)}`,
    );
    fill(
      part(".ms-numbers tbody"),
      each([now, deaf, told], (one, k) => {
        const name = ["this pair", ...SCRIPTED][k];
        return `<tr><th scope="row">${name}</th><td>${number(one.away[one.goal], 2)}</td>
          <td>${number(one.returns)}</td><td>${number(one.net.score)}</td></tr>`;
      }),
    );
    const heard = ["0", "1", "2"].indexOf(`${now.heard}`);
    fill(
      part(".ms-meaning tbody"),
      each(meanings.map(meaning), ([word, goals, where], k) => {
        const mark = k === heard || (k === 3 && now.t > 0 && heard < 0) ? ' class="ms-now"' : "";
        return `<tr${mark}><th scope="row">${word}</th><td>${goals}</td><td>${where}</td></tr>`;
      }),
    );
    for (const input of el.querySelectorAll("input")) {
      const value = `${state[/** @type {keyof State} */ (input.dataset.name)]}`;
      if (input.type === "radio") input.checked = input.value === value;
      else if (input !== document.activeElement) input.value = value;
    }
    field("team").value = state.team;
    button("play").textContent = playing ? "Pause" : now.over ? "Play again" : "Play";
    button("step").disabled = now.over;
    if (!playing) say(text);
    tell(model, state);
    clearTimeout(timer);
    if (playing) timer = setTimeout(step, PACE);
  }

  // -- Controls ------------------------------------------------------------------------------------

  /** @type {Record<string, () => void>} */
  const BUTTONS = {
    play() {
      model.set("playing", !model.get("playing"));
      if (now.over) set({ trail: "t" });
      else show();
    },
    step,
    next: () => begin((state.episode + 1) % (HIGHEST + 1)),
    reset() {
      model.set("playing", false);
      set(readState(first, first, Object.keys(pairs), room.steps));
    },
  };
  el.addEventListener("click", (event) => BUTTONS[target(event).dataset.do ?? ""]?.());
  el.addEventListener("input", (event) => {
    const { dataset, value, validity } = target(event);
    if (dataset.name === "word") hear(value);
    if (dataset.name === "team") set({ team: value });
    if (dataset.name === "goal") set({ goal: Number(value) });
    if (dataset.name === "episode" && validity.valid && value !== "")
      begin(clamp(value, 0, HIGHEST));
  });
  el.addEventListener("change", show); // so that a number says what counts

  // -- Beginning and end ---------------------------------------------------------------------------

  const wanted = () => {
    const traits = Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
    return readState(traits, first, Object.keys(pairs), room.steps);
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
