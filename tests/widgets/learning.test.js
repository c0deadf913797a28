// What learns in the page, where no page is needed; its gradients are held against PyTorch's in
// test_learning.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Learner } from "../../marl_edu/widgets/learning/training.js";
import { curvesShape } from "../../marl_edu/widgets/shared/curves.js";
import { Desk } from "../../marl_edu/widgets/shared/engine.js";
import { percent, uniforms } from "../../marl_edu/widgets/shared/kit.js";
import { product, transpose } from "../../marl_edu/widgets/shared/layers.js";
import { close } from "./numbers.js";

const SETUP = {
  updates: 40,
  num_envs: 8,
  hidden_dim: 6,
  symbols: 4,
  lr_end: 0.1,
  ent_coef: 0.05,
  ent_coef_end: 0,
  anneal: 0.4,
  vf_coef: 0.5,
  max_grad_norm: 10,
  log_every: 20,
};
const CHOICE = { distractors: 1, heads: 1, signature: 2, value: 4, lr: 0.01, seed: 1 };
const CHOICES = [
  { ...CHOICE, talk: "mean" },
  { ...CHOICE, talk: "nobody" },
];

test("a product of any size, also of odd ones and of more rows than a block, is the naive one", () => {
  const draw = uniforms(1, 0);
  const sizes = [
    [1, 1, 1],
    [3, 5, 2],
    [2, 3, 700],
    [5, 9, 600],
    [7, 1, 4],
  ];
  for (const [m, n, k] of sizes) {
    const [A, B, C] = [m * k, n * k, m * n].map((size) =>
      Float64Array.from({ length: size }, draw),
    );
    const naive = C.map((c, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      for (let l = 0; l < k; l++) c += A[i * k + l] * B[j * k + l];
      return c;
    });
    const before = C.slice();
    product(C, A, B, m, n, k, true);
    close(C, naive, 1e-9);
    product(C, A, B, m, n, k);
    close(
      C,
      naive.map((c, at) => c - before[at]),
      1e-9,
    );
  }
});

test("a transpose", () => {
  const T = new Float64Array(6);
  transpose(T, Float64Array.of(1, 2, 3, 4, 5, 6), 2, 3);
  close(T, [1, 4, 2, 5, 3, 6]);
});

test("runs go on side by side, stop where they are told, and tell every row once", () => {
  const desk = new Desk(Learner);
  desk.hear({ begin: { number: 3, setup: SETUP, choices: CHOICES }, until: 25 });
  while (desk.work(1));
  const first = desk.report(false);
  assert.equal(first.number, 3);
  for (const run of first.runs) {
    assert.equal(run.updates, 25);
    assert.deepEqual(
      run.rows.map((row) => row.update),
      [20],
    );
    assert.equal(run.fresh, undefined);
  }
  desk.hear({ until: 40 });
  while (desk.work(1));
  for (const run of desk.report(false).runs) {
    assert.deepEqual(
      run.rows.map((row) => row.update),
      [40],
    );
    assert.ok(Number(run.fresh) >= 0 && Number(run.fresh) <= 1);
  }
  desk.hear({ until: 10 }); // they were there already
  assert.equal(desk.work(1), false);
});

test("a run that has diverged rests, and the others go on", () => {
  const desk = new Desk(Learner);
  desk.hear({ begin: { number: 1, setup: SETUP, choices: CHOICES }, until: 5 });
  desk.learners[0].weights.flat.fill(NaN);
  while (desk.work(1));
  const [broken, sound] = desk.report(false).runs;
  assert.deepEqual([broken.diverged, broken.updates], ["numbers", 1]);
  assert.deepEqual([sound.diverged, sound.updates], ["", 5]);
});

test("a long curve has a few hundred points, and the last of its rows", () => {
  const rows = Array.from({ length: 2501 }, (_, k) => {
    return { update: 20 * (k + 1), success: k / 2500, entropy: 1, loss: 0, focus: 0 };
  });
  /** @type {any} */
  const axes = {
    of: "success",
    end: 50_020,
    steps: 128,
    marks: [0, 0.5, 1],
    say: percent,
    best: [1, "best possible 100"],
    trivial: [0.25, "guessing 25"],
  };
  const drawn = curvesShape([{ name: "one", tone: "red", rows: [rows] }], axes);
  const line = /d="(M[^"]*)" fill="none" stroke="red"/.exec(drawn)?.[1] ?? "";
  const points = line.slice(1).split("L");
  assert.ok(points.length > 200 && points.length <= 300);
  assert.equal(points[points.length - 1], "330.0 12.0");
  assert.equal(
    curvesShape([{ name: "one", tone: "red", rows: [[]] }], axes).includes("red"),
    false,
  );
});
