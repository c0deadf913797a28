// What a reader has learned: Leitner's boxes, what fits, what is brought.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  brought,
  dayOf,
  empty,
  fitting,
  isKnown,
  reviewed,
} from "../../book/_static/interview/state.js";

const NOON = new Date(2026, 1, 27, 12); // 27 February
const NEW = { box: 0, due: "" };

test("days are those of the clock on the wall, over the end of a month and of a year", () => {
  assert.equal(dayOf(NOON), "2026-02-27");
  assert.equal(dayOf(NOON, 2), "2026-03-01");
  assert.equal(dayOf(new Date(2026, 11, 31, 23, 59), 1), "2027-01-01");
  assert.equal(NOON.getDate(), 27); // as it was
});

test("a card that is known comes back after 1, 2, 4, 8 and 16 days", () => {
  const dues = ["2026-02-28", "2026-03-02", "2026-03-06", "2026-03-14", "2026-03-30", "2026-04-15"];
  let card = NEW;
  let now = NOON;
  for (const [k, due] of dues.entries()) {
    card = reviewed(card, true, now);
    assert.deepEqual(card, { box: Math.min(k + 1, 5), due });
    now = new Date(`${due}T09:00`);
  }
});

test("a card that is not known falls to box 0 and is due today", () => {
  const card = { box: 4, due: "2026-03-09", first: "2026-01-01" };
  assert.deepEqual(reviewed(card, false, NOON), { ...card, box: 0, due: "2026-02-27" });
});

test("a second time on one day says nothing new", () => {
  const once = reviewed(NEW, true, NOON);
  assert.equal(reviewed(once, true, NOON), once);
  const failed = reviewed(once, false, NOON); // but not knowing it does
  assert.equal(failed.box, 0);
  assert.equal(reviewed(failed, true, NOON).box, 1);
});

test("a question is known from box 2 on", () => {
  const state = { ...empty(), cards: { a: { box: 1, due: "" }, b: { box: 2, due: "" } } };
  assert.deepEqual(
    ["a", "b", "c"].map((id) => isKnown(state, id)),
    [false, true, false],
  );
});

test("what does not fit is left out", () => {
  const good = { box: 2, due: "2026-02-27" };
  const found = fitting({
    version: 7,
    cards: {
      good,
      noBox: { due: "2026-02-27" },
      highBox: { ...good, box: 6 },
      halfBox: { ...good, box: 0.5 },
      noDate: { ...good, due: "soon" },
      badFirst: { ...good, first: 3 },
      none: null,
    },
    quizzes: { a: true, b: "yes" },
    asked: { a: "2026-02-27", b: 5 },
    exercises: { a: "done", b: "tried" },
    settings: { fresh: 10, speed: -1 },
    more: { a: 1 },
  });
  assert.deepEqual(found, {
    version: 1,
    cards: { good },
    quizzes: { a: true },
    asked: { a: "2026-02-27" },
    exercises: { a: "done" },
    settings: { fresh: 10 },
  });
  for (const nothing of [null, undefined, 3, "text", []]) {
    assert.deepEqual(fitting(nothing), empty());
  }
});

test("of what is brought only names of this book are taken, and the others are told", () => {
  const text = JSON.stringify({
    quizzes: { here: true, gone: false },
    exercises: { done: "done", open: "tried", other: "done" },
    settings: { fresh: 3 },
  });
  const names = { quizzes: new Set(["here"]), exercises: new Set(["done", "open"]) };
  const { news, left } = brought(text, names);
  assert.deepEqual(news, {
    ...empty(),
    quizzes: { here: true },
    exercises: { done: "done" },
    settings: { fresh: 3 },
  });
  assert.deepEqual(left, ["gone", "open", "other"]);
});

test("a file of something else is refused", () => {
  for (const text of ['{"a": 1}', "[1, 2]", "null", '{"cards": 3}', "no JSON"]) {
    assert.throws(() => brought(text, {}), undefined, text);
  }
});
