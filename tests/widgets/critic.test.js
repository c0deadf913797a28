// The critic: its values and the returns that followed are those of Python; inputs go off alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Hunt } from "../../marl_edu/widgets/critic/hunt.js";
import { load } from "../../marl_edu/widgets/critic/network.js";
import {
  caption,
  code,
  listed,
  number,
  readState,
  rows,
  switched,
} from "../../marl_edu/widgets/critic/words.js";
import { close, records, results } from "./numbers.js";

const { task, hunts } = results.critic;
/** @typedef {import("../../marl_edu/widgets/critic/network.js").Net} Net */
/** @type {Record<string, Net>} */
const NETS = Object.fromEntries(
  ["own", "team", "state"].map((kind) => [kind, load(records.critic[kind])]),
);

for (const { kind, number: nth, off, ...then } of hunts) {
  test(`hunt ${nth} of the critic "${kind}" without "${off}" is that of Python`, () => {
    const now = new Hunt(task, NETS[kind], nth, off);
    close(now.allOn, then.allOn);
    close(now.value, then.value);
    close(now.came, then.came);
    assert.equal(now.success, then.success);
  });
}

test("what is off moves the values, and nothing off does not", () => {
  for (const [kind, net] of Object.entries(NETS)) {
    const all = new Hunt(task, net, 0, "");
    assert.deepEqual(all.value, all.allOn);
    for (const letter of Object.keys(net.parts)) {
      const now = new Hunt(task, net, 0, letter);
      assert.notDeepEqual(now.value, all.allOn, `${kind} ${letter}`);
      assert.deepEqual([now.allOn, now.came], [all.allOn, all.came]);
    }
  }
});

test("what a predator sees: its cell, the prey, and how many are there", () => {
  const net = { ...NETS.own, hunts: [{ prey: 7, cells: [[7, 7, 3]] }] };
  const now = new Hunt(task, net, 0, "");
  const ones = (/** @type {Iterable<number>} */ seen) =>
    [...seen].flatMap((x, k) => (x ? [[k, x]] : []));
  assert.deepEqual(ones(now.obs([7, 7, 3], 0)), [
    [7, 1],
    [27, 1],
    [28, 2],
  ]);
  assert.deepEqual(ones(now.obs([7, 7, 3], 2)), [
    [3, 1],
    [28, 1],
  ]);
  assert.equal(now.success, false);
});

test("returns are discounted, and end where all have arrived", () => {
  const cells = [
    [1, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  const net = { ...NETS.own, gamma: 0.5, hunts: [{ prey: 0, cells }] };
  assert.deepEqual(new Hunt(task, net, 0, "").came, [
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  const late = { ...net, hunts: [{ prey: 9, cells }] };
  const now = new Hunt(task, late, 0, "");
  const last = now.allOn[0][2];
  close(now.came[0], [-0.05 - 0.025 + last / 4, -0.05 + last / 2]);
});

test("letters, names and a moment in words", () => {
  assert.equal(code("mo", task), "om");
  assert.equal(code("", task), "none");
  assert.equal(switched("oym", NETS.team), "om");
  assert.equal(switched("none", NETS.team), "");
  assert.equal(listed("oym", task), "own view, prey’s place and memory");
  assert.equal(listed("oy", task), "own view and prey’s place");
  assert.equal(number(-0.5), "−0.50");
  const now = new Hunt(task, NETS.team, 0, "t");
  assert.match(
    caption(now, 1, 2, "t"),
    /^Hunt 0, step 1 of \d+\. Agent 2: the critic says −?\d\.\d\d; the return that followed is −?\d\.\d\d\. Without others’ views it says −?\d\.\d\d\.$/,
  );
  assert.match(caption(now, 20, 2, "t"), /(All are on the prey|Time is up)\.$/);
});

test("the table marks what is shown, and ends with the critic that was trained with less", () => {
  const found = rows(NETS, "state", "py", task);
  assert.deepEqual(
    found.map(([[name]]) => name),
    [
      "nothing",
      "own view",
      "predators’ places",
      "prey’s place",
      "agent’s number",
      "memory",
      "predators’ places and prey’s place",
      "nothing: IPPO’s critic, its own team",
    ],
  );
  assert.deepEqual(
    found.flatMap(([, shown], k) => (shown ? [k] : [])),
    [6],
  );
  assert.equal(rows(NETS, "own", "", task).length, 4);
});

test("a link of nonsense is the figure as it was made", () => {
  const first = { critic: "team", hunt: 1, step: 2, agent: 1, off: "om" };
  const read = (/** @type {object} */ traits) => readState(traits, first, NETS, task);
  assert.deepEqual(read(first), first);
  assert.deepEqual(read({ critic: "toString", hunt: 99, step: -1, agent: "x", off: "toString" }), {
    critic: "team",
    hunt: 1,
    step: 0,
    agent: 0,
    off: "none",
  });
});
