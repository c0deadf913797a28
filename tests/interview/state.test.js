// What a reader has learned: Leitner's boxes, what fits, what is brought.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import {
  brought,
  changesOf,
  dayOf,
  empty,
  entryOf,
  fitting,
  isDue,
  isKnown,
  merged,
  Newer,
  reviewed,
  stamp,
  toUndo,
  worth,
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
  const state = {
    ...empty(),
    cards: { a: { box: 1, due: "", at: "" }, b: { box: 2, due: "", at: "" } },
  };
  assert.deepEqual(
    ["a", "b", "c"].map((id) => isKnown(state, id)),
    [false, true, false],
  );
});

const AT = "2026-02-27T11:00:00.000Z";
const LATER = "2026-02-27T11:00:00.001Z";
const UNDATED = "1970-01-01T00:00:00.000Z";

test("an entry is checked field by field, as the command line does", () => {
  const file = new URL("progress_cases.json", import.meta.url);
  const { exercises, others } = JSON.parse(readFileSync(file, "utf8"));
  for (const [entry, fits] of exercises) {
    assert.equal(entryOf("exercises", entry) !== null, fits, JSON.stringify(entry));
  }
  for (const [part, fields, fits] of others) {
    const entry = { ...fields, at: AT };
    assert.deepEqual(entryOf(part, { ...entry, more: 1 }), fits ? entry : null);
  }
});

test("version 1 becomes version 2, older than everything", () => {
  const card = { box: 2, due: "2026-02-27" };
  const found = fitting({
    cards: { good: card, bad: { box: 9, due: "2026-02-27" } },
    quizzes: { a: true, b: "yes" },
    asked: { a: "2026-02-27", b: 5, c: ["2026-02-27"], d: "2026-02-30" },
    exercises: { a: "done", b: "tried" },
    settings: { fresh: 10, speed: -1 },
    more: { a: 1 },
  });
  assert.deepEqual(found, {
    version: 2,
    cards: { good: { ...card, at: UNDATED } },
    quizzes: { a: { right: true, at: UNDATED } },
    asked: { a: { on: "2026-02-27", at: UNDATED } },
    exercises: { a: { done: true, at: UNDATED } },
    settings: { fresh: { value: 10, at: UNDATED } },
  });
  assert.deepEqual(fitting(found), found);
  for (const nothing of [null, undefined, 3, "text", [], { cards: [1], quizzes: "ab" }]) {
    assert.deepEqual(fitting(nothing), empty());
  }
  for (const version of [3, "2", true, null, 1.5, 0, -1, [2]]) {
    assert.throws(() => fitting({ ...found, version }), Newer);
  }
});

test("names that JavaScript's objects have are no entries, and change nothing", () => {
  const text = '{"exercises": {"__proto__": "done", "constructor": "done", "a": "done"}}';
  const { news, left } = brought(text, { exercises: new Set(["a"]) }, empty(), NOON);
  assert.deepEqual(Object.keys(news.exercises), ["a"]);
  assert.deepEqual(left, ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(news.exercises), Object.prototype);
});

/** @param {boolean} done @param {string} at */
const exercise = (done, at) => ({ ...empty(), exercises: { a: { done, at } } });

test("of two states the newer entry counts, whichever is added to the other", () => {
  const states = [exercise(true, AT), exercise(false, LATER), exercise(true, LATER), empty()];
  for (const a of states) {
    assert.deepEqual(merged(a, a), a);
    for (const b of states) {
      assert.deepEqual(merged(a, b), merged(b, a));
      for (const c of states) assert.deepEqual(merged(merged(a, b), c), merged(a, merged(b, c)));
    }
  }
  assert.deepEqual(merged(states[0], states[1]), states[1]);
});

test("a change is newer than what it changes, by any clock", () => {
  const ahead = { at: "2099-01-01T00:00:00.000Z" };
  assert.equal(stamp(new Date(AT)), AT);
  assert.equal(stamp(new Date(AT), { at: UNDATED }), AT);
  assert.equal(stamp(new Date(AT), ahead), "2099-01-01T00:00:00.001Z");
  assert.equal(stamp(new Date(0), { at: AT }), LATER);
  const last = "9999-12-31T23:59:59.999Z";
  assert.equal(stamp(new Date(0), { at: last }), last);
});

test("a card that is due later than its box allows is asked now", () => {
  assert.equal(isDue({ box: 1, due: "2026-02-28" }, NOON), false);
  assert.equal(isDue({ box: 1, due: "2026-03-02" }, NOON), true);
  assert.equal(reviewed({ box: 1, due: "2099-02-28" }, true, NOON).due, "2026-03-01");
});

test("of what is brought only names of this book are taken, and the others are told", () => {
  const text = JSON.stringify({
    quizzes: { here: true, gone: false },
    exercises: { done: "done", open: "tried", other: "done" },
    settings: { fresh: 3 },
  });
  const names = { quizzes: new Set(["here"]), exercises: new Set(["done", "open"]) };
  const { news, left, older } = brought(text, names, empty(), NOON);
  assert.deepEqual(news, {
    ...empty(),
    quizzes: { here: { right: true, at: UNDATED } },
    exercises: { done: { done: true, at: UNDATED } },
    settings: { fresh: { value: 3, at: UNDATED } },
  });
  assert.deepEqual([left, older], [["gone", "open", "other"], []]);
});

test("an import takes what is newer, leaves what is older, and believes no future", () => {
  const mine = exercise(false, AT);
  const text = (/** @type {string} */ at) => JSON.stringify(exercise(true, at));
  assert.deepEqual(brought(text(UNDATED), {}, mine, NOON).older, ["a"]);
  assert.deepEqual(brought(text(LATER), {}, mine, NOON).news, exercise(true, LATER));
  const { news } = brought(text("2099-01-01T00:00:00.000Z"), {}, mine, NOON);
  assert.equal(news.exercises.a.at, NOON.toISOString() > AT ? NOON.toISOString() : AT);
  const again = brought(text(AT).replace("true", "false"), {}, mine, NOON);
  assert.deepEqual([again.news, again.older], [empty(), []]); // it is there already
});

test("values that are right count for half, and take nothing back that the lab has passed", () => {
  const half = { ...empty(), exercises: { a: { done: false, values: true, at: LATER } } };
  assert.deepEqual(
    [null, false, true].map((done) => worth(done === null ? undefined : { done })),
    [0, 0, 1],
  );
  assert.equal(worth(half.exercises.a), 0.5);
  assert.deepEqual(fitting(half), half);
  const both = { done: true, values: true, at: AT };
  assert.deepEqual(entryOf("exercises", both), { done: true, at: AT }); // all, and not half
  // The lab passed it before the page did; and the other way round.
  const { news } = brought(JSON.stringify(exercise(true, AT)), {}, half, NOON);
  assert.equal(merged(half, news).exercises.a.done, true);
  const done = exercise(true, AT);
  assert.deepEqual(brought(JSON.stringify(half), {}, done, NOON), {
    news: empty(),
    left: [],
    older: [],
  });
  // Whoever takes back the tick means it.
  const undone = exercise(false, AT);
  assert.deepEqual(brought(JSON.stringify(undone), {}, half, NOON).older, ["a"]);
  assert.deepEqual(brought(JSON.stringify(half), {}, undone, NOON).news, half);
});

test("undo puts back what an import changed, where nothing has happened since", () => {
  const before = { ...exercise(false, AT), asked: { q: { on: "2026-02-01", at: AT } } };
  const news = { ...exercise(true, LATER), quizzes: { q: { right: true, at: LATER } } };
  const after = merged(before, news);
  const changes = changesOf(before, after);
  assert.deepEqual(
    changes.map(({ part, name }) => `${part} ${name}`),
    ["quizzes q", "exercises a"],
  );
  const since = structuredClone(after);
  since.quizzes.q.right = false;
  assert.deepEqual(toUndo(changes, after), changes);
  assert.deepEqual(toUndo(changes, since), [changes[1]]);
  assert.deepEqual(changes[1].before, before.exercises.a);
});

test("a file of something else is refused", () => {
  for (const text of ['{"a": 1}', "[1, 2]", "null", '{"cards": 3}', "no JSON"]) {
    assert.throws(() => brought(text, {}, empty(), NOON), undefined, text);
  }
});
