// What a reader has learned, and how it changes: functions that need no page. The command line
// writes files of the same shape: marl_edu/exercises/engine/progress.py.
//
// Cards follow Leitner: five boxes and an interval each. SM-2 and FSRS are better over months, and
// need a history of that length to be; whoever has two weeks sees what this does, and why. The
// Anki deck is for the others.

/** @typedef {{ at: string }} Dated when an entry was made, in UTC: of two, the newer one counts */
/**
 * `first`: the day on which it was new; none if it came from a mock interview.
 * @typedef {{ box: number, due: string, first?: string }} Card
 */
/**
 * `values`: right on values, in the page, where the lab checks gradients as well; half of done.
 * @typedef {{ done: boolean, values?: boolean }} Done
 */
/**
 * @typedef {object} State
 * @property {2} version
 * @property {Record<string, Card & Dated>} cards
 * @property {Record<string, { right: boolean } & Dated>} quizzes the last answer
 * @property {Record<string, { on: string } & Dated>} asked the last time in a mock interview
 * @property {Record<string, Done & Dated>} exercises by name; bug hunts are some too
 * @property {Record<string, { value: number } & Dated>} settings fresh: new cards a day
 */
/** @typedef {Exclude<keyof State, "version">} Part */
/** @typedef {{ part: Part, name: string, before?: Dated, after?: Dated }} Change */

export const VERSION = 2;
const UNDATED = "1970-01-01T00:00:00.000Z"; // when an entry of version 1 was made
const LAST = "9999-12-31T23:59:59.999Z"; // that can be written so
const DAYS = [0, 1, 2, 4, 8, 16]; // until a card comes back, by its box
const KNOWN = 2; // the box from which on a question counts as known
const ONE_DAY = 86_400_000; // in milliseconds
const NAME = /^[a-z][\w-]{0,99}$/; // so none is `__proto__`

/** A file of a version that this edition of the book does not know. */
export class Newer extends Error {}

/** Whether there is such a moment, written as it is here. @param {any} at */
function isMoment(at) {
  const time = typeof at === "string" ? Date.parse(at) : NaN;
  return Number.isFinite(time) && new Date(time).toISOString() === at && at >= UNDATED;
}

/** Whether there is such a day. @param {any} day */
const isDay = (day) => typeof day === "string" && isMoment(`${day}T00:00:00.000Z`);

// Of each part, what an entry holds; nothing if it is none.
/** @type {Record<Part, (entry: any) => object | false>} */
const FIELDS = {
  cards: ({ box, due, first }) =>
    Number.isInteger(box) &&
    box >= 0 &&
    box < DAYS.length &&
    isDay(due) &&
    (first === undefined || isDay(first)) && { box, due, ...(first && { first }) },
  quizzes: ({ right }) => typeof right === "boolean" && { right },
  asked: ({ on }) => isDay(on) && { on },
  exercises: ({ done, values = false }) =>
    typeof done === "boolean" &&
    typeof values === "boolean" && { done, ...(values && !done && { values }) },
  settings: ({ value }) => Number.isSafeInteger(value) && value >= 0 && { value },
};
export const PARTS = /** @type {Part[]} */ (Object.keys(FIELDS));

// Of each part, what an entry of version 1 is now.
/** @type {Record<Part, (old: any) => object>} */
const MIGRATED = {
  cards: (old) => ({ ...old }),
  quizzes: (right) => ({ right }),
  asked: (on) => ({ on }),
  exercises: (state) => ({ done: state === "done" || null }),
  settings: (value) => ({ value }),
};

/** @returns {State} */
export const empty = () => ({
  version: VERSION,
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

/** An entry, field by field; null if it is none. @param {Part} part @param {any} found */
export function entryOf(part, found) {
  const fields = isMoment(found?.at) && FIELDS[part](found);
  return fields ? { ...fields, at: found.at } : null;
}

/** @param {any} found @param {Part} part @returns {[string, any][]} */
const entriesOf = (found, part) => {
  const held = found?.[part];
  return held && typeof held === "object" ? Object.entries(held) : [];
};

/**
 * What fits of something that was stored or brought, of any version up to this one.
 * @param {any} found @returns {State}
 */
export function fitting(found) {
  const { version = 1 } = found ?? {};
  if (version !== 1 && version !== VERSION) throw new Newer(`version ${JSON.stringify(version)}`);
  const state = empty();
  for (const part of PARTS) {
    for (const [name, value] of entriesOf(found, part)) {
      const entry = entryOf(
        part,
        version === VERSION ? value : { ...MIGRATED[part](value), at: UNDATED },
      );
      if (entry && NAME.test(name)) Object.assign(state[part], { [name]: entry });
    }
  }
  return state;
}

/** What an exercise counts for: all, half or nothing. @param {Done} [entry] */
export const worth = (entry) => (entry?.done ? 1 : entry?.values ? 0.5 : 0);

/** Whether an entry counts rather than another one. @param {Dated} one @param {Dated} [other] */
function isNewer(one, other) {
  if (!other || one.at !== other.at) return !other || one.at > other.at;
  return JSON.stringify(one) > JSON.stringify(other); // the same on every machine
}

/** Of two states each newer entry. @param {State} one @param {State} other @returns {State} */
export function merged(one, other) {
  const all = structuredClone(one);
  for (const part of PARTS) {
    for (const [name, entry] of entriesOf(other, part)) {
      if (isNewer(entry, all[part][name])) all[part][name] = entry;
    }
  }
  return all;
}

/** Now, or just after an entry that a wrong clock has made. @param {Date} now @param {Dated} [old] */
export function stamp(now, old) {
  const after = old ? Date.parse(old.at) + 1 : 0;
  return new Date(Math.min(Math.max(now.getTime(), after), Date.parse(LAST))).toISOString();
}

/** What differs between two states. @param {State} before @param {State} after @returns {Change[]} */
export const changesOf = (before, after) =>
  PARTS.flatMap((part) => {
    const names = Object.keys({ ...before[part], ...after[part] });
    return names
      .map((name) => ({ part, name, before: before[part][name], after: after[part][name] }))
      .filter((one) => JSON.stringify(one.before) !== JSON.stringify(one.after));
  });

/** Those changes that nothing has happened to since. @param {Change[]} changes @param {State} now */
export const toUndo = (changes, now) =>
  changes.filter(
    ({ part, name, after }) => JSON.stringify(now[part][name]) === JSON.stringify(after),
  );

/** Whether a card is to be asked. One that is due too late had a wrong clock. @param {Card} card @param {Date} now */
export const isDue = (card, now) =>
  card.due <= dayOf(now) || card.due > dayOf(now, DAYS[card.box] + 1); // or another time zone

/**
 * A card after it was asked. Known: one box up, and back after its days. Not known: box 0, and back
 * today. A second time on one day says nothing new.
 * @param {Card} card @param {boolean} known @param {Date} now @returns {Card}
 */
export function reviewed(card, known, now) {
  if (known && card.box > 0 && !isDue(card, now)) return card;
  const box = known ? Math.min(card.box + 1, DAYS.length - 1) : 0;
  return { ...card, box, due: dayOf(now, DAYS[box]) };
}

/** Whether a question counts as known. @param {State} state @param {string} id */
export const isKnown = (state, id) => (state.cards[id]?.box ?? 0) >= KNOWN;

/**
 * An entry that is brought, as it counts beside the one that is there. Values that are right in the
 * page take back nothing that the lab has passed, before or after.
 * @param {Done & Dated} entry @param {Done & Dated} old @param {Date} now
 */
function beside(entry, old, now) {
  if (worth(old) === 1 && worth(entry) === 0.5) return old;
  const passed = worth(old) === 0.5 && entry.done && entry.at <= old.at;
  return passed ? { ...entry, at: stamp(now, old) } : entry;
}

/**
 * What can be added of what somebody brings, the names of what cannot, and of what is older than
 * what is there. An entry from the future becomes one of today: else nothing would ever be newer.
 * @param {string} text a file of progress @param {Partial<Record<Part, Set<string>>>} names those
 *   that each part knows @param {State} mine @param {Date} now
 */
export function brought(text, names, mine, now) {
  const found = JSON.parse(text);
  const parts = PARTS.filter((part) => found?.[part] && typeof found[part] === "object");
  if (!parts.length) throw new Error("nothing of this kind in it");
  const fits = fitting(found);
  for (const [name, entry] of Object.entries(fits.exercises)) {
    const old = mine.exercises[name];
    if (old) fits.exercises[name] = beside(entry, old, now);
  }
  const times = PARTS.flatMap((part) => Object.values(mine[part]).map(({ at }) => Date.parse(at)));
  const today = times.reduce((last, time) => Math.max(last, time), now.getTime());
  const latest = new Date(today + ONE_DAY).toISOString();
  const news = empty();
  /** @type {Set<string>} */
  const left = new Set();
  /** @type {Set<string>} */
  const older = new Set();
  for (const part of parts) {
    for (const [name] of entriesOf(found, part)) {
      const known = Object.hasOwn(fits[part], name) && (names[part]?.has(name) ?? true);
      const entry = known ? { ...fits[part][name] } : null;
      const old = mine[part][name];
      if (entry && entry.at > latest) entry.at = new Date(today).toISOString();
      if (!entry) left.add(name);
      else if (isNewer(entry, old)) Object.assign(news[part], { [name]: entry });
      else if (entry.at !== old.at) older.add(name);
    }
  }
  return { news, left: [...left], older: [...older] };
}
