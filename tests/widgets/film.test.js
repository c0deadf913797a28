// A film's pictures and texts come out as Python packed them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { unpack } from "../../marl_edu/widgets/film/figure.js";
import { results } from "./numbers.js";

test("what was packed is unpacked", async () => {
  assert.deepEqual(await unpack(results.film.packed), results.film.pictures);
});
