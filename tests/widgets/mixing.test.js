// The game that is learned in the page, where no page is needed; its gradients are held against
// PyTorch's in test_mixing.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gather, Mixer, Net, pairsOf, shapesOf } from "../../marl_edu/widgets/mixing/network.js";
import { choose, readGame } from "../../marl_edu/widgets/mixing/settings.js";
import { curvesShape } from "../../marl_edu/widgets/shared/curves.js";
import { uniforms } from "../../marl_edu/widgets/shared/kit.js";
import { initialise, room } from "../../marl_edu/widgets/shared/layers.js";
import { close } from "./numbers.js";

/** @param {string} method */
function made(method) {
  const shape = { method, A: 2, D: 5, H: 4 };
  const shapes = shapesOf(shape);
  const [weights, gradients] = [room(shapes), room(shapes)];
  initialise(shapes, weights.named, uniforms(3, 0));
  return { shape, weights, gradients, net: new Net(shape, weights.named, gradients.named) };
}

test("pairs come row by row, and what comes back is added up action by action", () => {
  const q = pairsOf(Float64Array.of(1, 2, 10, 20), 2);
  close(q, [1, 10, 1, 20, 2, 10, 2, 20]);
  const dQ = new Float64Array(4).fill(7);
  gather(dQ, Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8), 2);
  close(dQ, [1 + 3, 5 + 7, 2 + 6, 4 + 8]);
});

test("a sum adds, and independent learners each have an error of their own", () => {
  const { net } = made("vdn");
  net.forward();
  const Q = net.agent.values.Y;
  close(net.mixer?.total ?? [], [Q[0] + Q[2], Q[0] + Q[3], Q[1] + Q[2], Q[1] + Q[3]], 1e-12);
  const alone = made("iql").net;
  alone.forward();
  assert.equal(alone.mixer, undefined);
  const own = alone.agent.values.Y.slice();
  const loss = alone.learn([8, 0, 0, 0], Float64Array.of(1, 0, 0, 0), 1);
  assert.ok(Math.abs(loss - ((8 - own[0]) ** 2 + (8 - own[2]) ** 2) / 2) < 1e-9);
});

test("a higher value never lowers the mixture", () => {
  const { shape, weights, gradients } = made("qmix");
  const mixer = new Mixer(shape, weights.named, gradients.named);
  for (let k = 0; k < 200; k++) {
    const draw = uniforms(k, 1);
    weights.flat.forEach((_, at) => (weights.flat[at] = 6 * draw() - 3));
    const q = Float64Array.from({ length: 8 }, () => 6 * draw() - 3);
    const before = mixer.forward(q).slice();
    const after = mixer.forward(q.map((x, at) => x + (at % 2 ? draw() : 0)));
    before.forEach((x, p) => assert.ok(after[p] >= x - 1e-12));
  }
});

test("a game is as wide as high", () => {
  assert.deepEqual(readGame("1,2;3,-4"), [
    [1, 2],
    [3, -4],
  ]);
  for (const word of ["1,2,3;4,5,6", "1,2;3,100", "", null, "1,x;2,3"])
    assert.equal(readGame(word), null);
});

test("two runs with the same method are one, and what is refused is said", () => {
  const kept = { payoff: "1,0;0,1", method: "qmix", beside: "iql", seed: 1 };
  const accepts = { method: ["qmix", "iql"], beside: ["qmix", "iql", "nothing"], seed: [1, 2] };
  /** @type {any} */
  const first = kept;
  const same = choose({ ...kept, method: "iql" }, first, accepts);
  assert.equal(same.settings.beside, "nothing");
  assert.equal(same.sentence, "");
  const refused = choose({ ...kept, seed: 7, payoff: "1" }, first, accepts);
  assert.match(refused.sentence, /asks for seed “7” \(it takes 1, 2; kept: 1\) and payoff “1”/);
  assert.deepEqual(refused.settings, kept);
});

test("no two labels of curves cover each other, at the top and at the foot", () => {
  for (const got of [8, -12, 0]) {
    const rows = [{ update: 100, got }];
    const teams = ["one", "two"].map((name) => ({ name, tone: name, rows: [rows] }));
    const drawn = curvesShape(teams, {
      of: "got",
      end: 100,
      steps: 8,
      marks: [-12, 0, 8],
      best: [8, "best possible"],
      trivial: [-11, "random"],
      say: String,
    });
    const labels = [...drawn.matchAll(/y="([\d.]+)"[^>]*>(?:<tspan[^>]*>●<\/tspan> )?[a-z]/g)];
    const heights = labels.map((found) => Number(found[1])).sort((a, b) => a - b);
    const own = heights.filter((y) => y < 190); // without the scale's
    assert.equal(own.length, 4);
    own.slice(1).forEach((y, k) => assert.ok(y - own[k] >= 16.9));
  }
});
