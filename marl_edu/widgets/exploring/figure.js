// The figure in which an agent explores: choose what it is paid by, train it, watch surprise fade.

import { curvesShape } from "../shared/curves.js";
import { announcer, each, fill, find, follow } from "../shared/kit.js";
import { keepKeys, percent, target, tell } from "../shared/kit.js";
import { Runs } from "../shared/runs.js";
import { mapsShape } from "./drawing.js";
import { States } from "./maze.js";
import { ActorCritic, Chain, chainShapes, Counts, Distillation, drawNets } from "./network.js";
import { drawWide, makeNets, policyShapes, predictorShapes } from "./network.js";
import { Running, targetShapes } from "./network.js";
import { choose, describe, markup, rarely, TITLES, TONES } from "./settings.js";
import { Explorer, Learner } from "./training.js";

/** @import { Input, Place } from "../shared/kit.js" */
/** @import { Accepts, Settings } from "./settings.js" */
/** @import { Choice, Setup } from "./training.js" */

export const FIGURE = "exploring";
// What a link to it holds: how it trains, and what is shown.
export const LINKED = ["bonus", "beside", "maze", "map", "share", "lr", "seed", "band"];

const SEEDS = [1, 2, 3, 4, 5];
/** What a worker needs of this figure. */
const PARTS_OF_EXPLORERS = {
  States,
  chainShapes,
  policyShapes,
  predictorShapes,
  targetShapes,
  Chain,
  ActorCritic,
  Running,
  Distillation,
  Counts,
  drawWide,
  makeNets,
  drawNets,
  Explorer,
  Learner,
};

/** @param {Place} place */
export function render({ model, el }) {
  keepKeys(el);
  /** @type {Setup} */
  const setup = model.get("setup");
  /** @type {Accepts} */
  const accepts = model.get("accepts");
  /** @type {Settings} */
  const first = model.get("first"); // as the figure was made; the traits may come from a link
  /** @type {Settings} */
  let settings = first;
  let complaint = "";
  /** @type {{ bonus: string, choices: Choice[], shown: Explorer }[]} */
  let agents = [];
  let random = 0; // how likely random play reaches the goal
  const runs = new Runs(PARTS_OF_EXPLORERS, Learner, setup, heard);

  const names = Object.entries(setup.mazes).map(([name, { free, steps }]) => [
    name,
    `${name}: ${free.length} cells, ${steps} steps`,
  ]);
  const texts = { look: model.get("look"), hint: model.get("hint") };
  el.innerHTML = markup(accepts, Object.fromEntries(names), texts);
  const [curves, status, maps] = [".ml-curves", ".ml-status", ".me-maps"].map((name) =>
    find(el, name),
  );
  const act = (/** @type {string} */ name) =>
    /** @type {HTMLButtonElement} */ (find(el, `[data-do=${name}]`));
  const input = (/** @type {string} */ name) =>
    /** @type {Input} */ (find(el, `[data-name=${name}]`));
  const { say, hush } = announcer(() => find(el, "[role=status]"));

  // -- Runs ----------------------------------------------------------------------------------------

  /** Begin with other settings: nothing is trained yet. @param {Settings} wanted */
  function start(wanted) {
    settings = wanted;
    const { bonus, beside, maze, share, lr } = settings;
    const seeds = settings.band === "five" ? SEEDS : [settings.seed];
    agents = [bonus, ...(beside === "nothing" ? [] : [beside])].map((one) => {
      const choices = seeds.map((seed) => ({ bonus: one, maze, share, lr, seed }));
      return { bonus: one, choices, shown: new Explorer(setup, choices[0]) };
    });
    const { states } = agents[0].shown;
    const any = new Float64Array(states.size * states.actions).fill(1 / states.actions);
    random = states.arrival(any, setup.mazes[maze].steps);
    runs.begin(agents.flatMap((agent) => agent.choices));
    show();
  }

  /** Show what there is. */
  function show() {
    for (const name of LINKED) {
      input(name).value = String(settings[/** @type {keyof Settings} */ (name)]);
    }
    input("seed").disabled = settings.band === "five";
    input("share").disabled = agents.every(({ bonus }) => bonus !== "rnd");
    paint();
    tell(model, { ...settings, playing: runs.working });
  }

  /** @param {number} updates after which all runs stop */
  function go(updates) {
    runs.go(updates);
    model.set("playing", true);
    paint();
  }

  function heard() {
    runs.show(agents);
    if (!runs.working) tell(model, { playing: false });
    paint();
  }

  // -- Drawing -------------------------------------------------------------------------------------

  function paint() {
    const seeds = agents[0].choices.length;
    const own = (/** @type {number} */ t) => runs.all.slice(t * seeds, (t + 1) * seeds);
    const { done, end } = runs;
    const lines = agents.map(({ bonus }, t) => ({
      name: TITLES[bonus],
      tone: TONES[bonus],
      rows: own(t).map((run) => run.rows),
    }));
    fill(
      curves,
      curvesShape(lines, {
        of: "success",
        end,
        steps: 1,
        unit: "updates",
        marks: [0, 0.5, 1],
        best: [1, "best possible 100"],
        trivial: [random, `random play ${percent(random)}`],
        say: percent,
      }),
    );
    const text = [
      complaint,
      `After ${done.toLocaleString("en")} of ${end.toLocaleString("en")} updates.`,
      ...agents.map(({ choices }, t) => describe(choices, own(t))),
      `Random play: ${rarely(random)}.`,
    ]
      .join(" ")
      .trim();
    status.textContent = text;
    curves.setAttribute(
      "aria-label",
      `Share of episodes that reach the goal while training. ${text}`,
    );
    if (!runs.working) say(text);
    act("play").textContent = runs.invitation;
    act("step").disabled = runs.working && runs.goal > done + 1; // a single step keeps the focus
    const seen = each(agents, ({ bonus, shown }) => mapsShape(shown, settings.map, TITLES[bonus]));
    fill(maps, seen);
  }

  // -- Controls ------------------------------------------------------------------------------------

  /** @type {Record<string, () => void>} */
  const BUTTONS = {
    play() {
      complaint = "";
      if (runs.working) return runs.pause();
      if (runs.over) start(settings); // the same again
      go(runs.next);
    },
    step() {
      go(runs.done + 1);
    },
    reset() {
      complaint = "";
      start(first);
    },
  };
  el.addEventListener("click", (event) => BUTTONS[target(event).dataset.do ?? ""]?.());
  el.addEventListener("change", (event) => {
    const { dataset, value } = target(event);
    if (!dataset.name) return;
    complaint = "";
    const wanted = { ...settings, [dataset.name]: value };
    const { settings: found } = choose(wanted, settings, accepts);
    if (dataset.name !== "map") return start(found);
    settings = found;
    show();
  });

  // -- Beginning and end ---------------------------------------------------------------------------

  /** Python, or a link, asks for other settings. */
  function outside() {
    const wanted = Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
    const { settings: found, sentence } = choose(wanted, settings, accepts);
    if (!sentence && JSON.stringify(found) === JSON.stringify(settings)) return;
    complaint = sentence;
    start(found);
  }
  start(first);
  outside();
  const unfollow = follow(model, LINKED, () => setTimeout(outside));
  return () => {
    hush();
    unfollow();
    runs.dismiss();
  };
}
