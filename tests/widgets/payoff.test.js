// Payoffs: both fits, what is played, and what a link to the figure may hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  additiveFit,
  bestFit,
  cost,
  level,
  ranking,
  reachedFit,
  risingFit,
} from "../../marl_edu/widgets/payoff/fits.js";
import {
  compute,
  describe,
  number,
  plays,
  readState,
  readTable,
  writeState,
} from "../../marl_edu/widgets/payoff/state.js";
import { close, results } from "./numbers.js";

const QTRAN = [
  [8, -12, -12],
  [-12, 0, 0],
  [-12, 0, 0],
];
const FIRST = { payoff: "8,-12,-12;-12,0,0;-12,0,0", weight: 100, qmix: "reached" };

test("the fits are those of Python", () => {
  for (const { payoff, weight, ...fits } of results.payoff) {
    const found = {
      vdn: additiveFit(payoff),
      reached: reachedFit(payoff, weight),
      best: bestFit(payoff, weight),
    };
    for (const [name, fit] of Object.entries(found)) {
      close(fit.table, fits[name].table, 1e-9);
      close(fit.error, fits[name].error, 1e-9);
      assert.deepEqual(fit.greedy, fits[name].greedy);
    }
  }
});

test("a level lies where both sides pull alike, and is the mean without weights", () => {
  assert.equal(level([8, -12, -12, 0], 1), -4);
  close(level([8, -12, -12], 0.1), 5.6 / 1.2, 1e-12); // 8 - m = 0.1 · 2 (m + 12)
  assert.equal(level([5], 0.3), 5);
  assert.equal(cost([[1, -1]], [[0, 0]], 0.25), 1.25);
});

test("a table that rises is its own fit, and one that falls is pooled", () => {
  const rises = [
    [0, 1],
    [1, 8],
  ];
  assert.deepEqual(risingFit(rises, 1), rises);
  assert.deepEqual(
    risingFit(
      [
        [4, 3],
        [2, 1],
      ],
      1,
    ).flat(),
    [2.5, 2.5, 2.5, 2.5],
  );
});

test("rows that say the same share a rank", () => {
  assert.deepEqual(
    ranking([
      [3, 3],
      [-1, 3],
      [3, 3 + 1e-12],
    ]),
    [[1], [0, 2]],
  );
});

test("a state is read as it is written, and of nonsense the beginning is left", () => {
  const state = readState({ payoff: "0,1;-5,8", weight: 55, qmix: "best" }, FIRST);
  assert.deepEqual(writeState(state), { payoff: "0,1;-5,8", weight: 55, qmix: "best" });
  const nonsense = readState({ payoff: "1,2;3", weight: 1e9, qmix: "__proto__" }, FIRST);
  assert.deepEqual(writeState(nonsense), FIRST);
  assert.equal(readState({}, FIRST).weight, 10);
});

test("what is no table of two or three whole numbers each way is none", () => {
  const wrong = ["", "1", "1,2", "1,2,3,4;1,2,3,4", "1,2;3,4;5,6;7,8", "1,x;2,3", "1,2;3,400"];
  for (const word of [...wrong, "1.5,2;3,4", "1,;3,4", "1,2;3,4,5", null, 12]) {
    assert.equal(readTable(word), null, `${word}`);
  }
  assert.deepEqual(readTable("1,-0;2,3;-4,99"), [
    [1, 0],
    [2, 3],
    [-4, 99],
  ]);
});

test("numbers have two digits at most behind the point", () => {
  const numbers = [-56 / 9, -8, 0, -0.001, 2.125, -2.125, 12921.7777, 0.5];
  const texts = ["−6.22", "−8", "0", "0", "2.13", "−2.13", "12921.78", "0.5"];
  assert.deepEqual(numbers.map(number), texts);
});

test("the moment in words says what is played, expected and paid", () => {
  const state = readState(FIRST, FIRST);
  const now = compute(state);
  assert.equal(
    describe(state, now),
    "VDN plays B or C with B or C: expects −3.56, gets 0; the best is 8. " +
      "QMIX plays B or C with B or C: expects 0, gets 0; the best is 8.",
  );
  const weighted = { ...state, weight: 50 };
  assert.match(
    describe(weighted, compute(weighted)),
    /OW-QMIX plays A with A: expects 8, gets 8, the best\.$/,
  );
  const blind = {
    table: QTRAN.map(() => [-4, -4, -4]),
    error: 0,
    greedy: [
      [0, 1, 2],
      [0, 1, 2],
    ],
  };
  assert.equal(
    plays(blind, state),
    "finds all pairs alike: expects −4, gets between −12 and 8; the best is 8.",
  );
});
