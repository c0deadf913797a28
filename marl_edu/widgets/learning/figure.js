// The figure in which a team learns: choose how it talks, train it, look into it.

import { curvesShape } from "../shared/curves.js";
import { announcer, each, fill, find, follow } from "../shared/kit.js";
import { keepKeys, percent, target, tell } from "../shared/kit.js";
import { Runs } from "../shared/runs.js";
import { answerWords, mapRows, stepsShape, stepWords } from "./drawing.js";
import { Questions } from "./env.js";
import { Attention, MeanOfOthers } from "./layers.js";
import { choose, describe, markup, NAMES, TITLES, TONES } from "./settings.js";
import { Pass, shapesOf, tanhOfSum } from "./team.js";
import { Learner, softmaxInto, tableOf, Team } from "./training.js";

/** @import { Input, Place } from "../shared/kit.js" */
/** @import { Lines } from "../shared/curves.js" */
/** @import { Accepts, Settings } from "./settings.js" */
/** @import { Choice, Example, Setup } from "./training.js" */

export const FIGURE = "learning";
// What a link to it holds: how it trains.
export const LINKED = ["talk", "beside", "distractors", "heads", "message", "lr", "seed", "band"];

const SEEDS = [1, 2, 3, 4, 5];
const STEPS = 5; // from the query to the answer
/** What a worker needs of this figure. */
const PARTS_OF_TEAMS = {
  Questions,
  Attention,
  MeanOfOthers,
  shapesOf,
  tanhOfSum,
  Pass,
  tableOf,
  softmaxInto,
  Team,
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
  const guessing = 1 / setup.symbols;
  /** @type {Settings} */
  let settings = first;
  let complaint = "";
  /** @type {{ talk: string, choices: Choice[], shown: Team }[]} */
  let teams = [];
  const runs = new Runs(PARTS_OF_TEAMS, Learner, setup, heard);
  const view = { agent: 0, head: 0, step: 1, question: 0 };

  el.innerHTML = markup(accepts, { look: model.get("look"), hint: model.get("hint") });
  const part = (/** @type {string} */ name) => find(el, `.ml-${name}`);
  const [curves, status, maps, looked, words] = "curves status maps looked words"
    .split(" ")
    .map(part);
  const inside = /** @type {HTMLDetailsElement} */ (looked.closest("details"));
  const act = (/** @type {string} */ name) =>
    /** @type {HTMLButtonElement} */ (find(el, `[data-do=${name}]`));
  const { say, hush } = announcer(() => find(el, "[role=status]"));

  // -- Runs ----------------------------------------------------------------------------------------

  /** Begin with other settings: nothing is trained yet. @param {Settings} wanted */
  function start(wanted) {
    settings = wanted;
    const talks = [settings.talk, ...(settings.beside === "nothing" ? [] : [settings.beside])];
    const seeds = settings.band === "five" ? SEEDS : [settings.seed];
    teams = talks.map((talk) => {
      const choices = seeds.map((seed) => {
        const { distractors, heads, message, lr } = settings;
        const [signature, value] = [message / 3, (2 * message) / 3];
        return { talk, distractors, heads, signature, value, lr, seed };
      });
      return { talk, choices, shown: new Team(setup, choices[0]) };
    });
    runs.begin(teams.flatMap((team) => team.choices));
    view.agent = Math.min(view.agent, settings.distractors + 1);
    view.head = 0;
    paint();
    paintControls();
    tell(model, { ...settings, playing: false });
  }

  /** @param {number} updates after which all runs stop */
  function go(updates) {
    runs.go(updates);
    model.set("playing", true);
    paint();
  }

  function heard() {
    runs.show(teams);
    if (!runs.working) tell(model, { playing: false });
    paint();
  }

  // -- Drawing -------------------------------------------------------------------------------------

  function paint() {
    const seeds = teams[0].choices.length;
    /** @type {Lines[]} */
    const lines = teams.map(({ talk }, t) => ({
      name: TITLES[talk].toLowerCase(),
      tone: TONES[talk],
      rows: runs.all.slice(t * seeds, (t + 1) * seeds).map((run) => run.rows),
    }));
    const { done, end } = runs;
    const axes = { of: "success", end, steps: setup.num_envs, marks: [0, 0.5, 1], say: percent };
    /** @type {Record<string, [number, string]>} */
    const known = {
      best: [1, "best possible 100"],
      trivial: [guessing, `guessing ${100 * guessing}`],
    };
    fill(curves, curvesShape(lines, { ...axes, best: known.best, trivial: known.trivial }));
    const text = [
      complaint,
      `After ${done.toLocaleString("en")} of ${end.toLocaleString("en")} updates.`,
      ...teams.map((_, t) =>
        describe(teams[t].talk, teams[t].choices, runs.all.slice(t * seeds, (t + 1) * seeds)),
      ),
      `Guessing ${percent(guessing)}.`,
    ];
    status.textContent = text.join(" ").trim();
    curves.setAttribute("aria-label", `Share of right answers while training. ${text.join(" ")}`);
    if (!runs.working) say(text.join(" "));
    act("play").textContent = runs.invitation;
    act("step").disabled = runs.working && runs.goal > done + 1; // a single step keeps the focus
    paintMaps();
  }

  function paintMaps() {
    const examples = teams.map(({ shown }) => shown.example(view.question));
    const tables = each(teams, ({ talk }, t) => {
      if (talk === "nobody") return "";
      const example = examples[t];
      const head = Math.min(view.head, example.weights.length - 1);
      const which = example.weights.length > 1 ? `, head ${head + 1}` : "";
      const title = `Who hears whom, in percent: ${NAMES[talk]}${which}`;
      return `<table class="ml-map"><caption>${title}</caption>${mapRows(example, head, view.agent)}</table>`;
    });
    const legend = `<p class="ml-note">Senders in columns, receivers in rows. A ring: the agent whose symbol is asked for. One fresh question each.</p>`;
    fill(maps, tables ? tables + legend : "");
    if (inside.open) paintInside(examples);
  }

  /** What one agent asks and hears, where that is unfolded. @param {Example[]} examples */
  function paintInside(examples) {
    const t = Math.max(
      teams.findIndex(({ talk }) => talk === "attention"),
      0,
    );
    const example = examples[t];
    const { agent, head, step } = view;
    if (teams[t].talk === "attention") {
      fill(looked, stepsShape(example, agent, head, step));
      words.textContent = stepWords(example, agent, head, step);
    } else {
      fill(looked, "");
      words.textContent = `Without attention nobody asks, and there is no query to look at. Agent ${agent} is asked for the symbol of agent ${example.asked[agent]}. ${answerWords(example, agent)}`;
    }
    const steps = teams[t].talk === "attention";
    act("back").disabled = !steps || step === 1;
    act("forth").disabled = !steps || step === STEPS;
  }

  function paintControls() {
    const count = settings.distractors + 2;
    for (const [name, options] of /** @type {const} */ ([
      ["agent", Array.from({ length: count }, (_, i) => i)],
      ["head", Array.from({ length: settings.heads }, (_, h) => h)],
    ])) {
      const list = find(el, `[data-name=${name}]`);
      fill(
        list,
        each(options, (k) => `<option value="${k}">${name === "head" ? k + 1 : k}</option>`),
      );
      /** @type {Input} */ (list).value = String(view[name]);
    }
    for (const name of LINKED) {
      const value = settings[/** @type {keyof Settings} */ (name)];
      /** @type {Input} */ (find(el, `[data-name=${name}]`)).value = String(value);
    }
    const attentive = teams.some(({ talk }) => talk === "attention");
    /** @type {[string, boolean][]} */
    const idle = [
      ["heads", !attentive],
      ["message", !attentive],
      ["seed", settings.band === "five"],
    ];
    for (const [name, off] of idle) {
      const input = /** @type {Input} */ (find(el, `[data-name=${name}]`));
      input.disabled = off;
    }
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
    back: () => look({ step: view.step - 1 }),
    forth: () => look({ step: view.step + 1 }),
    other: () => look({ question: view.question + 1 }),
  };

  /** @param {Partial<typeof view>} change */
  function look(change) {
    Object.assign(view, change);
    paintMaps();
    paintControls();
  }
  el.addEventListener("click", (event) => {
    BUTTONS[target(event).dataset.do ?? ""]?.();
    const row = /** @type {HTMLElement | null} */ (target(event).closest("[data-agent]"));
    if (row) look({ agent: Number(row.dataset.agent) });
  });
  inside.addEventListener("toggle", paintMaps);
  el.addEventListener("input", (event) => {
    const { dataset, value } = target(event);
    const name = dataset.name ?? "";
    if (name === "agent" || name === "head") return look({ [name]: Number(value) });
    complaint = "";
    start(choose({ ...settings, [name]: value }, settings, accepts).settings);
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
