// The T-maze: a walk and its memory are those of Python.

import assert from "node:assert/strict";
import { test } from "node:test";
import { caption, DOWN, FORWARD, UP, Walk } from "../../marl_edu/widgets/corridor/env.js";
import { load, reads } from "../../marl_edu/widgets/corridor/network.js";
import { close, records, results } from "./numbers.js";

const MAZE = { length: 10, longest: 33, walls: "", sizes: [6, 370, 60, 100] };
const NETS = { lstm: load(records.corridor.lstm), gru: load(records.corridor.gru) };

for (const kind of /** @type {const} */ (["lstm", "gru"])) {
  test(`what the ${kind} remembers, reads and chooses`, () => {
    const walk = new Walk(MAZE, NETS[kind], "up").follow("wffxfudffeffffffu");
    const { last, reads: read, q } = results.corridor[kind];
    close(walk.memories[walk.memories.length - 1], last);
    close(
      walk.memories.map((memory) => reads(walk.net, memory)),
      read,
    );
    close(walk.q, q);
  });
}

test("the corridor ends in the junction, where a turn ends the walk", () => {
  const walk = new Walk(MAZE, NETS.gru, "down");
  assert.equal(walk.sees, 1); // the sign "down"
  walk.step(UP); // no turn here
  assert.deepEqual([walk.cell, walk.t, walk.over], [0, 1, false]);
  for (let k = 0; k < 12; k++) walk.step(FORWARD);
  assert.deepEqual([walk.cell, walk.sees], [10, 3]);
  walk.step(DOWN);
  assert.ok(walk.over && walk.turned === DOWN);
  assert.equal(caption(walk), "Step 14 of 33, cell 10. It turned down: the right way.");
  walk.step(FORWARD);
  walk.change("e");
  assert.equal(walk.trail, "wu" + "f".repeat(12) + "d"); // nothing after the end
});

test("time runs out after the longest walk", () => {
  const walk = new Walk(MAZE, NETS.gru, "up").follow("w" + "u".repeat(40));
  assert.deepEqual([walk.t, walk.over, walk.turned], [33, true, 0]);
  assert.match(caption(walk), /Time is up\.$/);
});

test("memories are exchanged with the twin's, and erased", () => {
  const [up, down] = ["up", "down"].map((sign) => new Walk(MAZE, NETS.lstm, sign).follow("wff"));
  const own = up.state[0];
  up.change("x");
  assert.deepEqual(up.state[0], down.state[0]);
  up.change("x");
  assert.deepEqual(up.state[0], own);
  up.change("e");
  assert.ok(up.memories[2].every((x) => x === 0));
  assert.deepEqual(up.marks, [
    [2, "x"],
    [2, "x"],
    [2, "e"],
  ]);
});

test("a trail of nonsense is none", () => {
  assert.equal(new Walk(MAZE, NETS.gru, "sideways").follow("w12").trail, "w");
});
