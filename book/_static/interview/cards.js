// Flash cards: what is due, then what is new.

import { put } from "./formulas.js";
import { field, find, get, page, reveal } from "./page.js";
import { plan } from "./plan.js";
import { onOthers, read, review, set, today } from "./progress.js";

/** @import { Question } from "./page.js" */

const { topics, levels, questions } = page.marlBank;
const choice = /** @type {HTMLFormElement} */ (get("mi-choice"));
const fresh = field(choice, "fresh");
/** @type {Question[]} */
let queue = [];

function planned() {
  const [topic, level] = ["topic", "level"].map((name) => field(choice, name).value);
  const chosen = questions.filter(
    (one) => (!topic || one.topic === topic) && (!level || one.level === level),
  );
  return { chosen, ...plan(chosen, read().cards, new Date(), Number(fresh.value)) };
}

function tell() {
  const next = planned(); // new cards are still to come today
  if (next.due.length + next.fresh.length) {
    get("mi-left").textContent = `${next.due.length} due, ${next.fresh.length} new today.`;
    return;
  }
  const { cards } = read();
  const [later] = next.chosen.flatMap((one) => cards[one.id]?.due ?? []).sort();
  get("mi-left").textContent = later
    ? `Nothing more today. The next card is due on ${later}.`
    : "No new cards today.";
}

function show() {
  const [card] = queue;
  tell();
  get("mi-card").hidden = !card;
  if (!card) {
    find(choice, "button").focus();
    return;
  }
  get("mi-place").textContent = `${topics[card.topic]} · ${levels[card.level]}`;
  get("mi-show").hidden = false;
  get("mi-back").hidden = true;
  put(get("mi-question"), card.question);
  get("mi-question").focus({ preventScroll: true });
  get("mi-card").scrollIntoView({ block: "nearest" });
}

function showAnswer() {
  const [card] = queue;
  get("mi-show").hidden = true;
  get("mi-back").hidden = false;
  get("mi-more").setAttribute("href", card.page);
  put(get("mi-answer"), card.answer);
  get("mi-answer").focus();
}

/** @param {boolean} known */
function rate(known) {
  const [card, ...others] = queue;
  review(card.id, known, { first: today() });
  queue = known ? others : [...others, card];
  show();
}

choice.addEventListener("submit", (event) => {
  event.preventDefault();
  const next = planned();
  queue = [...next.due, ...next.fresh];
  show();
});
choice.addEventListener("input", () => {
  if (fresh.validity.valid) {
    set("settings", "fresh", { value: Number(fresh.value) });
  }
  queue = [];
  get("mi-card").hidden = true;
  tell();
});
get("mi-show").addEventListener("click", showAnswer);
get("mi-no").addEventListener("click", () => rate(false));
get("mi-yes").addEventListener("click", () => rate(true));
addEventListener("keydown", (event) => {
  const elsewhere = /** @type {Element} */ (event.target).closest?.("a, button, input, select");
  if (get("mi-card").hidden || elsewhere || event.ctrlKey || event.altKey || event.metaKey) return;
  if (!get("mi-show").hidden && event.key === " ") showAnswer();
  else if (!get("mi-back").hidden && "12".includes(event.key)) rate(event.key === "2");
  else return;
  event.preventDefault();
});
fresh.value = `${read().settings.fresh?.value ?? 15}`;
onOthers(tell);
reveal();
tell();
