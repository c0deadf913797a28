// A mock interview: five questions, a clock that can be stopped, and one's own verdict.

import { put, typeset } from "./formulas.js";
import { field, find, get, page, reveal } from "./page.js";
import { clock, five, NUMBER } from "./plan.js";
import { read, review, set, today } from "./progress.js";

/** @import { Question } from "./page.js" */

/** @type {Record<string, string>} */
const WORDS = { missed: "Missed it", partly: "Partly", had: "Had it" };
const { topics, levels, questions } = page.marlBank;
const choice = /** @type {HTMLFormElement} */ (get("mi-choice"));
/** @type {Question[]} */
let drawn = [];
/** @type {{ one: Question, rating: string, seconds: number }[]} */
let results = [];
let limit = 0; // seconds a question
let used = 0; // seconds so far, without pauses
/** @type {number | null} */
let since = null; // when the clock was last started; null while it stands

const taken = () => used + (since === null ? 0 : (performance.now() - since) / 1000);

function tick() {
  if (since === null) return;
  const left = limit - taken();
  const time = left > 0 ? `${clock(Math.ceil(left))} left` : `${clock(-left)} over`;
  get("mi-clock").textContent = time;
  if (left <= 0 && !get("mi-said").textContent) {
    get("mi-said").textContent = "Time is up. Finish your sentence.";
  }
}

function stop() {
  used = taken();
  since = null;
}

function start() {
  since = performance.now();
  get("mi-pause").textContent = "Pause";
  tick();
}

function show() {
  const one = drawn[results.length];
  get("mi-said").textContent = "";
  if (!one) return end();
  choice.hidden = true; // on a phone it would stand where the question belongs
  get("mi-card").hidden = false;
  const number = `Question ${results.length + 1} of ${drawn.length}`;
  get("mi-place").textContent = `${number} · ${topics[one.topic]} · ${levels[one.level]}`;
  get("mi-few").hidden = drawn.length === NUMBER;
  get("mi-back").hidden = true;
  get("mi-show").hidden = get("mi-pause").hidden = false;
  put(get("mi-question"), one.question);
  used = 0;
  start();
  get("mi-question").focus({ preventScroll: true });
  get("mi-card").scrollIntoView();
}

// The next one is asked when the last one has been answered.
/** @param {number} number */
function askOn(number) {
  const next = drawn[results.length].followUps[number];
  if (!next) return;
  const details = document.createElement("details");
  details.addEventListener("toggle", () => askOn(number + 1), { once: true });
  get("mi-on").append(details);
  put(details, `<summary>${next.question}</summary>${next.answer}`);
}

function showAnswer() {
  stop();
  get("mi-show").hidden = get("mi-pause").hidden = true;
  get("mi-back").hidden = false;
  put(get("mi-answer"), drawn[results.length].answer);
  get("mi-on").replaceChildren();
  askOn(0);
  get("mi-answer").focus();
}

/** @param {string} rating */
function rate(rating) {
  const one = drawn[results.length];
  results.push({ one, rating, seconds: used });
  set("asked", one.id, { on: today() });
  if (rating !== "partly") review(one.id, rating === "had");
  show();
}

function end() {
  stop();
  get("mi-card").hidden = true;
  choice.hidden = false;
  const had = results.filter((each) => each.rating === "had").length;
  get("mi-total").textContent = results.length
    ? `You had ${had} of ${results.length}.`
    : "No question was answered.";
  const rows = results.map(({ one, rating, seconds }) => {
    const row = document.createElement("tr");
    const link = document.createElement("a");
    link.href = one.page;
    link.innerHTML = one.question;
    row.insertCell().append(link);
    row.insertCell().textContent = WORDS[rating];
    row.insertCell().textContent = clock(seconds);
    return row;
  });
  const result = get("mi-end");
  find(result, "table").hidden = !rows.length;
  find(result, "tbody").replaceChildren(...rows);
  typeset(result);
  result.hidden = false;
  find(result, "h2").focus();
}

choice.addEventListener("submit", (event) => {
  event.preventDefault();
  const [topic, level, minutes] = ["topic", "level", "minutes"].map(
    (name) => field(choice, name).value,
  );
  const some = questions.filter((one) => !topic || one.topic === topic);
  drawn = five(some, level, Object.keys(levels), read().asked);
  results = [];
  limit = 60 * Number(minutes);
  get("mi-end").hidden = true;
  if (drawn.length) show();
  else get("mi-said").textContent = "There is no such question.";
});
get("mi-pause").addEventListener("click", () => {
  if (since === null) return start();
  stop();
  get("mi-pause").textContent = "Go on";
});
get("mi-show").addEventListener("click", showAnswer);
get("mi-stop").addEventListener("click", end);
for (const button of /** @type {NodeListOf<HTMLElement>} */ (
  document.querySelectorAll("[data-rating]")
)) {
  button.addEventListener("click", () => rate(button.dataset.rating ?? ""));
}
setInterval(tick, 250);
reveal();
