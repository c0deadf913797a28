// Flash cards: what is due, then what is new.
"use strict";
(() => {
  const { topics, levels, questions } = window.marlBank;
  const progress = window.marlProgress;
  const get = (id) => document.getElementById(id);
  const choice = get("mi-choice");
  let queue = [];
  let next = 0; // new cards that are still to come today

  function chosen() {
    const { topic, level } = choice.elements;
    return questions.filter(
      (one) => (!topic.value || one.topic === topic.value) && (!level.value || one.level === level.value),
    );
  }

  // Due cards, longest due first; then new ones in the order of the bank, as many as fit in today.
  function plan() {
    const { cards } = progress.read();
    const today = progress.day();
    const due = chosen()
      .filter((one) => cards[one.id]?.due <= today)
      .sort((a, b) => cards[a.id].due.localeCompare(cards[b.id].due));
    const had = Object.values(cards).filter((card) => card.first === today).length;
    const room = Math.max(0, Number(choice.elements.fresh.value) - had);
    const fresh = chosen().filter((one) => !cards[one.id]).slice(0, room);
    return { due, fresh };
  }

  function tell() {
    const { due, fresh } = plan();
    next = fresh.length;
    if (due.length + next) {
      get("mi-left").textContent = `${due.length} due, ${next} new today.`;
      return;
    }
    const { cards } = progress.read();
    const later = chosen().map((one) => cards[one.id]?.due).filter(Boolean).sort()[0];
    get("mi-left").textContent = later ? `Nothing more today. The next card is due on ${later}.` : "No new cards today.";
  }

  function show() {
    const card = queue[0];
    tell();
    get("mi-card").hidden = !card;
    if (!card) {
      choice.querySelector("button").focus();
      return;
    }
    get("mi-place").textContent = `${topics[card.topic]} · ${levels[card.level]}`;
    get("mi-show").hidden = false;
    get("mi-back").hidden = true;
    progress.put(get("mi-question"), card.question);
    get("mi-question").focus({ preventScroll: true });
    get("mi-card").scrollIntoView({ block: "nearest" });
  }

  function reveal() {
    get("mi-show").hidden = true;
    get("mi-back").hidden = false;
    get("mi-more").href = queue[0].page;
    progress.put(get("mi-answer"), queue[0].answer);
    get("mi-answer").focus();
  }

  function rate(known) {
    const card = queue.shift();
    progress.review(card.id, known, { first: progress.day() });
    if (!known) queue.push(card);
    show();
  }

  choice.addEventListener("submit", (event) => {
    event.preventDefault();
    const { due, fresh } = plan();
    queue = [...due, ...fresh];
    show();
  });
  choice.addEventListener("input", () => {
    const { fresh } = choice.elements;
    if (fresh.validity.valid) {
      progress.change((state) => {
        state.settings.fresh = Number(fresh.value);
      });
    }
    queue = [];
    get("mi-card").hidden = true;
    tell();
  });
  get("mi-show").addEventListener("click", reveal);
  get("mi-no").addEventListener("click", () => rate(false));
  get("mi-yes").addEventListener("click", () => rate(true));
  get("mi-card").addEventListener("keydown", (event) => {
    if (get("mi-back").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "1" || event.key === "2") rate(event.key === "2");
  });
  choice.elements.fresh.value = progress.read().settings.fresh ?? 10;
  get("mi-without").hidden = true;
  get("mi-app").hidden = false;
  tell();
})();
