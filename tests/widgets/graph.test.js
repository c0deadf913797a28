// The graph: who hears whom, what becomes of it, and what a link to it may hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrowShape } from "../../marl_edu/widgets/graph/drawing.js";
import { nearby, pair, reach } from "../../marl_edu/widgets/graph/env.js";
import { listen, load } from "../../marl_edu/widgets/graph/network.js";
import { compute, describe, readState, writeState } from "../../marl_edu/widgets/graph/state.js";
import { close, records, results } from "./numbers.js";

const NET = load(records.graph);
/** @type {[number, number][]} */
const PLACES = [
  [0, 0],
  [100, 0],
  [200, 0],
  [200, 90],
  [0, 300],
];
const NEAR = [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3], [4]];
const FIRST = {
  places: "0,0;100,0;200,0;200,90;0,220",
  holds: "A-B--",
  cut: "",
  radius: 120,
  layer: 2,
  head: 0,
  selected: 3,
};

test("agents hear those within the radius, but over no link that is cut", () => {
  assert.deepEqual(nearby(PLACES, 120, new Set()), NEAR);
  assert.deepEqual(nearby(PLACES, 100, new Set()), NEAR); // at its very end, too
  assert.deepEqual(nearby(PLACES, 120, new Set(["1-2"])).slice(1, 3), [
    [0, 1],
    [2, 3],
  ]);
  assert.equal(pair(5, 2), "2-5");
});

test("a layer carries news over one link", () => {
  const fields = [0, 1, 2, 3, 9].map((layers) => [...reach(NEAR, 3, layers)].sort());
  assert.deepEqual(fields, [[3], [2, 3], [1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]);
});

test("attention and answers are those of Python", () => {
  const { attention, chances } = listen(NET, "A-B--", NEAR);
  close(attention, results.graph.attention);
  close(chances, results.graph.chances);
});

test("a state is read as it is written", () => {
  const state = readState({ ...FIRST, cut: "1-2,0-1", head: 1 }, FIRST, NET);
  assert.equal(writeState(state).cut, "0-1,1-2"); // in one order, so that links are alike
  assert.deepEqual(readState(writeState(state), FIRST, NET), state);
});

test("of nonsense the beginning is left, and numbers are moved to the next that there is", () => {
  const nonsense = {
    places: "1;2",
    holds: "ZZZZZ",
    cut: "9-1,a,3-1",
    radius: "x",
    layer: 77,
    head: -4,
  };
  const state = readState({ ...nonsense, selected: "99" }, FIRST, NET);
  assert.deepEqual(writeState(state), { ...FIRST, radius: 0, selected: 4 });
  assert.deepEqual(writeState(readState({}, FIRST, NET)), {
    ...FIRST,
    radius: 0,
    layer: 1,
    selected: 0,
  });
});

test("the moment in words names whom the agent hears, loudest first", () => {
  const state = readState(FIRST, FIRST, NET);
  const now = compute(state, NET);
  close(
    now.weights.reduce((a, b) => a + b),
    1,
  );
  const mean = results.graph.attention[1].map((/** @type {number[][]} */ head) => head[3]);
  close(
    now.weights,
    mean[0].map((/** @type {number} */ w, /** @type {number} */ j) => (w + mean[1][j]) / 2),
  );
  assert.match(
    describe(state, now),
    /^Agent 3 answers [A-D] \(\d+\u00a0%\)\. In layer 2, mean of heads, it hears .*itself.*\. After 2 layers it may know something of 3 of 5 agents, itself included\.$/,
  );
});

test("no arrow below 5 %, and none between discs that touch", () => {
  assert.deepEqual(arrowShape([0, 0], [100, 0], 0.049), ["", ""]);
  assert.deepEqual(arrowShape([0, 0], [33, 0], 1), ["", ""]);
  const [arrow, label] = arrowShape([0, 0], [100, 0], 0.5);
  assert.match(arrow, /d="M15\.0 0\.0L72\.4 0\.0".*stroke-width="4\.5"/s);
  assert.match(label, />50\u00a0%</);
});
