// What a reader has learned, kept in this browser: one entry of localStorage, no account.
// A plain script, not a module: a page opened from disk may not import any.
//
// {version: 1,
//  cards: {ID: {box: 0..5, due: "2026-11-25", first: "2026-11-24"}},    first: the day on which it
//                                            was new; none if it came from a mock interview
//  quizzes: {ID: true | false},              the last answer was right
//  asked: {ID: "2026-11-24"},                last time in a mock interview
//  exercises: {NAME: "done"},                bug hunts are exercises too
//  settings: {fresh: 10}}                    new cards a day
//
// Cards follow Leitner: five boxes and an interval each. SM-2 and FSRS are better over months, and
// need a history of that length to be; whoever has two weeks sees what this does, and why. The
// Anki deck is for the others.
"use strict";
(() => {
  const KEY = "marl-edu-progress";
  const DAYS = [0, 1, 2, 4, 8, 16]; // until a card comes back, by its box
  const KNOWN = 2; // the box from which on a question counts as known
  const EMPTY = () => ({ version: 1, cards: {}, quizzes: {}, asked: {}, exercises: {}, settings: {} });
  const DATE = /^\d{4}-\d\d-\d\d$/;
  // What each part may hold; anything else is left out.
  const FITS = {
    cards: (card) =>
      Number.isInteger(card?.box) && card.box in DAYS && DATE.test(card.due) &&
      (card.first === undefined || DATE.test(card.first)),
    quizzes: (right) => typeof right === "boolean",
    asked: (day) => DATE.test(day),
    exercises: (state) => state === "done",
    settings: (number) => Number.isInteger(number) && number >= 0,
  };
  let memory = EMPTY(); // where nothing can be kept, as long as the page is open

  function day(after = 0) {
    const date = new Date();
    date.setDate(date.getDate() + after);
    const two = (n) => String(n).padStart(2, "0");
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  }

  function fitting(found) {
    const state = EMPTY();
    for (const part in FITS) {
      for (const [name, value] of Object.entries(found?.[part] ?? {})) {
        if (FITS[part](value)) state[part][name] = value;
      }
    }
    return state;
  }

  function read() {
    try {
      return fitting(JSON.parse(localStorage.getItem(KEY)));
    } catch {
      return memory;
    }
  }

  function change(how) {
    const state = read(); // again: another tab may have written
    how(state);
    memory = state;
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      // Forbidden or full: it lasts as long as the page.
    }
  }

  // Known: one box up, and back after its days. Not known: box 0, and back today. `more` is what a
  // card has if there was none yet.
  function review(id, known, more = {}) {
    change((state) => {
      const card = state.cards[id] ?? { box: 0, ...more };
      // A second time on one day says nothing new.
      if (known && card.box > 0 && card.due > day()) return;
      card.box = known ? Math.min(card.box + 1, DAYS.length - 1) : 0;
      card.due = day(DAYS[card.box]);
      state.cards[id] = card;
    });
  }

  function known(id, state = read()) {
    return (state.cards[id]?.box ?? 0) >= KNOWN;
  }

  // Add what somebody brings. `names` are those that each part knows. Gives what was taken, and the
  // names of what was not.
  function merge(text, names) {
    const found = JSON.parse(text);
    const parts = Object.keys(FITS).filter((part) => typeof (found?.[part] ?? 0) === "object");
    if (!parts.length) throw new Error("nothing of this kind in it");
    const news = fitting(found);
    for (const part in names) {
      for (const name in news[part]) if (!names[part].has(name)) delete news[part][name];
    }
    change((state) => {
      for (const part in FITS) Object.assign(state[part], news[part]);
    });
    const left = parts.flatMap((part) => Object.keys(found[part]).filter((name) => !(name in news[part])));
    return { news, left: [...new Set(left)] };
  }

  function forget() {
    memory = EMPTY();
    try {
      localStorage.removeItem(KEY);
    } catch {
      // There was none.
    }
  }

  function save() {
    const file = new Blob([JSON.stringify(read(), null, 1)], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `marl-edu-progress-${day()}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // Formulas in what a script has just put on the page. Before MathJax is there it has nothing to
  // do: then it finds them itself. One call at a time.
  let last = Promise.resolve();
  function typeset(element) {
    last = last
      .then(() => window.MathJax?.startup?.promise)
      .then(() => window.MathJax?.typesetPromise?.([element]))
      .then(() => window.marlWide(element));
  }

  function put(element, html) {
    window.MathJax?.typesetClear?.([element]);
    element.innerHTML = html;
    typeset(element);
  }

  for (const button of document.querySelectorAll("[data-export]")) {
    button.hidden = false;
    button.addEventListener("click", save);
  }

  window.marlProgress = { change, day, forget, known, merge, put, read, review, typeset };
})();
