// Which questions come next, and the clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, draw, five, plan } from "../../book/_static/interview/plan.js";

/** @param {string} id @param {string} level */
const question = (id, level) => ({
  id,
  level,
  topic: "t",
  question: "",
  answer: "",
  page: "",
  followUps: [],
  quiz: false,
});
const BANK = ["screen", "onsite", "research"].flatMap((level) =>
  [..."abcdefgh"].map((letter) => question(letter + level, level)),
);
const LEVELS = ["screen", "onsite", "research"];
const levelsOf = (/** @type {string} */ level) =>
  five(BANK, level, LEVELS, {}).map((one) => one.level);
const idsOf = (/** @type {{ id: string }[]} */ some) => some.map((one) => one.id);

test("the clock", () => {
  assert.deepEqual([0, 9.9, 60, 61.5, 600].map(clock), ["0:00", "0:09", "1:00", "1:01", "10:00"]);
});

test("due cards come longest due first, new ones in the bank's order, as many as fit in today", () => {
  const [a, b, c, d, e, f] = BANK;
  const now = new Date(2026, 2, 5, 12);
  const today = "2026-03-05";
  const cards = {
    [a.id]: { box: 1, due: today, first: today },
    [b.id]: { box: 1, due: "2026-03-01" },
    [c.id]: { box: 3, due: "2026-03-06" },
    [f.id]: { box: 2, due: "2099-03-05" }, // a clock was wrong: no card of box 2 waits so long
  };
  const next = plan([a, b, c, d, e, f], cards, now, 3);
  assert.deepEqual(idsOf(next.due), idsOf([b, a, f]));
  assert.deepEqual(idsOf(next.fresh), idsOf([d, e])); // one of today's three was had
  assert.deepEqual(plan([d, e], cards, now, 0).fresh, []);
});

test("never asked comes first, then asked longest ago", () => {
  const some = BANK.slice(0, 4);
  const asked = { [some[0].id]: { on: "2026-03-02" }, [some[1].id]: { on: "2026-03-01" } };
  const drawn = idsOf(draw(some, 4, asked));
  assert.deepEqual(drawn.slice(2), idsOf([some[1], some[0]]));
  assert.deepEqual(drawn.slice(0, 2).sort(), idsOf(some.slice(2)));
  const firsts = new Set(Array.from({ length: 60 }, () => draw(some, 1, asked)[0].id));
  assert.deepEqual(firsts, new Set(idsOf(some.slice(2)))); // by chance among equals
});

test("a mixed interview has two, two and one; one of a level has five of it", () => {
  assert.deepEqual(levelsOf(""), ["screen", "screen", "onsite", "onsite", "research"]);
  assert.deepEqual(levelsOf("onsite"), Array(5).fill("onsite"));
});

test("a topic with too few of one level has more of the others", () => {
  const few = BANK.filter((one) => one.level !== "onsite");
  const drawn = five(few, "", LEVELS, {});
  assert.equal(new Set(drawn).size, 5);
  assert.deepEqual(idsOf(five(few.slice(0, 2), "", LEVELS, {})).sort(), idsOf(few.slice(0, 2)));
  assert.deepEqual(five(few, "onsite", LEVELS, {}), []);
});
