// Lines to put in order: what is wrong with an order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fault } from "../../book/_static/interview/order.js";

// Lines 4, 0, 2 and 5 in this order make the function; 0 and 2 may change places.
const puzzle = {
  own: [4, 0, 2, 5],
  before: [
    [4, 0],
    [4, 2],
    [4, 5],
    [0, 5],
    [2, 5],
  ],
};

test("every order that keeps the pairs is right", () => {
  assert.deepEqual(fault([4, 0, 2, 5], puzzle), {});
  assert.deepEqual(fault([4, 2, 0, 5], puzzle), {});
});

test("a line that does not belong comes first, then what is missing, then the order", () => {
  assert.deepEqual(fault([5, 1], puzzle), { stray: 1 });
  assert.deepEqual(fault([4, 0, 3, 2, 5], puzzle), { stray: 3 });
  assert.deepEqual(fault([5, 4], puzzle), { missing: 2 });
  assert.deepEqual(fault([], puzzle), { missing: 4 });
  assert.deepEqual(fault([0, 4, 2, 5], puzzle), { pair: [4, 0] });
  assert.deepEqual(fault([4, 0, 5, 2], puzzle), { pair: [2, 5] });
});
