// Maps of attention, and what one agent asks and hears.

import { each, percent, shade } from "../shared/kit.js";

/** @import { Example } from "./training.js" */

/** @param {number} i */
const letter = (i) => "ABCDEFGHIJ"[i];

/** An agent in a table: its number on its colour. @param {number} i */
export const chip = (i) =>
  `<span class="ml-chip" style="background:var(--a${i % 8});color:var(--t${i % 8})">${i}</span>`;

/** @param {Example} example @param {number} i */
const asks = (example, i) => `asks ${example.asked[i]}`;

/**
 * A map of attention as rows of a table; the sender that was asked for has a ring.
 * @param {Example} example @param {number} head @param {number} agent that is looked at
 */
export function mapRows(example, head, agent) {
  const numbers = [...example.asked.keys()];
  const senders = each(numbers, (j) => `<th scope="col">${chip(j)}</th>`);
  const rows = each(numbers, (i) => {
    const cells = each(numbers, (j) => {
      const weight = example.weights[head][i][j];
      const [r, g, b] = shade(weight);
      const ring = example.asked[i] === j ? ' class="ml-ring"' : "";
      return `<td${ring} style="background:rgb(${r},${g},${b});color:${weight > 0.68 ? "#fff" : "#000"}">${Math.round(100 * weight)}</td>`;
    });
    return `<tr data-agent="${i}"${i === agent ? ' class="ml-row"' : ""}><th scope="row">${chip(i)} ${asks(example, i)}</th>${cells}</tr>`;
  });
  return `<thead><tr><td></td>${senders}</tr></thead><tbody>${rows}</tbody>`;
}

/** Numbers as a strip: orange is positive, blue negative. @param {number[]} numbers @param {number} most */
function strip(numbers, most) {
  const cells = each(
    numbers,
    (x, k) =>
      `<rect x="${4 * k}" width="4" height="12" fill="var(--a${x > 0 ? 3 : 0})" fill-opacity="${Math.min(Math.abs(x) / most, 1).toFixed(2)}"/>`,
  );
  return `<svg class="ml-strip" viewBox="0 0 ${4 * numbers.length} 12" style="width:${4 * Math.min(numbers.length, 40)}px" preserveAspectRatio="none" aria-hidden="true">${cells}</svg>`;
}

/** Of many lists, the largest number, sign apart. @param {number[][]} lists */
const most = (lists) => Math.max(...lists.flat().map(Math.abs), 1e-9);

/** What an agent answers, in words. @param {Example} example @param {number} agent */
export function answerWords({ chances, symbol, asked }, agent) {
  const right = symbol[asked[agent]];
  const shown = chances[agent].map((p, a) => `${letter(a)} ${percent(p)}`).join(", ");
  const said = chances[agent].indexOf(Math.max(...chances[agent]));
  const verdict = said === right ? "which is right" : `but ${letter(right)} is right`;
  return `It answers ${letter(said)}, ${verdict} (${shown}).`;
}

/**
 * What an agent asks and hears, up to a step: 1 query, 2 signatures, 3 softmax, 4 values, 5 answer.
 * @param {Example} example @param {number} agent @param {number} head @param {number} step
 */
export function stepsShape(example, agent, head, step) {
  const { query, signature, value, weights, asked, symbol } = example;
  const H = weights.length;
  const own = (/** @type {number[]} */ all) => {
    const wide = all.length / H;
    return all.slice(head * wide, (head + 1) * wide);
  };
  const keys = signature.map(own);
  const ask = own(query[agent]);
  const values = value.map(own);
  const [largest, loudest] = [most([...keys, ask]), most(values)];
  const heard = values[0].map((_, d) =>
    values.reduce((sum, one, j) => sum + weights[head][agent][j] * one[d], 0),
  );
  const scores = keys.map(
    (key) => key.reduce((sum, x, d) => sum + x * ask[d], 0) / Math.sqrt(key.length),
  );
  const column = (/** @type {number} */ from, /** @type {string} */ text) =>
    step >= from ? text : "";
  const titles = `<tr><th scope="col">sender</th>${column(2, '<th scope="col">signature</th><th scope="col">score</th>')}${column(3, '<th scope="col">weight</th>')}${column(4, '<th scope="col">value</th>')}</tr>`;
  const rows = each([...asked.keys()], (j) => {
    const weight = weights[head][agent][j];
    const held = `holds ${letter(symbol[j])}`;
    return `<tr${j === asked[agent] ? ' class="ml-row"' : ""}><th scope="row">${chip(j)} ${held}</th>${column(2, `<td>${strip(keys[j], largest)}</td><td>${scores[j].toFixed(1).replace(/^-0.0$/, "0.0")}</td>`)}${column(3, `<td>${percent(weight)}</td>`)}${column(4, `<td>${strip(values[j], loudest)}</td>`)}</tr>`;
  });
  return `<p class="ml-asks">${chip(agent)} query ${strip(ask, largest)}</p>
    <table class="ml-steps"><thead>${titles}</thead><tbody>${rows}</tbody></table>
    ${column(4, `<p class="ml-asks">${chip(agent)} hears ${strip(heard, loudest)}</p>`)}`;
}

/** A step in words. @param {Example} example @param {number} agent @param {number} head @param {number} step */
export function stepWords(example, agent, head, step) {
  const size = example.query[agent].length / example.weights.length;
  const asked = example.asked[agent];
  return [
    `1. Query: agent ${agent} is asked for the symbol of the agent that wears colour ${example.colour[asked]}, which is agent ${asked}. What it looks for becomes ${size} numbers.`,
    `2. Signatures: every agent sends ${size} numbers that say whose message it is. A score is query times signature, over √${size}.`,
    `3. Softmax: scores become weights that sum to 100 %. Agent ${asked} gets ${percent(example.weights[head][agent][asked])}.`,
    "4. Values: what it hears is the sum of the values, each times its weight.",
    `5. Answer: ${answerWords(example, agent)}`,
  ][step - 1];
}
