// Which questions come next: functions that need no page.

import { dayOf, isDue } from "./state.js";

/** @import { Card, State } from "./state.js" */
/** @import { Question } from "./page.js" */

export const NUMBER = 5; // questions of a mock interview
/** @type {Record<string, number>} */
const MIXED = { screen: 2, onsite: 2, research: 1 };

/** @param {number} seconds */
export function clock(seconds) {
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return `${Math.floor(seconds / 60)}:${rest}`;
}

/**
 * Due cards, longest due first; then new ones in the order of the bank, as many as fit in today.
 * @param {Question[]} chosen @param {Record<string, Card>} cards @param {Date} now
 * @param {number} perDay new cards a day
 */
export function plan(chosen, cards, now, perDay) {
  const due = chosen
    .filter((one) => cards[one.id] && isDue(cards[one.id], now))
    .sort((a, b) => cards[a.id].due.localeCompare(cards[b.id].due));
  const had = Object.values(cards).filter((card) => card.first === dayOf(now)).length;
  const fresh = chosen.filter((one) => !cards[one.id]).slice(0, Math.max(0, perDay - had));
  return { due, fresh };
}

/**
 * Never asked or longest ago first, by chance among equals.
 * @param {Question[]} some @param {number} number @param {State["asked"]} asked
 */
export function draw(some, number, asked) {
  return some
    .map((one) => ({ one, last: asked[one.id]?.on ?? "", chance: Math.random() }))
    .sort((a, b) => a.last.localeCompare(b.last) || a.chance - b.chance)
    .slice(0, number)
    .map(({ one }) => one);
}

/**
 * The questions of an interview of one level, or, without one, of all.
 * @param {Question[]} some @param {string} level @param {string[]} levels
 * @param {State["asked"]} asked
 */
export function five(some, level, levels, asked) {
  const of = (/** @type {string} */ each) => some.filter((one) => one.level === each);
  if (level) return draw(of(level), NUMBER, asked);
  const mixed = levels.flatMap((each) => draw(of(each), MIXED[each], asked));
  // A topic with too few of one level has more of the others.
  const rest = some.filter((one) => !mixed.includes(one));
  return mixed.concat(draw(rest, NUMBER - mixed.length, asked));
}
