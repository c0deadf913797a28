// Speaker and listener: episodes and meanings are those of Python, and words may be changed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dictionary, Episode } from "../../marl_edu/widgets/speaker/env.js";
import { load } from "../../marl_edu/widgets/speaker/network.js";
import { caption, meaning, number, readState } from "../../marl_edu/widgets/speaker/words.js";
import { close, records, results } from "./numbers.js";

const { room, episodes } = results.speaker;
/** @param {"deaf" | "told"} kind */
const scripted = (kind) => load({ kind, label: kind, score: 0 });
const NETS = [load(records.speaker), scripted("deaf"), scripted("told")];
const [TRAINED, DEAF, TOLD] = NETS;

for (const { pair, number: episode, trail, meanings, ...then } of episodes) {
  test(`episode ${episode} of pair ${pair} is that of Python`, () => {
    const now = new Episode(room, NETS[pair], episode).follow(trail);
    close(now.path, then.path, 1e-6);
    close(now.distances, then.distances, 1e-6);
    close(now.returns, then.returns, 1e-6);
    assert.deepEqual([now.said, now.heard, now.trail], [then.said, then.heard, trail]);
    const found = dictionary(room, NETS[pair], episode);
    close(
      found.map(({ away }) => away),
      meanings.map((/** @type {{ away: number }} */ { away }) => away),
      1e-6,
    );
    const rest = (/** @type {import("../../marl_edu/widgets/speaker/env.js").Meaning} */ one) => [
      one.word,
      one.goals,
      one.landmark,
    ];
    assert.deepEqual(found.map(rest), meanings.map(rest));
  });
}

test("the told listener drives to the landmark whose number it hears", () => {
  for (const goal of [0, 1, 2]) {
    const now = new Episode(room, TOLD, 7, goal).follow("t" + "s".repeat(25));
    assert.equal(now.said, goal);
    assert.ok(now.away[goal] < 0.1, `${now.away}`);
  }
  const swapped = new Episode(room, TOLD, 7, 0).follow("t" + "2".repeat(25));
  assert.ok(swapped.away[2] < 0.1 && swapped.away[0] > 0.1);
});

test("nothing follows the end", () => {
  const now = new Episode(room, DEAF, 0).follow("t" + "s".repeat(40));
  assert.deepEqual([now.t, now.over, now.trail.length, now.path.length], [25, true, 26, 26]);
});

test("a moment in words", () => {
  const [now, deaf, told] = NETS.map((net) => new Episode(room, net, 0));
  assert.match(
    caption(now, deaf, told),
    /^Step 0 of 25\. The speaker sees goal \d and says word \d; the listener heard nothing yet\./,
  );
  now.step("m");
  assert.match(caption(now, deaf, told), /^Step 1 of 25.*heard nothing\. It is \d\.\d\d from/);
  now.step("2");
  assert.match(caption(now, deaf, told), /the listener heard 2\./);
  assert.deepEqual(meaning({ word: "0", goals: [0, 1], landmark: 2, away: 0.456 }), [
    "word 0",
    "goal 0 and goal 1",
    "landmark 2, 0.46 away",
  ]);
  assert.equal(number(-1.25, 2), "−1.25");
});

test("a link of nonsense is the figure as it was made", () => {
  const first = { team: "a", episode: 1, goal: 2, word: "said", trail: "t" };
  const read = (/** @type {object} */ traits) => readState(traits, first, ["a", "b"], 25);
  assert.deepEqual(read({ ...first, team: "toString", word: "toString", trail: 12 }), first);
  assert.deepEqual(read({ ...first, team: "b", word: 1, trail: "tsm0" }), {
    ...first,
    team: "b",
    word: "1",
    trail: "tsm0",
  });
  assert.equal(TRAINED.kind, "trained");
});
