// Curves of what teams get while they learn, one or several seeds each.

import { each, escape, fixed } from "./kit.js";

/** @import { Row } from "./engine.js" */

/**
 * A team of the figure: its runs' rows, one list per seed. `tone`: of its curve; `dashes`: of a curve
 * that may cover another.
 * @typedef {{ name: string, tone: string, rows: Row[][], dashes?: string }} Lines
 */

// Of the curves' picture.
const [WIDE, HIGH, LEFT, RIGHT, TOP, FOOT] = [480, 210, 40, 330, 12, 30];

const FINE = 300; // points of a curve, at most

/** The middle, lowest and highest of seeds, row by row. @param {Row[][]} rows @param {string} of */
function spread(rows, of) {
  const all = Math.min(...rows.map((one) => one.length));
  const stride = Math.ceil(all / FINE);
  return Array.from({ length: Math.ceil(all / (stride || 1)) }, (_, point) => {
    const k = all - 1 - stride * (Math.ceil(all / stride) - 1 - point); // the last is among them
    const found = rows.map((one) => one[k][of]).sort((a, b) => a - b);
    const middle = found[Math.floor(found.length / 2)];
    return { update: rows[0][k].update, middle, low: found[0], high: found[found.length - 1] };
  });
}

/**
 * What a curve is drawn on. `of`: what of a row; `end`: the update at the right; `steps`: of the
 * environment, in an update, or of another `unit`; `marks`: numbers at the left, from lowest to
 * highest; `say`: a number at the end of a curve.
 * @typedef {{ of: string, end: number, steps: number, unit?: string, marks: number[],
 *   best: [number, string], trivial: [number, string], say: (x: number) => string }} Axes
 */

/** All curves. @param {Lines[]} teams @param {Axes} axes */
export function curvesShape(teams, axes) {
  const { of, end, steps, unit = "steps", marks, best, trivial, say } = axes;
  const [low, high] = [marks[0], marks[marks.length - 1]];
  const height = (/** @type {number} */ x) =>
    TOP + ((high - x) / (high - low || 1)) * (HIGH - TOP - FOOT);
  const across = (/** @type {number} */ update) => LEFT + (update / end) * (RIGHT - LEFT);
  /** @type {[number, string][]} */
  const labels = [];
  /** @param {[number, string]} what @param {string} dashes */
  const line = ([x, text], dashes) => {
    labels.push([height(x) + 4, `<text x="${RIGHT + 6}" y="@" fill="var(--soft)">${text}</text>`]);
    return `<path d="M${LEFT} ${fixed(height(x))}H${RIGHT}" stroke="var(--soft)" stroke-dasharray="${dashes}"/>`;
  };
  const lines = line(best, "2 4") + line(trivial, "7 5");
  const drawn = each(teams, ({ name, tone, rows, dashes }) => {
    const points = spread(rows, of);
    if (!points.length) return "";
    const last = points[points.length - 1];
    const at = (/** @type {"middle" | "low" | "high"} */ key) =>
      points.map((one) => `${fixed(across(one.update))} ${fixed(height(one[key]))}`);
    const label = `<text x="${fixed(across(last.update) + 6)}" y="@" fill="var(--ink)" font-weight="600"
      stroke="var(--paper)" stroke-width="4" paint-order="stroke"><tspan fill="${tone}">●</tspan> ${escape(name)} ${escape(say(last.middle))}</text>`;
    labels.push([height(last.middle) + 4, label]);
    const band =
      rows.length > 1
        ? `<path d="M${[...at("low"), ...at("high").toReversed()].join("L")}z" fill="${tone}" opacity=".2"/>`
        : "";
    return `${band}<path d="M${at("middle").join("L")}" fill="none" stroke="${tone}" stroke-width="2.5"${dashes ? ` stroke-dasharray="${dashes}"` : ""}/>`;
  });
  // Labels that would cover each other move apart: down, and up again from the foot.
  labels.sort(([a], [b]) => a - b);
  labels.forEach((label, k) => k && (label[0] = Math.max(label[0], labels[k - 1][0] + 17)));
  let floor = HIGH - FOOT + 4;
  for (const label of labels.toReversed()) {
    label[0] = Math.min(label[0], floor);
    floor = label[0] - 17;
  }
  const words = each(labels, ([y, text]) => text.replace("@", fixed(y)));
  const many = end * steps > 1000;
  const times = each([0, 0.5, 1], (share) => {
    const at = Math.round((share * end * steps) / (many ? 1000 : 1));
    return `<text x="${fixed(across(share * end))}" y="${HIGH - 10}" text-anchor="middle">${at}${at && many ? "k" : ""}</text>`;
  });
  const scale = each(
    marks,
    (x) =>
      `<text x="${LEFT - 6}" y="${fixed(height(x) + 4)}" text-anchor="end">${say(x).replace(/\s%$/, "")}</text>`,
  );
  return `<path d="M${LEFT} ${TOP}V${HIGH - FOOT}H${RIGHT}" fill="none" stroke="var(--line)"/>
    ${lines}
    <g fill="var(--soft)">${times}${scale}<text x="${RIGHT + 24}" y="${HIGH - 10}">${unit}</text></g>
    ${drawn}${words}`;
}

/** How large the picture of the curves is. */
export const CURVES = `0 0 ${WIDE} ${HIGH}`;
