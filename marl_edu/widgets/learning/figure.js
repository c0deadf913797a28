// The figure in which a team learns: choose how it talks, train it, look into it.

import { announcer, controls, each, escape, fill, find, follow } from "../shared/kit.js";
import { keepKeys, percent, target, tell } from "../shared/kit.js";
import { answerWords, CURVES, curvesShape, mapRows, stepsShape, stepWords } from "./drawing.js";
import { employ } from "./engine.js";
import { Team } from "./training.js";

/** @import { Input, Place } from "../shared/kit.js" */
/** @import { Lines } from "./drawing.js" */
/** @import { Report } from "./engine.js" */
/** @import { Choice, Setup } from "./training.js" */

export const FIGURE = "learning";
// What a link to it holds: how it trains.
export const LINKED = ["talk", "beside", "distractors", "heads", "message", "lr", "seed", "band"];

/** @typedef {{ talk: string, beside: string, distractors: number, heads: number, message: number,
 *   lr: number, seed: number, band: string }} Settings */
/** What each setting may be, in Python's words. @typedef {Record<keyof Settings, (string | number)[]>} Accepts */

/** @type {Record<string, string>} */
const NAMES = {
  attention: "attention",
  mean: "the mean",
  nobody: "nobody talks",
  nothing: "nothing",
  one: "this seed",
  five: "seeds 1 to 5, as a band",
};
/** @type {Record<string, string>} */
const TITLES = { attention: "Attention", mean: "The mean", nobody: "Silence" };
/** @type {Record<string, string>} */
const TONES = { attention: "var(--a0)", mean: "var(--a3)", nobody: "var(--soft)" };
const SEEDS = [1, 2, 3, 4, 5];
const STEPS = 5; // from the query to the answer
const [FAST, CALM] = [200, 2000]; // milliseconds from picture to picture

/**
 * Settings as they are accepted, and what is to be said of those that are not.
 * @param {Record<string, unknown>} wanted @param {Settings} kept @param {Accepts} accepts
 */
function accepted(wanted, kept, accepts) {
  /** @type {string[]} */
  const refused = [];
  const entries = Object.entries(accepts).map(([name, options]) => {
    const found = options.find((one) => String(one) === String(wanted[name]));
    const held = kept[/** @type {keyof Settings} */ (name)];
    if (found === undefined) {
      const word = String(wanted[name]).slice(0, 30);
      refused.push(`${name} “${word}” (it takes ${options.join(", ")}; kept: ${held})`);
    }
    return [name, found ?? held];
  });
  /** @type {Settings} */
  const settings = Object.fromEntries(entries);
  if (settings.beside === settings.talk) settings.beside = "nothing"; // it would be the same run
  const sentence = refused.length ? `The link asks for ${refused.join(" and ")}.` : "";
  return { settings, sentence };
}

/** @param {Accepts} accepts @param {{ look: string, hint: string }} texts */
function markup(accepts, { look, hint }) {
  const { button, select } = controls("ml");
  /** @param {keyof Settings} name @param {string} label @param {(one: any) => string} [say] */
  const choose = (name, label, say = (one) => NAMES[one] ?? String(one)) =>
    select(
      name,
      label,
      accepts[name].map((one) => [one, say(one)]),
    );
  return `<div class="ml" role="group" aria-label="Live figure: a team that learns" style="${look}">
    <div class="ml-stage">
      <div class="ml-scene">
        <svg class="ml-curves" viewBox="${CURVES}" role="img" font-family="system-ui,sans-serif" font-size="13"></svg>
      </div>
      <div class="ml-front">
        <div class="ml-buttons">${button("play", "Train")}${button("step", "Step")}${button("reset", "Reset")}</div>
        <p class="ml-status" aria-hidden="true"></p>
        ${choose("talk", "The team hears")}
        ${choose("beside", "Beside it")}
        ${choose("distractors", "Distractors")}
        <p class="ml-try"><strong>Try this:</strong> ${escape(hint)}</p>
      </div>
    </div>
    <div class="ml-maps"></div>
    <details class="ml-more">
      <summary>More: what one agent asks and whom it hears</summary>
      <div class="ml-buttons">${button("back", "Back")}${button("forth", "Next")}${button("other", "Another question")}</div>
      <div class="ml-stage">
        <div class="ml-fields">${select("agent", "Agent", [])}${select("head", "Head", [])}</div>
        <div class="ml-looked"></div>
      </div>
      <p class="ml-words"></p>
    </details>
    <details class="ml-more">
      <summary>More: heads, message, learning rate, seeds</summary>
      <div class="ml-stage">
        <div class="ml-fields">
          ${choose("heads", "Heads")}
          ${choose("message", "Message", (one) => `${one} numbers a head: ${one / 3} + ${(2 * one) / 3}`)}
          ${choose("lr", "Learning rate")}
        </div>
        <div class="ml-fields">${choose("seed", "Seed")}${choose("band", "Runs")}</div>
      </div>
      <p class="ml-note">A message is a signature and a value. Heads and message are attention’s; the mean hears all that
        the others know. Whatever you change here starts a new run.</p>
    </details>
    <p class="ml-hidden" role="status"></p>
  </div>`;
}

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
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  /** @type {Settings} */
  let settings = first;
  let complaint = "";
  /** @type {{ talk: string, choices: Choice[], shown: Team }[]} */
  let teams = [];
  /** @type {Report["runs"]} */
  let runs = []; // as last reported, with all rows so far
  /** @type {ReturnType<typeof employ> | undefined} */
  let engine;
  let number = 0; // of what is under way; reports on anything else come too late
  let begun = false;
  let working = false;
  let until = 0;
  const view = { agent: 0, head: 0, step: 1, question: 0 };

  el.innerHTML = markup(accepts, { look: model.get("look"), hint: model.get("hint") });
  const part = (/** @type {string} */ name) => find(el, `.ml-${name}`);
  const [curves, status, maps, looked, words] = "curves status maps looked words"
    .split(" ")
    .map(part);
  const act = (/** @type {string} */ name) =>
    /** @type {HTMLButtonElement} */ (find(el, `[data-do=${name}]`));
  const { say, hush } = announcer(() => find(el, "[role=status]"));

  // -- Runs ----------------------------------------------------------------------------------------

  /** Begin with other settings: nothing is trained yet. @param {Settings} wanted */
  function start(wanted) {
    settings = wanted;
    number += 1;
    begun = working = false;
    until = 0;
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
    runs = teams.flatMap(({ choices }) =>
      choices.map(() => ({
        updates: 0,
        rows: [],
        diverged: "",
        fresh: undefined,
        weights: undefined,
      })),
    );
    view.agent = Math.min(view.agent, settings.distractors + 1);
    view.head = 0;
    engine?.send({ until: 0 });
    paint();
    tell(model, { ...settings, playing: false });
  }

  /** @param {number} updates after which all runs stop */
  function go(updates) {
    until = updates;
    working = true;
    engine ??= employ(heard, calm ? CALM : FAST);
    const choices = teams.flatMap((team) => team.choices);
    engine.send(begun ? { until } : { begin: { number, setup, choices }, until });
    begun = true;
    model.set("playing", true);
    paint();
  }

  function pause() {
    until = done();
    engine?.send({ until });
  }

  /** How many updates the run has that has most. */
  const done = () => Math.max(...runs.map((run) => run.updates));

  /** @param {Report} report */
  function heard(report) {
    if (report.number !== number) return;
    runs = runs.map((run, k) => ({
      ...report.runs[k],
      rows: [...run.rows, ...report.runs[k].rows],
    }));
    for (const [t, { shown, choices }] of teams.entries()) {
      const { weights } = runs[t * choices.length];
      if (weights) shown.weights.flat.set(weights);
    }
    working = report.working;
    if (!working) tell(model, { playing: false });
    paint();
  }

  // -- Drawing -------------------------------------------------------------------------------------

  const plain = (/** @type {number} */ x) => x.toLocaleString("en");

  /** What there is to say of a team. @param {number} t */
  function describe(t) {
    const { talk, choices } = teams[t];
    const own = runs.slice(t * choices.length, (t + 1) * choices.length);
    const title = TITLES[talk];
    const wrong = own.find((run) => run.diverged);
    const seed = wrong && choices[own.indexOf(wrong)].seed;
    if (wrong?.diverged === "numbers") {
      return `${title} has diverged (seed ${seed}): its gradient is no number any more. Choose a smaller learning rate and train again.`;
    }
    if (wrong) {
      return `${title} is stuck (seed ${seed}): its policy is certain but only guesses, so it tries nothing else. Choose a smaller learning rate or another seed and train again.`;
    }
    const score = (/** @type {number[]} */ found) => {
      const [low, high] = [Math.min(...found), Math.max(...found)];
      return low === high ? percent(low) : `${percent(low)} to ${percent(high)}`;
    };
    const fresh = own.flatMap((run) => run.fresh ?? []);
    if (fresh.length === own.length) return `${title}: ${score(fresh)} of 500 fresh questions.`;
    const last = own.flatMap((run) => run.rows.slice(-1));
    if (!last.length) return `${title}: not trained yet.`;
    const focus = percent(last[0].focus);
    const where =
      talk === "nobody" ? "" : `, ${focus} of what it hears comes from the agent asked for`;
    return `${title}: ${score(last.map((row) => row.success))} right${where}.`;
  }

  function paint() {
    const seeds = teams[0].choices.length;
    /** @type {Lines[]} */
    const lines = teams.map(({ talk }, t) => ({
      name: NAMES[talk],
      tone: TONES[talk],
      rows: runs.slice(t * seeds, (t + 1) * seeds).map((run) => run.rows),
    }));
    const end = Math.max(setup.updates, Math.ceil(done() / setup.updates) * setup.updates);
    fill(curves, curvesShape(lines, end, setup.num_envs, guessing));
    const text = [
      complaint,
      `After ${plain(done())} of ${plain(end)} updates.`,
      ...teams.map((_, t) => describe(t)),
      `Guessing ${percent(guessing)}.`,
    ];
    status.textContent = text.join(" ").trim();
    curves.setAttribute("aria-label", `Share of right answers while training. ${text.join(" ")}`);
    if (!working) say(text.join(" "));
    act("play").textContent = working
      ? "Pause"
      : done() && done() % setup.updates === 0
        ? "Train on"
        : "Train";
    act("step").disabled = working;
    paintMaps();
    paintControls();
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
      if (working) return pause();
      const over = runs.every((run) => run.diverged);
      if (over) start(settings); // the same again
      go((Math.floor(done() / setup.updates) + 1) * setup.updates);
    },
    step() {
      go(done() + 1);
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
  el.addEventListener("input", (event) => {
    const { dataset, value } = target(event);
    const name = dataset.name ?? "";
    if (name === "agent" || name === "head") return look({ [name]: Number(value) });
    complaint = "";
    start(accepted({ ...settings, [name]: value }, settings, accepts).settings);
  });

  // -- Beginning and end ---------------------------------------------------------------------------

  /** Python, or a link, asks for other settings. */
  function outside() {
    const wanted = Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
    const { settings: found, sentence } = accepted(wanted, settings, accepts);
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
    engine?.end();
  };
}
