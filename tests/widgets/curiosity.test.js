// The map of curiosity: gradients, bonuses and the walk.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Icm, Rnd } from "../../marl_edu/widgets/curiosity/bonus.js";
import { barsShape } from "../../marl_edu/widgets/curiosity/drawing.js";
import { LONGEST, Walk } from "../../marl_edu/widgets/curiosity/env.js";
import { Layers } from "../../marl_edu/widgets/curiosity/network.js";
import { uniforms } from "../../marl_edu/widgets/shared/kit.js";
import { close, results } from "./numbers.js";

/** Random weights of a torch Sequential, a ReLU or such between its layers. @param {string} name @param {number[]} sizes */
function sequential(name, sizes) {
  const next = uniforms(name.length, sizes.length);
  const numbers = (/** @type {number} */ n) => Float64Array.from({ length: n }, () => next() - 0.5);
  return Object.fromEntries(
    sizes.slice(1).flatMap((out, k) => [
      [`${name}.${2 * k}.weight`, numbers(out * sizes[k])],
      [`${name}.${2 * k}.bias`, numbers(out)],
    ]),
  );
}

const OBS = 4;
const RND = {
  ...sequential("target", [OBS, 5, 5, 3]),
  ...sequential("predictor", [OBS, 6, 6, 6, 3]),
  "stats.mean": Float64Array.of(0, 0, 1, 0.5),
  "stats.var": Float64Array.of(1, 1, 4, 0),
};
const ICM = {
  ...sequential("encode", [OBS, 5, 3]),
  ...sequential("inverse", [6, 7, 5]),
  ...sequential("forward_model", [8, 6, 3]),
};
const copy = (/** @type {Record<string, Float64Array>} */ W) => structuredClone(W);
const A = Float64Array.of(1, 0, 1, 0);
const B = Float64Array.of(0, 1, 0, 1);

test("gradients are the slopes", () => {
  for (const bend of ["none", "relu", "leaky", "elu"]) {
    const W = sequential("net", [3, 4, 2]);
    const x = Float64Array.of(0.3, -0.7, 1.1);
    const pull = Float64Array.of(1, -2);
    const loss = (/** @type {Float64Array} */ at) => {
      const { out } = new Layers(W, "net", [bend, "none"]).forward(at);
      return out[0] * pull[0] + out[1] * pull[1];
    };
    const net = new Layers(W, "net", [bend, "none"]);
    const below = net.back(pull, net.forward(x).seen);
    /** @param {Float64Array} values @param {number} k */
    const slope = (values, k) => {
      const old = values[k];
      const [up, down] = [1e-5, -1e-5].map((by) => {
        values[k] = old + by;
        return loss(x);
      });
      values[k] = old;
      return (up - down) / 2e-5;
    };
    below.forEach((g, k) => close(slope(x, k), g, 1e-8));
    for (const { weight, bias, dW, db } of net.layers) {
      dW.forEach((g, k) => close(slope(weight, k), g, 1e-8));
      db.forEach((g, k) => close(slope(bias, k), g, 1e-8));
    }
  }
});

test("a step down follows the gradients, and forgets them", () => {
  const W = sequential("net", [2, 1]);
  const net = new Layers(W, "net", ["none"]);
  const [w0, w1, b] = [...W["net.0.weight"], ...W["net.0.bias"]];
  net.back(Float64Array.of(2), net.forward(Float64Array.of(3, 5)).seen);
  for (const _ of [1, 2]) net.descend(0.1);
  close(W["net.0.weight"], [w0 - 0.6, w1 - 1], 1e-12);
  close(W["net.0.bias"], [b - 0.2], 1e-12);
});

test("RND looks at what is normalised and clipped, and pays less for what it has learned", () => {
  const rnd = new Rnd(copy(RND));
  close(rnd.look(Float64Array.of(1, -9, 3, 0.5)), [1, -5, 1, 0], 1e-6);
  const [known, other] = [rnd.reward([B, 0, A]), rnd.reward([A, 0, B])];
  for (let k = 0; k < 50; k++) rnd.learn([[B, 0, A]]);
  assert.ok(rnd.reward([B, 0, A]) < 0.01 * known);
  assert.ok(rnd.reward([A, 0, B]) > 0.1 * other);
  assert.deepEqual(rnd.W["target.0.weight"], RND["target.0.weight"]); // the target never learns
});

test("ICM pays half of eta times the squared error of its forward model", () => {
  const icm = new Icm(copy(ICM), false);
  const { apart } = icm.errors([A, 2, B]);
  close(icm.reward([A, 2, B]), 0.25 * apart.reduce((sum, d) => sum + d * d, 0), 1e-12);
  const before = icm.reward([A, 2, B]);
  for (let k = 0; k < 50; k++) icm.learn([[A, 2, B]]);
  assert.ok(icm.reward([A, 2, B]) < 0.1 * before);
});

test("whether the forward model teaches the encoder makes a difference to the encoder alone", () => {
  const [through, alone] = [true, false].map((flag) => new Icm(copy(ICM), flag));
  for (const icm of [through, alone]) icm.learn([[A, 2, B]]);
  const weights = (/** @type {Icm} */ icm, /** @type {"encode" | "inverse" | "future"} */ part) =>
    icm[part].layers[0].weight;
  assert.notDeepEqual(weights(through, "encode"), weights(alone, "encode"));
  assert.deepEqual(weights(through, "inverse"), weights(alone, "inverse"));
  assert.deepEqual(weights(through, "future"), weights(alone, "future"));
});

// A corridor: start, key, door, goal; only the start sees the TV.
const ahead = (/** @type {number} */ most) => [
  [0, 1, 2, 3],
  [0, 1, 2, 3],
  [0, 0, 1, 2],
  [1, 2, 3, 3].map((cell) => Math.min(cell, most)),
  [0, 1, 2, 3],
];
const MAZE = /** @type {any} */ ({
  rows: 1,
  columns: 4,
  free: [
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
  ],
  leads: [ahead(1), ahead(3)],
  sees: [1, 0, 0, 0],
  pixels: 4,
  start: 0,
  key: 1,
  door: 2,
  goal: 3,
});
const sizes = 1 + 4 + 2 + 4;
const pack = (/** @type {Record<string, Float64Array>} */ W) => {
  const flat = Buffer.from(
    Float32Array.from(Object.values(W).flatMap((one) => Array.from(one))).buffer,
  );
  const n = flat.length / 4;
  const planes = Array.from(
    { length: flat.length },
    (_, k) => flat[4 * (k % n) + Math.floor(k / n)],
  );
  return {
    shapes: /** @type {[string, number[]][]} */ (
      Object.entries(W).map(([name, one]) => [name, [one.length]])
    ),
    weights: Buffer.from(planes).toString("base64"),
  };
};
const NETS = {
  rnd: pack({
    ...sequential("target", [sizes, 5, 5, 3]),
    ...sequential("predictor", [sizes, 6, 6, 6, 3]),
    "stats.mean": new Float64Array(sizes),
    "stats.var": new Float64Array(sizes).fill(1),
  }),
  icm: pack({
    ...sequential("encode", [sizes, 5, 3]),
    ...sequential("inverse", [6, 7, 5]),
    ...sequential("forward_model", [8, 6, 3]),
  }),
};

test("with the key through the door to the goal, where an episode begins anew", () => {
  const walk = new Walk(MAZE, NETS, "rnd", false).follow("w3");
  assert.deepEqual([walk.cell, walk.key, walk.door, walk.arrived], [1, 1, 0, false]);
  walk.follow("w3");
  assert.deepEqual([walk.cell, walk.door], [2, 1]);
  walk.step(3);
  assert.deepEqual([walk.cell, walk.key, walk.door, walk.arrived], [0, 0, 0, true]);
  assert.equal(walk.trail, "w333");
  assert.equal(walk.paid.length, 3); // what was learned stays
});

test("the remote control changes what is seen, only where it is seen and switched on", () => {
  const walk = new Walk(MAZE, NETS, "rnd", false);
  walk.step(4);
  assert.ok(walk.picture.every((pixel) => pixel === 0));
  walk.switchTv();
  walk.step(4);
  assert.deepEqual(walk.picture, walk.pictures[1]);
  const here = walk.see(walk.cell, 0, 0, walk.picture);
  assert.deepEqual(here, Float64Array.of(1, 1, 0, 0, 0, 0, 0, ...walk.picture));
  const there = walk.see(1, 1, 0, walk.picture);
  assert.deepEqual(Array.from(there.slice(5)), [1, 0, 0, 0, 0, 0]);
});

test("where the agent has been, and what was painted, grows old", () => {
  for (const method of ["rnd", "icm", "features"]) {
    const before = new Walk(MAZE, NETS, method, false).map();
    const painted = new Walk(MAZE, NETS, method, false).follow("wp2.p2.p2.p2.p2.p2.");
    assert.ok(painted.map()[2] < 0.5 * before[2], method);
    assert.equal(painted.t, 0);
  }
});

test("a walk has an end, and a trail of nonsense does no harm", () => {
  const walk = new Walk(MAZE, NETS, "rnd", false).follow("w" + "4".repeat(LONGEST + 9));
  assert.equal(walk.t, LONGEST);
  assert.equal(new Walk(MAZE, NETS, "rnd", false).follow("wp99.x9").trail, "w");
});

test("the book's maze leads from the start to key and door", () => {
  const { leads, free, start, key, door } = results.maze;
  const reached = new Set([start]);
  for (const cell of reached) for (const action of leads[0]) reached.add(action[cell]);
  assert.ok(reached.has(key) && reached.size < free.length);
  for (const cell of reached) for (const action of leads[1]) reached.add(action[cell]);
  assert.ok(reached.has(door) && reached.size === free.length);
});

test("bars are as high as what was paid, the highest 44", () => {
  const heights = [...barsShape([1, 2, 0], 2).matchAll(/height="([\d.]+)"/g)].map((one) => +one[1]);
  assert.deepEqual(heights, [22, 44, 0.5]);
});
