// What VDN and QMIX make of a table of payoffs: marl_edu.core.payoff_fits, whose numbers these are.

/** @typedef {number[][]} Table */
/** @typedef {{ table: Table, error: number, greedy: number[][] }} Fit `greedy`: rows, columns */

const SAME = 1e-9; // numbers closer than this are one number

/** @param {number} n */
const upTo = (n) => [...Array(n).keys()];

/** @param {readonly number[]} x */
const sum = (x) => x.reduce((a, b) => a + b, 0);

/** @param {Table} table */
export const transposed = (table) => table[0].map((_, b) => table.map((row) => row[b]));

/** @param {Table} f @param {Table} y @param {number} weight */
export const cost = (f, y, weight) =>
  sum(f.flatMap((row, a) => row.map((x, b) => (x < y[a][b] ? 1 : weight) * (x - y[a][b]) ** 2)));

/** The number that costs least for some payoffs. @param {number[]} y @param {number} weight */
export function level(y, weight) {
  let m = sum(y) / y.length;
  for (let k = 0; k <= y.length; k++) {
    let [total, weights] = [0, 0];
    for (const x of y) {
      const w = m < x ? 1 : weight;
      total += w * x;
      weights += w;
    }
    if (total / weights === m) break;
    m = total / weights;
  }
  return m;
}

/** Sets of cells that hold whatever is right of or below one of theirs. @param {number} rows @param {number} columns */
function upperSets(rows, columns) {
  /** @type {number[][]} */
  let firsts = [[]]; // in each row the first column that belongs
  for (let row = 0; row < rows; row++) {
    firsts = firsts.flatMap((above) =>
      upTo((above[row - 1] ?? columns) + 1).map((first) => above.concat(first)),
    );
  }
  return firsts.map((first) => first.flatMap((f) => upTo(columns).map((b) => b >= f)));
}

/** The best table that never falls from row to row, or column to column. @param {Table} y @param {number} weight */
export function risingFit(y, weight) {
  const sets = upperSets(y.length, y[0].length);
  const flat = y.flat();
  const levels = sets.map((upper) =>
    sets.map((left) => {
      const shared = flat.filter((_, x) => upper[x] && !left[x]);
      return shared.length ? level(shared, weight) : NaN;
    }),
  );
  const fit = flat.map((_, x) =>
    Math.max(
      ...levels.flatMap((row, u) =>
        sets[u][x] ? [Math.min(...row.filter((__, left) => !sets[left][x]))] : [],
      ),
    ),
  );
  return y.map((row, a) => row.map((_, b) => fit[a * row.length + b]));
}

/** The rows from low to high, those that say the same together. @param {Table} table */
export function ranking(table) {
  const sums = table.map(sum);
  /** @type {number[][]} */
  const groups = [];
  for (const row of upTo(table.length).sort((a, b) => sums[a] - sums[b])) {
    const last = groups.at(-1);
    if (last && table[row].every((x, b) => Math.abs(x - table[last[0]][b]) < SAME)) last.push(row);
    else groups.push([row]);
  }
  return groups.map((group) => group.sort((a, b) => a - b));
}

/** @param {number[]} items @returns {number[][]} */
const permutations = (items) =>
  items.length < 2
    ? [items]
    : items.flatMap((one) =>
        permutations(items.filter((other) => other !== one)).map((rest) => [one].concat(rest)),
      );

/** Every order that a ranking leaves open. @param {number[][]} groups */
const orders = (groups) =>
  groups.reduce(
    (before, group) =>
      before.flatMap((order) => permutations(group).map((part) => order.concat(part))),
    /** @type {number[][]} */ ([[]]),
  );

/** @param {Table} table @param {number} error @returns {Fit} */
const fitOf = (table, error) => ({
  table,
  error,
  greedy: [table, transposed(table)].map((side) => ranking(side).at(-1) ?? []),
});

/** @param {Table} y @param {number} weight @param {number[][]} rows @param {number[][]} columns */
function bestOf(y, weight, rows, columns) {
  let [table, error] = [y, Infinity];
  for (const row of orders(rows)) {
    for (const column of orders(columns)) {
      const sorted = row.map((a) => column.map((b) => y[a][b]));
      const risen = risingFit(sorted, weight);
      const f = y.map((_, a) => _.map((__, b) => risen[row.indexOf(a)][column.indexOf(b)]));
      const costs = cost(f, y, weight);
      if (costs < error - SAME) [table, error] = [f, costs];
    }
  }
  return fitOf(table, error);
}

/** VDN's. @param {Table} y */
export function additiveFit(y) {
  const mean = (/** @type {number[]} */ x) => sum(x) / x.length;
  const [rows, columns, all] = [y.map(mean), transposed(y).map(mean), mean(y.flat())];
  const table = rows.map((row) => columns.map((column) => row + column - all));
  return fitOf(table, cost(table, y, 1));
}

/** QMIX's of the smallest error. @param {Table} y @param {number} weight */
export const bestFit = (y, weight) => bestOf(y, weight, [upTo(y.length)], [upTo(y[0].length)]);

/** QMIX's where training ends. @param {Table} y @param {number} weight */
export function reachedFit(y, weight) {
  const [rows, columns] = [y, transposed(y)].map((side) =>
    ranking(side.map((part) => [level(part, weight)])),
  );
  let fit = bestOf(y, weight, rows, columns);
  for (;;) {
    const better = bestOf(y, weight, ranking(fit.table), ranking(transposed(fit.table)));
    if (better.error >= fit.error - SAME) return fit;
    fit = better;
  }
}
