// What numbers.py wrote, and how close to it JavaScript has to come.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("numbers.json", import.meta.url), "utf-8");

/** Networks with random weights, and what Python computes with them. @type {any} */
export const { records, results } = JSON.parse(text);

/**
 * Nested lists of numbers are the same up to the rounding of float32.
 * @param {any} ours @param {any} theirs
 */
export function close(ours, theirs, within = 1e-5) {
  if (typeof theirs === "number") {
    assert.ok(Math.abs(ours - theirs) < within, `${ours}, not ${theirs}`);
    return;
  }
  const [a, b] = [[...ours], [...theirs]];
  assert.equal(a.length, b.length);
  b.forEach((value, k) => close(a[k], value, within));
}
