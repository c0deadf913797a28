// Readiness: what is known, passed and found, topic by topic; export, import, forget.
"use strict";
(() => {
  const { questions, exercises } = window.marlBank;
  const progress = window.marlProgress;
  const get = (id) => document.getElementById(id);
  const boxes = [...document.querySelectorAll("[data-exercise]")];
  const say = (text) => {
    get("mi-said").textContent = text;
  };

  function show() {
    const state = progress.read();
    const done = (one) => state.exercises[one.name] === "done";
    const parts = {
      questions: [questions, (one) => progress.known(one.id, state)],
      quizzes: [questions.filter((one) => one.quiz), (one) => state.quizzes[one.id]],
      exercises: [exercises.filter((one) => !one.hunt), done],
      bugs: [exercises.filter((one) => one.hunt), done],
    };
    for (const cell of document.querySelectorAll("[data-what]")) {
      const [all, has] = parts[cell.dataset.what];
      const mine = all.filter((one) => one.topic === cell.dataset.topic);
      if (!mine.length) continue;
      const number = mine.filter(has).length;
      cell.textContent = `${number} of ${mine.length}`;
      if (cell.dataset.what === "questions") {
        const seen = mine.filter((one) => one.id in state.cards || one.id in state.asked).length;
        cell.textContent = `${number} known, ${seen} seen of ${mine.length}`;
      }
      cell.style.setProperty("--share", number / mine.length);
    }
    for (const box of boxes) box.checked = state.exercises[box.dataset.exercise] === "done";
  }

  for (const box of boxes) {
    box.disabled = false;
    box.addEventListener("change", () => {
      progress.change((state) => {
        if (box.checked) state.exercises[box.dataset.exercise] = "done";
        else delete state.exercises[box.dataset.exercise];
      });
      show();
    });
  }

  get("mi-import").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    try {
      const ids = new Set(questions.map((one) => one.id));
      const names = new Set(exercises.map((one) => one.name));
      const { news, left } = progress.merge(await file.text(), {
        cards: ids, quizzes: ids, asked: ids, exercises: names,
      });
      const count = (part) => Object.keys(news[part]).length;
      say(
        `Imported: ${count("cards")} cards, ${count("quizzes")} quizzes, ${count("exercises")} exercises.` +
          (left.length ? ` Left out, as it is not in this book or not done: ${left.join(", ")}.` : ""),
      );
    } catch {
      say(`${file.name} is not a file of progress: it must be JSON such as {"exercises": {"masked_attention": "done"}}.`);
    }
    event.target.value = "";
    show();
  });

  get("mi-forget").addEventListener("click", () => {
    if (!window.confirm("Forget all cards, quizzes and exercises on this machine?")) return;
    progress.forget();
    say("Forgotten.");
    show();
  });

  get("mi-tools").hidden = false;
  window.addEventListener("pageshow", show); // also when one comes back to this page
  show();
})();
