// The kit's numbers, by hand or as torch computes them, and what it writes.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as kit from "../../marl_edu/widgets/shared/kit.js";
import { close } from "./numbers.js";

test("softmax sums to 1, keeps ratios, and large scores do not overflow", () => {
  close(kit.softmax([0, Math.log(3)]), [0.25, 0.75]);
  close(kit.softmax([1000, 1000]), [0.5, 0.5]);
  close(kit.softmax(new Float64Array(4)), [0.25, 0.25, 0.25, 0.25]);
});

test("masked softmax leaves out what is null", () => {
  close(kit.maskedSoftmax([null, 0, Math.log(3)]), [0, 0.25, 0.75]);
  close(kit.maskedSoftmax([null, null]), [0, 0]);
  close(kit.maskedSoftmax([]), []);
});

test("sigmoid, argmax, dot", () => {
  assert.equal(kit.sigmoid(0), 0.5);
  close([kit.sigmoid(-Math.log(3)), kit.sigmoid(1000), kit.sigmoid(-1000)], [0.25, 1, 0]);
  assert.equal(kit.argmax([1, 3, 3, 2]), 1); // the first of equals
  assert.equal(kit.argmax(Float64Array.of(-2, -1)), 1);
  assert.equal(kit.dot([1, 2, 3], [4, 5]), 14); // over all of the second
});

test("linear holds a row after the other", () => {
  const W = Float64Array.of(1, 2, 3, 4, 5, 6);
  close(kit.linear(W, null, [1, 0, -1]), [-2, -2]);
  close(kit.linear(W, Float64Array.of(10, 20), [1, 1, 1]), [16, 35]);
});

test("a GRU's gates", () => {
  const h = Float64Array.of(0.8);
  const no = new Float64Array(3);
  close(kit.gruCell(no, no, h), [0.4]); // all gates half open, nothing fresh
  close(kit.gruCell(Float64Array.of(0, 1e3, 0), no, h), [0.8]); // it keeps
  close(kit.gruCell(Float64Array.of(0, -1e3, 0.5), no, h), [Math.tanh(0.5)]); // it takes
  // The reset gate scales what the memory says, before tanh.
  const b = Float64Array.of(0, 0, 2);
  close(kit.gruCell(Float64Array.of(-1e3, -1e3, 0.5), b, h), [Math.tanh(0.5)]);
  close(kit.gruCell(Float64Array.of(1e3, -1e3, 0.5), b, h), [Math.tanh(2.5)]);
});

test("an LSTM's gates, in torch's order: input, forget, cell, output", () => {
  const memory = Float64Array.of(0.1, 0.6); // h and its cell
  const no = new Float64Array(4);
  close(kit.lstmCell(no, no, memory), [0.5 * Math.tanh(0.3), 0.3]);
  const kept = kit.lstmCell(Float64Array.of(-1e3, 1e3, 9, 1e3), no, memory);
  close(kept, [Math.tanh(0.6), 0.6]);
  const taken = kit.lstmCell(Float64Array.of(1e3, -1e3, 0.5, -1e3), no, memory);
  close(taken, [0, Math.tanh(0.5)]);
  close(memory, [0.1, 0.6]); // as it was
});

test("weights are found by name, whatever the order of keys", () => {
  const bytes = Buffer.from(Float32Array.of(1, -2.5, 3e-38, 7).buffer);
  const planes = [0, 1, 2, 3].flatMap((k) => [0, 4, 8, 12].map((at) => bytes[at + k]));
  const weights = Buffer.from(planes).toString("base64");
  const shapes = /** @type {[string, number[]][]} */ ([
    ["z", [2, 1]],
    ["a", [1]],
    ["m", []],
  ]);
  const W = kit.weightsOf({ shapes, weights });
  assert.deepEqual(W.z, Float64Array.of(1, -2.5));
  assert.deepEqual(W.a, Float64Array.of(Math.fround(3e-38)));
  assert.deepEqual(W.m, Float64Array.of(7));
});

test("the mean of heads", () => {
  const heads = [
    [
      [0, 1],
      [1, 0],
    ],
    [
      [1, 0],
      [0.5, 0.5],
    ],
  ];
  assert.deepEqual(kit.meanOfHeads(heads), [
    [0.5, 0.5],
    [0.75, 0.25],
  ]);
});

test("shades run from light to dark and stay at the ends", () => {
  assert.deepEqual(kit.shade(0), [0xff, 0xff, 0xd9]);
  assert.deepEqual(kit.shade(1), [0x08, 0x1d, 0x58]);
  assert.deepEqual(kit.shade(0.5), [0x41, 0xb6, 0xc4]);
  assert.deepEqual(kit.shade(-1), kit.shade(0));
  assert.deepEqual(kit.shade(2), kit.shade(1));
});

test("text", () => {
  assert.equal(kit.escape(`<b a="1">'&'`), "&#60;b a=&#34;1&#34;&#62;&#39;&#38;&#39;");
  assert.equal(kit.percent(0.125), "13\u00a0%");
  assert.equal(kit.fixed(2), "2.0");
  assert.equal(
    kit.each(["a", "b"], (one, k) => one + k),
    "a0b1",
  );
});

test("whatever a link holds is a whole number between the ends", () => {
  const words = ["7", "-3", "99", "x", "", null, undefined, 2.6, Infinity];
  assert.deepEqual(
    words.map((word) => kit.clamp(word, 0, 10)),
    [7, 0, 10, 0, 0, 0, 0, 3, 10],
  );
});

test("an arrow's head lies behind its tip, as wide as the weight says", () => {
  const { width, base, path } = kit.arrowHead(100, 50, -1, 0, 1);
  assert.equal(width, 8);
  assert.equal(base, "87.6 50.0");
  assert.equal(path, "M100.0 50.0L87.6 41.9L87.6 58.1z");
});

test("controls have labels", () => {
  const { uid, button, group, radio, select, slider } = kit.controls("mx");
  assert.notEqual(uid, kit.controls("mx").uid); // two figures on a page
  for (const html of [slider("step", "Step", 0, 9), select("head", "Head", [["0", "mean"]])]) {
    const [, name] = /<label for="([\w-]+)">/.exec(html) ?? [];
    assert.match(html, new RegExp(`<(input|select)[^>]* id="${name}"`));
  }
  assert.match(button("play", "Play"), /type="button" data-do="play" class="mx-play"/);
  assert.match(radio("team", `a"b`), /value="a&#34;b"/);
  assert.equal(
    group("team", "Team", "..."),
    '<fieldset class="mx-team"><legend>Team</legend>...</fieldset>',
  );
});

test("the model is told all, and heard until the end", () => {
  const state = new Map([["step", 1]]);
  const heard = /** @type {string[]} */ ([]);
  const listeners = /** @type {Map<string, () => void>} */ (new Map());
  let saved = 0;
  const model = {
    get: (/** @type {string} */ key) => state.get(key),
    set: (/** @type {string} */ key, /** @type {any} */ value) => void state.set(key, value),
    on: (/** @type {string} */ event, /** @type {() => void} */ f) => void listeners.set(event, f),
    off: (/** @type {string} */ event) => void listeners.delete(event),
    save_changes: () => saved++,
  };
  kit.tell(model, { step: 2, playing: true });
  assert.deepEqual(
    [...state],
    [
      ["step", 2],
      ["playing", true],
    ],
  );
  assert.equal(saved, 1);
  const end = kit.follow(model, ["step", "seed"], (key) => heard.push(key));
  listeners.get("change:seed")?.();
  assert.deepEqual(heard, ["seed"]);
  end();
  assert.equal(listeners.size, 0);
});
