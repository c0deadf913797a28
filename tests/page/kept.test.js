// Exercises in the page: what is kept of an answer, and the verdict in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cut,
  fromKept,
  graded,
  keyOf,
  pieces,
  progress,
  ran,
  toKeep,
  toNote,
} from "../../book/_static/python/kept.js";

const RIGHT = {
  passed: true,
  mistake: "",
  message: "Right on all 3 inputs.",
  printed: "",
  line: null,
};
const WRONG = { passed: false, mistake: "axis", message: "Rows.", printed: "a", line: null };

test("an answer is read as it was kept, of any text", () => {
  for (const text of [
    "",
    "def f():\n    return 1\n",
    'x = "é\u2028 \\" 🙂"',
    "x".repeat(100_000),
  ]) {
    assert.deepEqual(fromKept(toKeep(text)), { text });
  }
  assert.deepEqual(fromKept(null), {});
  assert.notEqual(keyOf("a"), keyOf("b"));
});

test("what is damaged is handed back as it is, and nothing of it is taken for an answer", () => {
  for (const damaged of ["", "{", "null", "3", "[]", '"text"', '{"text": 3}', '{"at": 1}']) {
    assert.deepEqual(fromKept(damaged), { damaged });
  }
  const long = toKeep("x".repeat(300_000));
  assert.deepEqual(fromKept(long), { damaged: long });
});

test("a verdict is the judge's sentence below its headline", () => {
  assert.deepEqual(graded(RIGHT, false), {
    headline: "Passed",
    message: "Right on all 3 inputs.",
    printed: "",
    line: null,
  });
  assert.equal(graded(WRONG, true).headline, "Not right yet");
  assert.equal(graded(WRONG, true).message, "Rows.");
  const none = { ...WRONG, mistake: "not_attempted" };
  assert.equal(graded(none, false).headline, "Not attempted yet");
});

test("values alone are said to be values alone", () => {
  const sentence = "Right on all 3 inputs. The values are right; gradients are checked in the lab.";
  const { headline, message } = graded({ ...RIGHT, message: sentence }, true);
  assert.equal(headline, "Values right");
  assert.equal(message, `${sentence} Until then it counts as half.`);
});

test("a line is named once", () => {
  const at = { ...WRONG, message: "NameError: no x.", line: 4 };
  assert.equal(graded(at, false).message, "Line 4: NameError: no x.");
  const told = { ...at, message: "NameError in line 4: no x." };
  assert.equal(graded(told, false).message, told.message);
  const other = { ...at, message: "NameError in line 42: no x." };
  assert.equal(graded(other, false).message, `Line 4: ${other.message}`);
  const stopped = ran({ printed: "1\n", error: "ZeroDivisionError: 1 / 0", line: 2 });
  assert.deepEqual(stopped, {
    headline: "It stopped",
    message: "Line 2: ZeroDivisionError: 1 / 0",
    printed: "1\n",
    line: 2,
  });
});

test("what ran says what it printed, or that it printed nothing", () => {
  assert.equal(ran({ printed: "3\n", error: "", line: null }).message, "");
  assert.match(ran({ printed: "", error: "", line: null }).message, /printed nothing/);
});

test("a pass is noted as all or half, and never takes back what is done", () => {
  assert.deepEqual(toNote(false), { done: true });
  assert.deepEqual(toNote(true), { done: false, values: true });
  assert.deepEqual(toNote(false, { done: false, values: true }), { done: true });
  assert.equal(toNote(true, { done: true }), null);
  assert.equal(toNote(false, { done: true }), null);
});

test("what is printed is cut, and says so", () => {
  assert.equal(cut("short"), "short");
  assert.ok(cut("x".repeat(1_000_000)).length < 5000);
  assert.match(cut("x".repeat(5000)), /cut\.$/);
});

test("code and emphasis in a sentence are pieces of their own", () => {
  assert.deepEqual(pieces("Rows of `w * v` sum to *two*."), [
    ["", "Rows of "],
    ["code", "w * v"],
    ["", " sum to "],
    ["em", "two"],
    ["", "."],
  ]);
  assert.deepEqual(pieces("a lone ` and 2 * 3 * 4"), [["", "a lone ` and 2 * 3 * 4"]]);
  assert.deepEqual(pieces(""), []);
});

test("loading is told in steps that grow to the whole", () => {
  const said = [0, 1, 5, 9.9, 10, 11].map((loaded) => progress(loaded, 10, 9));
  assert.deepEqual(said.slice(0, 4), [
    "Loading Python: 0 of 9 MB.",
    "Loading Python: 0 of 9 MB.",
    "Loading Python: 4 of 9 MB.",
    "Loading Python: 8 of 9 MB.",
  ]);
  assert.equal(said[4], said[5]);
  assert.match(said[5], /starts/);
});
