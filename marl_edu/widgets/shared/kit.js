// What live figures have in common: numbers, networks, pictures, controls, and the model.

// ---- Numbers -------------------------------------------------------------------------------------

/** @typedef {ArrayLike<number>} Numbers */

/**
 * A whole number between two others, whatever was given.
 * @param {unknown} x @param {number} low @param {number} high
 */
export const clamp = (x, low, high) => Math.min(Math.max(Math.round(Number(x)) || 0, low), high);

/** Whether two JSON values are equal. @param {unknown} a @param {unknown} b */
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The place of the largest number, the first of equals. @param {Numbers} x */
export function argmax(x) {
  let best = 0;
  for (let k = 1; k < x.length; k++) if (x[k] > x[best]) best = k;
  return best;
}

/** The sum of products over all of b. @param {Numbers} a @param {Numbers} b */
export function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < b.length; k++) sum += a[k] * b[k];
  return sum;
}

/** @param {number} x */
export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/**
 * Softmax over the scores that are not null; those weigh 0, and so does everything if all are.
 * @param {(number | null)[]} scores
 */
export function maskedSoftmax(scores) {
  const top = Math.max(...scores.filter((score) => score !== null));
  const weights = scores.map((score) => (score === null ? 0 : Math.exp(score - top)));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => (total ? weight / total : 0));
}

/** @param {Iterable<number>} scores */
export const softmax = (scores) => maskedSoftmax([...scores]);

/**
 * mulberry32: the same numbers as marl_edu.widgets.shared.draws.uniforms, multiples of 2^-24.
 * @param {number} seed @param {number} episode
 */
export function uniforms(seed, episode) {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(episode + 1, 0x85ebca6b);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 8) / 2 ** 24;
  };
}

// ---- Networks ------------------------------------------------------------------------------------

/**
 * `at`: the script that holds the weights, where the page does not.
 * @typedef {{ shapes: [string, number[]][], weights: string, at?: string }} Packed
 */
/** @typedef {Record<string, Float64Array>} Weights */

/**
 * What marl_edu.widgets.shared.weights.pack wrote: numbers by name, row after row.
 * @param {Packed} packed
 */
export function weightsOf({ shapes, weights }) {
  const planes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
  const n = planes.length / 4; // first all first bytes, then all second ones, ...
  const flat = new Float32Array(planes.map((_, k) => planes[(k % 4) * n + (k >> 2)]).buffer);
  /** @type {Weights} */
  const W = {};
  let at = 0;
  for (const [name, shape] of shapes) {
    const size = shape.reduce((a, b) => a * b, 1);
    W[name] = Float64Array.from(flat.subarray(at, at + size));
    at += size;
  }
  return W;
}

/**
 * Load the weights that the page left out. They stand in a script, since a page from disk may load
 * nothing else. Fails where there is neither a connection nor a stored copy.
 * @param {Packed} packed
 * @returns {Promise<void>}
 */
export function bring(packed) {
  const { at } = packed;
  if (at === undefined) return Promise.resolve();
  return new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = at;
    script.addEventListener("load", () => {
      const held = /** @type {{ marlWeights?: Record<string, string> }} */ (globalThis).marlWeights;
      const name = at.replace(/^.*\/|\.js$/g, "");
      packed.weights = held?.[name] ?? "";
      delete packed.at;
      done();
    });
    script.addEventListener("error", () => fail(new Error(`no ${at}`)));
    document.head.append(script);
  });
}

/** W x + b. @param {Float64Array} W @param {Float64Array | null} b @param {Numbers} x */
export function linear(W, b, x) {
  const y = b ? Float64Array.from(b) : new Float64Array(W.length / x.length);
  for (let o = 0, at = 0; o < y.length; o++) {
    for (let i = 0; i < x.length; i++, at++) y[o] += W[at] * x[i];
  }
  return y;
}

/**
 * A GRU's next memory from a = W_ih x + b_ih, b = W_hh h + b_hh and h.
 * @param {Float64Array} a @param {Float64Array} b @param {Float64Array} h
 */
export function gruCell(a, b, h) {
  const D = h.length;
  return h.map((old, k) => {
    const keep = sigmoid(a[D + k] + b[D + k]);
    const fresh = Math.tanh(a[2 * D + k] + sigmoid(a[k] + b[k]) * b[2 * D + k]);
    return (1 - keep) * fresh + keep * old;
  });
}

/**
 * An LSTM's next memory, h and behind it its cell, from a = W_ih x + b_ih, b = W_hh h + b_hh and
 * the last one.
 * @param {Float64Array} a @param {Float64Array} b @param {Float64Array} memory
 */
export function lstmCell(a, b, memory) {
  const D = memory.length / 2;
  const next = new Float64Array(2 * D);
  for (let k = 0; k < D; k++) {
    const gate = (/** @type {number} */ n) => sigmoid(a[n * D + k] + b[n * D + k]);
    next[D + k] = gate(1) * memory[D + k] + gate(0) * Math.tanh(a[2 * D + k] + b[2 * D + k]);
    next[k] = gate(3) * Math.tanh(next[D + k]);
  }
  return next;
}

/** Attention of all heads, [head][receiver][sender]: their mean. @param {number[][][]} heads */
export function meanOfHeads(heads) {
  return heads[0].map((row, i) =>
    row.map((_, j) => heads.reduce((sum, head) => sum + head[i][j], 0) / heads.length),
  );
}

// ---- Text and pictures: the same lengths as marl_edu.envs.pictures -------------------------------

export const CELL = 40; // side of a cell
export const FAINTEST = 0.05; // attention that is drawn

/** @param {string} text */
export const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

/** A length in a picture. @param {number} x */
export const fixed = (x) => x.toFixed(1);

/**
 * What is written of each item, one after the other.
 * @template T
 * @param {readonly T[]} items @param {(item: T, number: number) => string} write
 */
export const each = (items, write) => items.map(write).join("");

// ColorBrewer's YlGnBu, as in marl_edu.plots.attention_map.
const PALETTE = "ffffd9 edf8b1 c7e9b4 7fcdbb 41b6c4 1d91c0 225ea8 253494 081d58"
  .split(" ")
  .map((hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)));

/** A colour between light (0) and dark (1): [red, green, blue]. @param {number} share */
export function shade(share) {
  const at = Math.min(Math.max(share, 0), 1) * (PALETTE.length - 1);
  const k = Math.min(Math.floor(at), PALETTE.length - 2);
  return PALETTE[k].map((c, i) => Math.round(c + (at - k) * (PALETTE[k + 1][i] - c)));
}

/** The looks of a cell with a text in it. @param {number} share */
export function cellStyle(share) {
  const rgb = shade(share);
  const [r, g, b] = rgb.map((c) => {
    const part = c / 255;
    return part <= 0.03928 ? c / 3294.6 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return { background: `rgb(${rgb})`, color: luminance > 0.179 ? "#000" : "#fff" };
}

/** An agent, around (0, 0): a disc with its number. @param {number} i @param {number} radius */
export const agentDisc = (i, radius) =>
  `<circle r="${radius}" fill="var(--a${i % 8})" stroke="var(--ink)" stroke-width="${radius / 10}"/>
    <text y="${fixed(0.45 * radius)}" text-anchor="middle" font-size="${fixed(1.25 * radius)}"
      font-weight="700" fill="var(--t${i % 8})">${i}</text>`;

/**
 * The head of an arrow whose tip is at (x, y) and which comes from the direction (dx, dy), of length
 * 1: the width of its shaft, where that ends, and the head's path.
 * @param {number} x @param {number} y @param {number} dx @param {number} dy @param {number} weight
 */
export function arrowHead(x, y, dx, dy, weight) {
  const width = 1 + 7 * weight;
  const [length, half] = [6 + 0.8 * width, 2.5 + 0.7 * width];
  const [bx, by] = [x + dx * length, y + dy * length];
  const path = `M${fixed(x)} ${fixed(y)}L${fixed(bx - half * dy)} ${fixed(by + half * dx)}L${fixed(
    bx + half * dy,
  )} ${fixed(by - half * dx)}z`;
  return { width, base: `${fixed(bx)} ${fixed(by)}`, path };
}

/** What was last written into each element. @type {WeakMap<Element, string>} */
const written = new WeakMap();

/** Write what is inside an element, unless it is there already. @param {Element} element @param {string} inside */
export function fill(element, inside) {
  if (written.get(element) === inside) return;
  element.innerHTML = inside;
  written.set(element, inside);
}

// ---- Controls ------------------------------------------------------------------------------------

/**
 * Keep the keys: of an element that does not say so JupyterLab takes them for the notebook, where
 * "d d" deletes a cell. Only the element that has the focus is asked.
 * @param {Element} root
 */
export function keepKeys(root) {
  root.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
  });
}

/**
 * The controls of one figure, as HTML. `letters`: those its classes begin with.
 * @param {string} letters
 */
export function controls(letters) {
  const uid = Math.random().toString(36).slice(2);
  /** @param {string} name @param {string} attributes */
  const input = (name, attributes) => `<input data-name="${name}" ${attributes}>`;
  /** @param {string} name @param {string} label @param {string} control @param {string} value */
  const field = (name, label, control, value = "") =>
    `<div class="${letters}-field"><label for="${name}-${uid}">${label}</label>${control}${value}</div>`;

  return {
    uid,
    input,
    /** @param {string} name @param {string} label */
    button: (name, label) =>
      `<button type="button" data-do="${name}" class="${letters}-${name}">${label}</button>`,
    /** @param {string} name @param {string} value */
    radio: (name, value) =>
      input(name, `type="radio" name="${name}-${uid}" value="${escape(value)}"`),
    /** @param {string} name @param {string} legend @param {string} labels */
    group: (name, legend, labels) =>
      `<fieldset class="${letters}-${name}"><legend>${legend}</legend>${labels}</fieldset>`,
    /** @param {string} name @param {string} label @param {number} low @param {number} high @param {number} by */
    slider: (name, label, low, high, by = 1) =>
      field(
        name,
        label,
        input(name, `id="${name}-${uid}" type="range" min="${low}" max="${high}" step="${by}"`),
        `<span class="${letters}-value" data-value="${name}"></span>`,
      ),
    /** @param {string} name @param {string} label @param {[unknown, unknown][]} options */
    select: (name, label, options) =>
      field(
        name,
        label,
        `<select data-name="${name}" id="${name}-${uid}">${each(
          options,
          ([value, text]) => `<option value="${value}">${text}</option>`,
        )}</select>`,
      ),
  };
}

/** The one element that fits. @param {ParentNode} place @param {string} selector */
export const find = (place, selector) => /** @type {HTMLElement} */ (place.querySelector(selector));

/** @typedef {HTMLInputElement | HTMLSelectElement} Input */

/** The control that an event is about, if it is one. @param {Event} event */
export const target = (event) => /** @type {HTMLInputElement} */ (event.target);

/**
 * Says aloud, in an element with role "status", what a figure shows once it stands still.
 * @param {() => Element} element
 */
export function announcer(element) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const hush = () => clearTimeout(timer);
  /** @param {string} text */
  const say = (text) => {
    hush();
    timer = setTimeout(() => (element().textContent = text), 400);
  };
  return { say, hush };
}

// ---- Model: the traits, in step with Python or with the page's address ---------------------------

/**
 * anywidget's model where there is a kernel, the host's on a page.
 * @typedef {object} Model
 * @property {(key: string) => any} get
 * @property {(key: string, value: unknown) => void} set
 * @property {(event: string, listener: () => void) => void} on
 * @property {(event: string, listener: () => void) => void} off
 * @property {() => void} save_changes
 */
/** @typedef {{ model: Model, el: HTMLElement }} Place */

/** Write down what a figure shows. @param {Model} model @param {Record<string, unknown>} state */
export function tell(model, state) {
  for (const [key, value] of Object.entries(state)) model.set(key, value);
  model.save_changes();
}

/**
 * Hear of it when somebody else changes a trait. Returns what ends that.
 * @param {Model} model @param {readonly string[]} keys @param {(key: string) => void} listener
 */
export function follow(model, keys, listener) {
  const ends = keys.map((key) => {
    const event = `change:${key}`;
    const heard = () => listener(key);
    model.on(event, heard);
    return () => model.off(event, heard);
  });
  return () => ends.forEach((end) => end());
}
