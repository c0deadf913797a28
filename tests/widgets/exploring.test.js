// The agent that explores in the page, where no page is needed; its gradients are held against
// PyTorch's in test_exploring.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { States } from "../../marl_edu/widgets/exploring/maze.js";
import { Counts, drawWide, Running } from "../../marl_edu/widgets/exploring/network.js";
import { choose, describe, rarely } from "../../marl_edu/widgets/exploring/settings.js";
import { curvesShape } from "../../marl_edu/widgets/shared/curves.js";
import { uniforms } from "../../marl_edu/widgets/shared/kit.js";
import { close } from "./numbers.js";

// A corridor of four cells: start, key, door, goal; left and right.
/** @type {any} */
const CORRIDOR = {
  rows: 1,
  columns: 4,
  pixels: 0,
  free: [
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
  ],
  leads: [
    [
      [0, 0, 1, 2],
      [1, 1, 3, 3],
    ],
    [
      [0, 0, 1, 2],
      [1, 2, 3, 3],
    ],
  ],
  start: 0,
  key: 1,
  door: 2,
  goal: 3,
};

test("states are numbered as they are met, and none follows the goal", () => {
  const states = new States(CORRIDOR);
  assert.deepEqual(states.all.slice(0, 3), [
    [0, 0, 0],
    [1, 1, 0],
    [0, 1, 0],
  ]);
  const end = states.ends.indexOf(1);
  assert.deepEqual(states.all[end], [3, 1, 1]);
  assert.deepEqual(states.next[end], [end, end]);
  assert.equal(states.shown[0][2], undefined); // without the key nobody stands in the door
  assert.deepEqual(states.all[states.shown[1][0] ?? -1], [0, 1, 0]); // the door is still shut
  close(states.seen.subarray(end * 7, end * 7 + 7), [1, 0, 0, 0, 1, 1, 1]);
});

test("the chance to arrive is that of the only way", () => {
  const states = new States(CORRIDOR);
  const right = new Float64Array(states.size * 2);
  for (let s = 0; s < states.size; s++) right[2 * s + 1] = 1;
  assert.equal(states.arrival(right, 3), 1);
  assert.equal(states.arrival(right, 2), 0);
  const any = right.fill(0.5);
  assert.equal(states.arrival(any, 3), 1 / 8);
});

test("running means and variances are those of all rows at once", () => {
  const rows = Float64Array.of(1, 2, 3, 5, 8, -4); // three rows of two numbers
  const stats = new Running(new Float64Array(2), new Float64Array(2));
  stats.update(rows, [2, 0, 1]);
  stats.update(rows, [0, 0, 0]);
  stats.update(rows, [1, 3, 0]);
  assert.equal(stats.count, 7);
  close(stats.mean, [(3 + 9 + 8) / 7, (6 + 15 - 4) / 7], 1e-12);
  close(
    stats.spread,
    [(3 + 27 + 64) / 7 - (20 / 7) ** 2, (12 + 75 + 16) / 7 - (17 / 7) ** 2],
    1e-12,
  );
});

test("counts pay one over the root of the visits so far, and this one", () => {
  const counts = new Counts(3);
  const pays = new Float64Array(3);
  counts.update([0, 3, 8]);
  counts.reward(pays);
  close(pays, [1, 1 / 2, 1 / 3], 1e-12);
});

test("weights are as spread as those of an orthogonal matrix, √2 times", () => {
  const weights = { w: new Float64Array(200 * 50), b: new Float64Array(200).fill(7) };
  drawWide(
    [
      ["w", [200, 50]],
      ["b", [200]],
    ],
    weights,
    uniforms(1, 0),
  );
  const squares = weights.w.reduce((sum, x) => sum + x * x, 0);
  assert.ok(Math.abs(squares / (2 * 50) - 1) < 0.03); // each of 50 columns has length √2
  assert.equal(Math.max(...weights.b), 0);
});

test("two runs with the same bonus are one, and what is refused is said", () => {
  /** @type {any} */
  const kept = { bonus: "rnd", beside: "none", seed: 1 };
  /** @type {any} */
  const accepts = { bonus: ["rnd", "none"], beside: ["rnd", "none", "nothing"], seed: [1, 2] };
  const same = choose({ ...kept, bonus: "none" }, kept, accepts);
  assert.equal(same.settings.beside, "nothing");
  assert.equal(same.sentence, "");
  const refused = choose({ ...kept, seed: 7 }, kept, accepts);
  assert.match(refused.sentence, /asks for seed “7” \(it takes 1, 2; kept: 1\)\./);
  assert.deepEqual(refused.settings, kept);
});

test("what is said of one run, and of five", () => {
  /** @param {number} seed */
  const choice = (seed) => ({ bonus: "rnd", maze: "small", share: 1, lr: 0.1, seed });
  /** @param {number[][]} rows @param {string} [diverged] @returns {any} */
  const own = (rows, diverged = "") => ({
    diverged,
    rows: rows.map(([update, found, success]) => ({ update, found, success, cells: 0.5 })),
  });
  const words = (/** @type {any[]} */ runs) =>
    describe(
      runs.map((_, k) => choice(k + 1)),
      runs,
    ).replaceAll("\u00a0", " ");
  assert.equal(words([own([])]), "RND: not trained yet.");
  assert.equal(words([own([[2, 0, 0]])]), "RND: 50 % of the cells seen, the goal not found.");
  const found = [
    [2, 0, 0],
    [4, 1, 0.1],
    [6, 1, 0.95],
  ];
  assert.match(words([own(found)]), /the goal found by update 4; 95 % of episodes reach it\.$/);
  assert.equal(
    words([own(found), own([[6, 0, 0]]), own(found.slice(0, 2))]),
    "RND: 2 of 3 seeds have found the goal, first by update 4; 1 reach it in 90 % of episodes or more.",
  );
  assert.match(words([own(found), own(found, "numbers")]), /has diverged \(seed 2\)/);
});

test("a rare thing is rounded to two digits", () => {
  assert.equal(rarely(0.0177), "1 episode in 56");
  assert.equal(rarely(1.3926e-8), "1 episode in 72,000,000");
});

test("few updates are counted one by one, many steps in thousands", () => {
  const team = { name: "one", tone: "one", rows: [[{ update: 100, got: 1 }]] };
  /** @type {any} */
  const axes = { of: "got", end: 150, steps: 1, marks: [0, 1], best: [1, ""], trivial: [0, ""] };
  const few = curvesShape([team], { ...axes, unit: "updates", say: String });
  assert.match(few, />0<.*>75<.*>150</s);
  assert.match(few, />updates</);
  const many = curvesShape([team], { ...axes, steps: 64, say: String });
  assert.match(many, />0<.*>5k<.*>10k</s);
  assert.match(many, />steps</);
});
