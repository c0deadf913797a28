// A mock interview: five questions, a clock that can be stopped, and one's own verdict.
"use strict";
(() => {
  const NUMBER = 5;
  const MIXED = { screen: 2, onsite: 2, research: 1 };
  const WORDS = { missed: "Missed it", partly: "Partly", had: "Had it" };
  const { topics, levels, questions } = window.marlBank;
  const progress = window.marlProgress;
  const get = (id) => document.getElementById(id);
  const choice = get("mi-choice");
  let drawn = [];
  let results = [];
  let limit = 0; // seconds a question
  let used = 0; // seconds so far, without pauses
  let since = null; // when the clock was last started; null while it stands

  // Never asked or longest ago first, by chance among equals.
  function draw(some, number) {
    const { asked } = progress.read();
    return some
      .map((one) => [asked[one.id] ?? "", Math.random(), one])
      .sort((a, b) => a[0].localeCompare(b[0]) || a[1] - b[1])
      .slice(0, number)
      .map((each) => each[2]);
  }

  function five(topic, level) {
    const some = questions.filter((one) => !topic || one.topic === topic);
    if (level) return draw(some.filter((one) => one.level === level), NUMBER);
    const mixed = Object.keys(levels).flatMap((each) =>
      draw(some.filter((one) => one.level === each), MIXED[each]),
    );
    // A topic with too few of one level has more of the others.
    const rest = some.filter((one) => !mixed.includes(one));
    return mixed.concat(draw(rest, NUMBER - mixed.length));
  }

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const taken = () => used + (since === null ? 0 : (performance.now() - since) / 1000);

  function tick() {
    if (since === null) return;
    const left = limit - taken();
    get("mi-clock").textContent = left > 0 ? `${clock(Math.ceil(left))} left` : `${clock(-left)} over`;
    if (left <= 0 && !get("mi-said").textContent) get("mi-said").textContent = "Time is up. Finish your sentence.";
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
    get("mi-place").textContent =
      `Question ${results.length + 1} of ${drawn.length} · ${topics[one.topic]} · ${levels[one.level]}`;
    get("mi-few").hidden = drawn.length === NUMBER;
    get("mi-back").hidden = true;
    get("mi-show").hidden = get("mi-pause").hidden = false;
    progress.put(get("mi-question"), one.question);
    used = 0;
    start();
    get("mi-question").focus({ preventScroll: true });
    get("mi-card").scrollIntoView();
  }

  // The next one is asked when the last one has been answered.
  function askOn(number) {
    const next = drawn[results.length].followUps[number];
    if (!next) return;
    const details = document.createElement("details");
    details.addEventListener("toggle", () => askOn(number + 1), { once: true });
    get("mi-on").append(details);
    progress.put(details, `<summary>${next.question}</summary>${next.answer}`);
  }

  function reveal() {
    stop();
    get("mi-show").hidden = get("mi-pause").hidden = true;
    get("mi-back").hidden = false;
    progress.put(get("mi-answer"), drawn[results.length].answer);
    get("mi-on").replaceChildren();
    askOn(0);
    get("mi-answer").focus();
  }

  function rate(rating) {
    const one = drawn[results.length];
    results.push({ one, rating, seconds: used });
    progress.change((state) => {
      state.asked[one.id] = progress.day();
    });
    if (rating !== "partly") progress.review(one.id, rating === "had");
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
    get("mi-end").querySelector("table").hidden = !rows.length;
    get("mi-end").querySelector("tbody").replaceChildren(...rows);
    progress.typeset(get("mi-end"));
    get("mi-end").hidden = false;
    get("mi-end").querySelector("h2").focus();
  }

  choice.addEventListener("submit", (event) => {
    event.preventDefault();
    const { topic, level, minutes } = choice.elements;
    drawn = five(topic.value, level.value);
    results = [];
    limit = 60 * Number(minutes.value);
    get("mi-end").hidden = true;
    if (drawn.length) show();
    else get("mi-said").textContent = "There is no such question.";
  });
  get("mi-pause").addEventListener("click", () => {
    if (since === null) return start();
    stop();
    get("mi-pause").textContent = "Go on";
  });
  get("mi-show").addEventListener("click", reveal);
  get("mi-stop").addEventListener("click", end);
  for (const button of document.querySelectorAll("[data-rating]")) {
    button.addEventListener("click", () => rate(button.dataset.rating));
  }
  setInterval(tick, 250);
  get("mi-without").hidden = true;
  get("mi-app").hidden = false;
})();
