// Readiness: what is known, passed and found, topic by topic; export, import, forget.

import { get, page } from "./page.js";
import { canUndo, forget, merge, onOthers, read, set, undo } from "./progress.js";
import { isKnown, Newer, worth } from "./state.js";

/** @import { Exercise } from "./page.js" */
/** @import { State } from "./state.js" */

const { questions, exercises, tasks } = page.marlBank;
const all = (/** @type {string} */ selector) =>
  /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);
const boxes = /** @type {HTMLInputElement[]} */ (all("[data-exercise]"));
const nameOf = (/** @type {HTMLInputElement} */ box) => box.dataset.exercise ?? "";

/** @param {string} text */
function say(text) {
  get("mi-said").textContent = text;
}

/** @param {string} what @param {string[]} names */
const list = (what, names) => (names.length ? ` ${what} ${names.join(", ")}.` : "");

/**
 * How many of a topic the reader has, and how many there are.
 * @template {{ topic: string }} T
 * @param {T[]} some @param {(one: T) => number | boolean | undefined} has or how much of one
 */
const share = (some, has) => (/** @type {string} */ topic) => {
  const mine = some.filter((one) => one.topic === topic);
  return [mine.reduce((sum, one) => sum + Number(has(one) ?? 0), 0), mine.length];
};

/** What is counted, each as a function of the topic. @param {State} state */
function counts(state) {
  const done = (/** @type {Exercise} */ one) => worth(state.exercises[one.name]);
  const right = (/** @type {{ id: string }} */ one) => state.quizzes[one.id]?.right;
  const quizzes = questions.filter((one) => one.quiz);
  const [hunts, written] = [true, false].map((hunt) =>
    exercises.filter((one) => one.hunt === hunt),
  );
  return {
    questions: share(questions, (one) => isKnown(state, one.id)),
    seen: share(questions, (one) => one.id in state.cards || one.id in state.asked),
    quizzes: share(quizzes, right),
    code: share(tasks, right),
    exercises: share(written, done),
    bugs: share(hunts, done),
  };
}

/** Say what half of an exercise is, beside its box. @param {HTMLInputElement} box */
function showHalf(box) {
  const place = box.parentElement?.querySelector("div");
  place?.querySelector(".mi-half")?.remove();
  if (!box.indeterminate) return;
  const said = document.createElement("span");
  said.className = "mi-half";
  said.textContent = " Values right; gradients are checked in the lab. Counts as half.";
  place?.append(said);
}

function show() {
  const state = read();
  const shares = counts(state);
  for (const cell of all("[data-what]")) {
    const { what, topic = "" } = cell.dataset;
    const [number, of] = shares[/** @type {keyof typeof shares} */ (what)](topic);
    if (!of) continue;
    const [seen] = shares.seen(topic);
    const written = `${number}`.replace(/^0?\.5$|\.5$/, "½");
    cell.textContent =
      what === "questions" ? `${number} known, ${seen} seen of ${of}` : `${written} of ${of}`;
    cell.style.setProperty("--share", `${number / of}`);
  }
  for (const box of boxes) {
    const counts = worth(state.exercises[nameOf(box)]);
    box.checked = counts === 1;
    box.indeterminate = counts === 0.5;
    showHalf(box);
  }
  get("mi-undo").hidden = !canUndo();
}

for (const box of boxes) {
  box.disabled = false;
  box.addEventListener("change", () => {
    set("exercises", nameOf(box), { done: box.checked });
    show();
  });
}

const chooser = /** @type {HTMLInputElement} */ (get("mi-import"));
chooser.addEventListener("change", async () => {
  const file = chooser.files?.[0];
  if (!file) return;
  try {
    const ids = new Set(questions.map((one) => one.id));
    const names = new Set(exercises.map((one) => one.name));
    const known = {
      cards: ids,
      quizzes: new Set([...ids, ...tasks.map((one) => one.id)]),
      asked: ids,
      exercises: names,
    };
    const { news, left, older } = merge(await file.text(), known);
    const [cards, quizzes, done] = [news.cards, news.quizzes, news.exercises].map(
      (part) => Object.keys(part).length,
    );
    say(
      `Imported: ${cards} cards, ${quizzes} quizzes, ${done} exercises.` +
        list("Not taken, as what is here is newer:", older) +
        list("Left out, as it is not in this book or not done:", left),
    );
  } catch (error) {
    say(
      error instanceof Newer
        ? `${file.name} has ${error.message}, which this edition of the book cannot read: import it in a newer edition.`
        : `${file.name} is not a file of progress: it must be JSON such as {"exercises": {"masked_attention": "done"}}.`,
    );
  }
  chooser.value = "";
  show();
});

get("mi-forget").addEventListener("click", () => {
  if (!window.confirm("Forget all cards, quizzes and exercises on this machine?")) return;
  forget();
  say("Forgotten. Until you leave this page, Undo brings it back.");
  show();
});

get("mi-undo").addEventListener("click", () => {
  const number = undo();
  say(`Undone: ${number} entries are as they were.`);
  show();
});

get("mi-tools").hidden = false;
onOthers(show);
show();
