// What a reader has learned, and how it changes: functions that need no page.
//
// Cards follow Leitner: five boxes and an interval each. SM-2 and FSRS are better over months, and
// need a history of that length to be; whoever has two weeks sees what this does, and why. The
// Anki deck is for the others.

/**
 * `first`: the day on which it was new; none if it came from a mock interview.
 * @typedef {{ box: number, due: string, first?: string }} Card
 */
/**
 * @typedef {object} State
 * @property {1} version
 * @property {Record<string, Card>} cards
 * @property {Record<string, boolean>} quizzes whether the last answer was right
 * @property {Record<string, string>} asked the last time in a mock interview
 * @property {Record<string, "done">} exercises by name; bug hunts are exercises too
 * @property {Record<string, number>} settings fresh: new cards a day
 */
/** @typedef {Exclude<keyof State, "version">} Part */

const DAYS = [0, 1, 2, 4, 8, 16]; // until a card comes back, by its box
const KNOWN = 2; // the box from which on a question counts as known
const DATE = /^\d{4}-\d\d-\d\d$/;

// What each part may hold; anything else is left out.
/** @type {Record<Part, (value: any) => boolean>} */
const FITS = {
  cards: (card) =>
    Number.isInteger(card?.box) &&
    card.box in DAYS &&
    DATE.test(card.due) &&
    (card.first === undefined || DATE.test(card.first)),
  quizzes: (right) => typeof right === "boolean",
  asked: (day) => DATE.test(day),
  exercises: (state) => state === "done",
  settings: (number) => Number.isInteger(number) && number >= 0,
};
export const PARTS = /** @type {Part[]} */ (Object.keys(FITS));

/** @returns {State} */
export const empty = () => ({
  version: 1,
  cards: {},
  quizzes: {},
  asked: {},
  exercises: {},
  settings: {},
});

/** So many days after a moment, as 2026-11-24, by the clock on the wall. @param {Date} now */
export function dayOf(now, after = 0) {
  const date = new Date(now);
  date.setDate(date.getDate() + after);
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((n) => `${n}`.padStart(2, "0"));
  return `${date.getFullYear()}-${month}-${day}`;
}

/** What fits of something that was stored or brought. @param {any} found */
export function fitting(found) {
  const state = empty();
  for (const part of PARTS) {
    for (const [name, value] of Object.entries(found?.[part] ?? {})) {
      if (FITS[part](value)) Object.assign(state[part], { [name]: value });
    }
  }
  return state;
}

/**
 * A card after it was asked. Known: one box up, and back after its days. Not known: box 0, and back
 * today. A second time on one day says nothing new.
 * @param {Card} card @param {boolean} known @param {Date} now @returns {Card}
 */
export function reviewed(card, known, now) {
  if (known && card.box > 0 && card.due > dayOf(now)) return card;
  const box = known ? Math.min(card.box + 1, DAYS.length - 1) : 0;
  return { ...card, box, due: dayOf(now, DAYS[box]) };
}

/** Whether a question counts as known. @param {State} state @param {string} id */
export const isKnown = (state, id) => (state.cards[id]?.box ?? 0) >= KNOWN;

/**
 * What can be added of what somebody brings, and the names of what cannot.
 * @param {string} text a file of progress @param {Partial<Record<Part, Set<string>>>} names those
 *   that each part knows
 */
export function brought(text, names) {
  const found = JSON.parse(text);
  const parts = PARTS.filter((part) => typeof (found?.[part] ?? 0) === "object");
  if (!parts.length) throw new Error("nothing of this kind in it");
  const news = fitting(found);
  for (const part of PARTS) {
    for (const name in news[part]) {
      if (names[part] && !names[part].has(name)) delete news[part][name];
    }
  }
  const left = parts.flatMap((part) =>
    Object.keys(found[part]).filter((name) => !(name in news[part])),
  );
  return { news, left: [...new Set(left)] };
}
