// The junction: what its cars do, see and say; its episodes are those of Python.

import assert from "node:assert/strict";
import { test } from "node:test";
import { argmax, cellStyle, uniforms } from "../../marl_edu/widgets/shared/kit.js";
import { places } from "../../marl_edu/widgets/junction/drawing.js";
import {
  BRAKE,
  carsByCell,
  emptyRoads,
  GAS,
  observe,
  prepare,
  step,
} from "../../marl_edu/widgets/junction/env.js";
import { Episode, readChanges, writeChanges } from "../../marl_edu/widgets/junction/episode.js";
import { forward, load } from "../../marl_edu/widgets/junction/network.js";
import { describe, scoreText } from "../../marl_edu/widgets/junction/words.js";
import { close, records, results } from "./numbers.js";

// Two roads of three cells that cross in cell (1, 1), and two slots for cars.
const CROSS = prepare({
  side: 3,
  cars: 2,
  steps: 9,
  arrival: 0.5,
  crash_cost: 10,
  base: 5,
  cells: [
    [0, 1, 0],
    [1, 0, 1],
    [1, 1, 2],
    [1, 2, 3],
    [2, 1, 4],
  ],
  routes: [
    [
      [
        [1, 0],
        [1, 1],
        [1, 2],
      ],
    ],
    [
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
    ],
  ],
  background: "",
});
const BOTH = [0, 0, 0, 0, 0.1, 0.2]; // both enter, into the slots in their order
const NOBODY = [1, 1, 0, 0, 0, 0];

/** The junction after these actions of both, both cars having entered. @param {number[][]} all */
const after = (...all) =>
  all.reduce(
    (env, actions) => step(CROSS, env, actions, NOBODY, 0.5),
    step(CROSS, emptyRoads(CROSS), [GAS, GAS], BOTH, 0.5),
  );

test("cars enter where it is their turn, and only with the chance of arrival", () => {
  const env = after();
  assert.deepEqual(
    [env.alive, env.route, env.place],
    [
      [true, true],
      [0, 1],
      [0, 0],
    ],
  );
  const swapped = step(CROSS, emptyRoads(CROSS), [GAS, GAS], [0, 0, 0, 0, 0.2, 0.1], 0.5);
  assert.deepEqual(swapped.route, [1, 0]);
  const one = step(CROSS, emptyRoads(CROSS), [GAS, GAS], [0.5, 0.49, 0, 0, 0.1, 0.2], 0.5);
  assert.deepEqual(
    [one.alive, one.route],
    [
      [true, false],
      [1, 2],
    ],
  );
});

test("GAS drives, BRAKE waits, and two cars in a cell have crashed", () => {
  assert.deepEqual(after([GAS, BRAKE]).place, [1, 0]);
  const crash = after([GAS, GAS]);
  assert.deepEqual([crash.collided, crash.success], [[true, true], false]);
  assert.deepEqual([...carsByCell(CROSS, crash)], [[4, [0, 1]]]);
  assert.equal(after([GAS, GAS], [GAS, BRAKE]).success, false); // it stays so
});

test("a car that has arrived leaves its slot empty, and waiting is counted", () => {
  const env = after([GAS, BRAKE], [GAS, BRAKE], [GAS, BRAKE]);
  assert.deepEqual(env.completed, [true, false]);
  assert.deepEqual(
    [env.alive, env.wait, env.last],
    [
      [false, true],
      [0, 3],
      [0, BRAKE],
    ],
  );
});

test("a car sees its last action, its route, its cell and who shares it", () => {
  const [first, second] = observe(CROSS, after([GAS, GAS]), 10);
  assert.deepEqual([...(first ?? [])], [GAS, 0, 0, 0, 1, 0, 0, 0, 0, 2]);
  assert.deepEqual([...(second ?? [])], [GAS, 1, 0, 0, 1, 0, 0, 0, 0, 2]);
  assert.deepEqual(observe(CROSS, emptyRoads(CROSS), 10), [null, null]);
  const [oneHot] = observe(CROSS, after([GAS, BRAKE]), 11);
  assert.deepEqual([...(oneHot ?? [])], [GAS, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
});

test("the draws are multiples of 2^-24 in [0, 1), and depend on seed and episode", () => {
  const draws = Array.from({ length: 1000 }, uniforms(3, 7));
  assert.ok(draws.every((u) => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 24)));
  close(draws.reduce((a, b) => a + b) / 1000, 0.5, 0.05);
  assert.notEqual(uniforms(3, 8)(), draws[0]);
  assert.notEqual(uniforms(4, 7)(), draws[0]);
});

for (const [name, record] of Object.entries(records.junction)) {
  test(`an episode of ${name} is that of Python`, () => {
    const changes = [
      { step: 0, arrival: 0.5, muted: [] },
      { step: 6, arrival: 0.5, muted: [2] },
    ];
    const episode = new Episode(prepare(results.roads), load(record), 4, 1, changes);
    results.junction[name].forEach((/** @type {any} */ theirs, /** @type {number} */ k) => {
      const { env, attention } = episode.at(4 * k);
      assert.deepEqual(env.route, theirs.route);
      assert.deepEqual(
        env.place.map((p, i) => (env.alive[i] ? p : theirs.place[i])),
        theirs.place,
      );
      assert.deepEqual(env.collided, theirs.collided);
      close(attention, theirs.attention);
    });
  });
}

test("who is muted is heard by nobody else, and the others share its weight", () => {
  const net = load(records.junction["tarmac-heads"]);
  const obs = [0, 1, 2].map((k) => new Float32Array(net.obs_dim).fill(k / 2));
  const h = obs.map(() => new Float64Array(net.hidden_dim));
  const { attention, logits } = forward(net, [...obs, null], [...h, h[0]], [1]);
  for (const head of attention) {
    assert.equal(head[0][1], 0);
    assert.ok(head[1][1] > 0); // but by itself
    for (const row of head.slice(0, 3))
      close(
        row.reduce((a, b) => a + b),
        1,
      );
    assert.deepEqual(
      [head[3], head.map((row) => row[3])],
      [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    );
  }
  assert.ok([0, 1].includes(argmax(logits[0])));
});

test("changes hold from their step on, and the past stays", () => {
  const start = [{ step: 0, arrival: 0.5, muted: [] }];
  const episode = new Episode(CROSS, load(records.junction.none), 0, 0, start);
  episode.change(3, 0.5, [1]);
  episode.change(5, 0.9, [1]);
  assert.equal(writeChanges(episode.changes), "0:0.5:;3:0.5:1;5:0.9:1");
  assert.deepEqual(
    [0, 2, 3, 4, 5, 9].map((t) => episode.settings(t).arrival),
    [0.5, 0.5, 0.5, 0.5, 0.9, 0.9],
  );
  episode.change(3, 0.5, []); // as before step 3: nothing is left of it, nor of what came later
  assert.equal(writeChanges(episode.changes), "0:0.5:");
});

test("changes are read as they are written, and nonsense is not", () => {
  const text = "0:0.3:;6:0.5:0,1";
  assert.equal(writeChanges(readChanges(text, CROSS) ?? []), text);
  assert.deepEqual(readChanges("0:7:0,5", CROSS), [{ step: 0, arrival: 1, muted: [0] }]);
  for (const nonsense of ["", "1:0.3:", "0:0.3", "0:x:", "0:9:8;;"]) {
    assert.equal(readChanges(nonsense, CROSS), null);
  }
});

test("cars in one cell are drawn side by side, and look where they go", () => {
  const [first, second] = places(CROSS, after([GAS, GAS]));
  assert.deepEqual(first, { x: 46, y: 74, dx: 1, dy: 0 });
  assert.deepEqual(second, { x: 74, y: 46, dx: 0, dy: 1 });
  assert.deepEqual(places(CROSS, emptyRoads(CROSS)), [null, null]);
});

test("numbers on the map are read on any shade", () => {
  assert.deepEqual(cellStyle(0), { background: "rgb(255,255,217)", color: "#000" });
  assert.deepEqual(cellStyle(1), { background: "rgb(8,29,88)", color: "#fff" });
});

test("a moment in words", () => {
  const weights = [
    [0.3, 0.7],
    [0.96, 0.04],
  ];
  const moment = (/** @type {number[][]} */ ...all) =>
    /** @type {any} */ ({ env: after(...all), actions: [GAS, BRAKE] });
  const is = { over: false, silent: false, cost: 10 };
  const now = moment([GAS, BRAKE]);
  assert.equal(describe(now, weights, null, is), "Driving on: car 0. Waiting: car 1.");
  const heard = "Car 0 drives on. It heard car 1 (70\u00a0%), itself (30\u00a0%).";
  assert.equal(describe(now, weights, 0, is), heard);
  assert.equal(describe(now, weights, 1, is), "Car 1 waits. It heard car 0 (96\u00a0%).");
  const silent = describe(now, weights, 1, { ...is, silent: true });
  assert.equal(silent, "Car 1 waits. In this team nobody talks.");
  const end = describe(moment([GAS, GAS]), weights, null, { ...is, over: true });
  const crash = "Crash: cars 0 and 1. Every step that two cars share a cell costs each 10. ";
  assert.equal(end, `${crash}The episode is over: somebody crashed.`);
});

test("a car that crashed is known by it until it leaves", () => {
  const episode = new Episode(CROSS, load(records.junction.none), 0, 0, [
    { step: 0, arrival: 0, muted: [] },
  ]);
  const env = after([GAS, GAS]); // both stand in the middle
  const h = [0, 1].map(() => new Float64Array(episode.net.hidden_dim));
  const moment = { env, h, actions: [GAS, BRAKE], crashed: env.collided };
  episode.moments = [/** @type {any} */ (moment)];
  const apart = episode.at(1);
  assert.deepEqual(
    [apart.env.collided, apart.crashed],
    [
      [false, false],
      [true, true],
    ],
  );
  apart.actions = [GAS, BRAKE]; // the first leaves
  assert.deepEqual(episode.at(2).crashed, [false, true]);
  assert.equal(episode.crash(1), 0);
});

test("the score says what was changed on the way, and claims nothing before the first episode", () => {
  const text = (/** @type {[number, number, number]} */ ...[good, all, midway]) =>
    scoreText({ good, all, midway }).replace("Episodes without a crash: ", "");
  assert.equal(text(0, 0, 0), "none played yet");
  assert.equal(text(97, 100, 0), "97 of 100");
  assert.equal(text(0, 1, 1), "0 of 1 (with a change midway)");
  assert.equal(text(3, 4, 1), "3 of 4 (1 of them with a change midway)");
});
