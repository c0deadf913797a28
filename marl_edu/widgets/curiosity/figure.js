// The live map of curiosity. One module without imports: in the lab anywidget loads it, on a page it
// stands in the page itself. Sections: networks, curiosity, walk, drawing, figure. The numbers of the
// first three are those of marl_edu.widgets.curiosity.Walk.

// What host.js needs to know.
const FIGURE = "curiosity";
const LINKED = ["method", "tv", "trail"];

const [RATE, TIMES, RECENT, LONGEST] = [0.2, 4, 64, 300];
const [BETA, ETA, REMOTE] = [0.2, 0.5, 4];

// ---- Networks: fully connected layers, with their gradients -------------------------------------

const BEND = {
  none: [(x) => x, () => 1],
  relu: [(x) => Math.max(x, 0), (x) => (x > 0 ? 1 : 0)],
  leaky: [(x) => (x > 0 ? x : 0.01 * x), (x) => (x > 0 ? 1 : 0.01)],
  elu: [(x) => (x > 0 ? x : Math.expm1(x)), (x) => (x > 0 ? 1 : Math.exp(x))],
};

class Layers {
  // W: weights by name; name: the torch Sequential; bends: what follows each of its linear layers.
  constructor(W, name, bends) {
    this.layers = bends.map((bend, k) => {
      const [weight, bias] = ["weight", "bias"].map((part) => W[`${name}.${2 * k}.${part}`]);
      return { weight, bias, bend: BEND[bend], dW: new Float64Array(weight.length), db: new Float64Array(bias.length) };
    });
  }
  // Returns what comes out, and what `back` needs.
  forward(x) {
    const seen = [];
    for (const { weight, bias, bend } of this.layers) {
      const sum = Float64Array.from(bias);
      for (let o = 0, at = 0; o < sum.length; o++) for (let i = 0; i < x.length; i++) sum[o] += weight[at++] * x[i];
      seen.push([x, sum]);
      x = sum.map(bend[0]);
    }
    return { out: x, seen };
  }
  // Adds to the gradients of the weights; returns that of the input.
  back(gradient, seen) {
    for (let k = this.layers.length - 1; k >= 0; k--) {
      const { weight, bend, dW, db } = this.layers[k];
      const [x, sum] = seen[k];
      const below = new Float64Array(x.length);
      for (let o = 0, at = 0; o < sum.length; o++) {
        const g = gradient[o] * bend[1](sum[o]);
        db[o] += g;
        for (let i = 0; i < x.length; i++, at++) {
          dW[at] += g * x[i];
          below[i] += g * weight[at];
        }
      }
      gradient = below;
    }
    return gradient;
  }
  descend(rate) {
    for (const { weight, bias, dW, db } of this.layers) {
      dW.forEach((g, k) => (weight[k] -= rate * g));
      db.forEach((g, k) => (bias[k] -= rate * g));
      dW.fill(0);
      db.fill(0);
    }
  }
}

function load({ shapes, weights }) {
  const bytes = Uint8Array.from(atob(weights), (c) => c.charCodeAt(0));
  const flat = Float64Array.from(new Float32Array(bytes.buffer));
  const W = {};
  let at = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    W[name] = flat.slice(at, (at += shape.reduce((a, b) => a * b, 1)));
  }
  return W;
}

// ---- Curiosity: `reward` of (o, a, o'), and `learn` from many of them ----------------------------

class Rnd {
  constructor(W) {
    this.W = W;
    this.target = new Layers(W, "target", ["leaky", "leaky", "none"]);
    this.predictor = new Layers(W, "predictor", ["leaky", "relu", "relu", "none"]);
  }
  look(obs) {
    const [mean, spread] = [this.W["moments.mean"], this.W["moments.var"]];
    return obs.map((x, k) => Math.min(Math.max((x - mean[k]) / (Math.sqrt(spread[k]) + 1e-8), -5), 5));
  }
  errors(after) {
    const x = this.look(after);
    const [wanted, { out, seen }] = [this.target.forward(x).out, this.predictor.forward(x)];
    return { apart: out.map((y, k) => y - wanted[k]), seen };
  }
  reward([, , after]) {
    const { apart } = this.errors(after);
    return apart.reduce((sum, d) => sum + d * d, 0) / apart.length;
  }
  learn(transitions) {
    for (const [, , after] of transitions) {
      const { apart, seen } = this.errors(after);
      this.predictor.back(apart.map((d) => (2 * d) / apart.length / transitions.length), seen);
    }
    this.predictor.descend(RATE);
  }
}

class Icm {
  // through: whether the forward model's loss teaches the encoder.
  constructor(W, through) {
    this.through = through;
    this.encode = new Layers(W, "encode", ["elu", "elu"]);
    this.inverse = new Layers(W, "inverse", ["relu", "none"]);
    this.future = new Layers(W, "forward_model", ["relu", "none"]);
  }
  errors([obs, action, after]) {
    const [before, then] = [this.encode.forward(obs), this.encode.forward(after)];
    const did = Float64Array.from({ length: 5 }, (_, a) => (a === action ? 1 : 0));
    const expected = this.future.forward(Float64Array.of(...before.out, ...did));
    return { before, then, expected, apart: expected.out.map((x, k) => x - then.out[k]) };
  }
  reward(transition) {
    return (ETA / 2) * this.errors(transition).apart.reduce((sum, d) => sum + d * d, 0);
  }
  learn(transitions) {
    const n = transitions.length;
    for (const transition of transitions) {
      const { before, then, expected, apart } = this.errors(transition);
      const F = apart.length;
      const guess = this.inverse.forward(Float64Array.of(...before.out, ...then.out));
      const top = Math.max(...guess.out);
      const e = guess.out.map((s) => Math.exp(s - top));
      const total = e.reduce((a, b) => a + b, 0);
      const wrong = e.map((x, a) => ((1 - BETA) * (x / total - (a === transition[1]))) / n);
      const both = this.inverse.back(wrong, guess.seen);
      const forward = apart.map((d) => (BETA * d) / n);
      const source = this.future.back(forward, expected.seen);
      const own = both.slice(0, F).map((g, k) => g + (this.through ? source[k] : 0));
      const next = both.slice(F).map((g, k) => g - (this.through ? forward[k] : 0));
      this.encode.back(own, before.seen);
      this.encode.back(next, then.seen);
    }
    [this.encode, this.inverse, this.future].forEach((net) => net.descend(RATE));
  }
}

// ---- Walk: the maze, one agent, and what it has learned ------------------------------------------

// mulberry32: the same numbers as marl_edu.widgets.moments.uniforms(0, 0, ...).
function uniforms(seed, episode) {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(episode + 1, 0x85ebca6b);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 8) / 2 ** 24;
  };
}

class Walk {
  constructor(maze, nets, method, tv) {
    Object.assign(this, { maze, method, tv, first: tv, memory: [], paid: [], t: 0, trail: "w" });
    this.module = method === "rnd" ? new Rnd(load(nets.rnd)) : new Icm(load(nets.icm), method === "icm");
    const next = uniforms(0, 0);
    this.pictures = Array.from({ length: LONGEST + 1 }, () =>
      Float64Array.from({ length: maze.pixels }, () => (next() < 0.5 ? 1 : 0)),
    );
    this.begin();
  }
  begin() {
    Object.assign(this, { cell: this.maze.start, key: 0, door: 0 });
    this.picture = new Float64Array(this.maze.pixels);
  }
  see([cell, key, door, picture]) {
    const { rows, columns, free, sees, pixels } = this.maze;
    const obs = new Float64Array(rows + columns + 2 + pixels);
    const [row, column] = free[cell];
    obs[row] = obs[rows + column] = 1;
    obs[rows + columns] = key;
    obs[rows + columns + 1] = door;
    if (sees[cell]) obs.set(picture, rows + columns + 2);
    return obs;
  }
  ahead(cell, action) {
    const { leads, sees, key, door } = this.maze;
    const there = leads[this.key][action][cell];
    const zapped = action === REMOTE && this.tv && sees[cell];
    return [there, +(this.key || there === key), +(this.door || there === door), zapped ? this.pictures[this.t] : this.picture];
  }
  transition(cell, action) {
    return [this.see([cell, this.key, this.door, this.picture]), action, this.see(this.ahead(cell, action))];
  }
  step(action) {
    if (this.t >= LONGEST) return;
    const here = this.transition(this.cell, action);
    this.paid.push(this.module.reward(here));
    this.memory.push(here);
    [this.cell, this.key, this.door, this.picture] = this.ahead(this.cell, action);
    this.t++;
    this.trail += action;
    this.learn();
    this.arrived = this.cell === this.maze.goal;
    if (this.arrived) this.begin();
  }
  paint(cell) {
    const actions = this.method === "rnd" ? [REMOTE] : [0, 1, 2, 3];
    this.memory.push(...actions.map((a) => this.transition(cell, a)));
    this.trail += `p${cell}.`;
    this.learn();
  }
  learn() {
    const lately = this.memory.slice(-RECENT);
    for (let k = 0; k < TIMES; k++) this.module.learn(lately);
  }
  map() {
    const worth = (cell, action) => this.module.reward(this.transition(cell, action));
    if (this.method === "rnd") return this.maze.free.map((_, cell) => worth(cell, REMOTE));
    return this.maze.free.map((_, cell) => [0, 1, 2, 3, 4].reduce((sum, a) => sum + worth(cell, a), 0) / 5);
  }
  switchTv() {
    this.tv = !this.tv;
    this.trail += "t";
  }
  follow(trail) {
    for (const [, cell, action] of trail.matchAll(/p(\d+)\.|([0-4t])/g)) {
      if (action === "t") this.switchTv();
      else if (action) this.step(+action);
      else if (+cell < this.maze.free.length) this.paint(+cell);
    }
    return this;
  }
}

// ---- Drawing: the same lengths as marl_edu/envs/pictures.py --------------------------------------

const CELL = 40;
const PALETTE = "ffffd9 edf8b1 c7e9b4 7fcdbb 41b6c4 1d91c0 225ea8 253494 081d58"
  .split(" ")
  .map((hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)));

function shade(share) {
  const at = Math.min(Math.max(share, 0), 1) * (PALETTE.length - 1);
  const k = Math.min(Math.floor(at), PALETTE.length - 2);
  return `rgb(${PALETTE[k].map((c, i) => Math.floor(c + (at - k) * (PALETTE[k + 1][i] - c) + 0.5))})`;
}

function screen([x, y], picture) {
  const across = Math.ceil(Math.sqrt(picture.length));
  const size = 28 / across;
  const lit = [...picture].map((on, k) =>
    on ? `M${x - 14 + size * (k % across)} ${y - 14 + size * Math.floor(k / across)}h${size}v${size}h-${size}z` : "",
  );
  return `<rect x="${x - 17}" y="${y - 17}" width="34" height="34" rx="4" fill="#000" stroke="var(--paper)"
    stroke-width="3"/><path d="${lit.join("")}" fill="#fff"/>`;
}

// The bonus of the last steps, as bars.
function bars(paid) {
  const last = paid.slice(-60);
  const top = Math.max(...last, 1e-9);
  return last
    .map((x, k) => `<rect x="${5 * k}" y="${46 - (44 * x) / top}" width="4" height="${Math.max((44 * x) / top, 0.5)}"/>`)
    .join("");
}

// ---- Figure: elements, controls, state -----------------------------------------------------------

const METHODS = {
  rnd: "RND",
  icm: "ICM, gradient as in the authors’ code",
  features: "ICM, encoder taught by the inverse model alone",
};
const MOVES = [["Up", "↑"], ["Down", "↓"], ["Left", "←"], ["Right", "→"], ["Remote control", ""]];
const ARROWS = { ArrowUp: 0, ArrowDown: 1, ArrowLeft: 2, ArrowRight: 3 };
const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function render({ model, el }) {
  const [maze, nets] = [model.get("maze"), model.get("nets")];
  const uid = Math.random().toString(36).slice(2);
  let walk, timer, novelty, mode = "walk";

  const radio = (value, label) =>
    `<label><input type="radio" name="method-${uid}" value="${value}" data-name="method"
      data-lm-suppress-shortcuts="true"> ${label}</label>`;
  const button = (name, label) => `<button type="button" data-do="${name}">${label}</button>`;
  const move = ([name, sign], a) => `<button type="button" data-move="${a}" class="mc-move-${a}"
    data-lm-suppress-shortcuts="true" ${sign ? `aria-label="${name}"` : ""}>${sign || name}</button>`;
  el.innerHTML = `<div class="mc" role="group" aria-label="Live figure: a map of curiosity" style="${model.get("look")}">
    <div class="mc-stage">
      <div class="mc-scene">
        <svg class="mc-picture" viewBox="0 0 ${maze.columns * CELL} ${maze.rows * CELL}" role="img"
          font-family="system-ui,sans-serif"><rect width="100%" height="100%" rx="8" fill="var(--block)"/>
          <g class="mc-map">${maze.free
            .map(([r, c], k) => `<rect data-cell="${k}" x="${c * CELL}" y="${r * CELL}" width="${CELL}" height="${CELL}"/>`)
            .join("")}</g><g class="mc-still-things">${maze.walls}${maze.ring}</g><g class="mc-things"></g></svg>
        <p class="mc-scale" aria-hidden="true"><span>old</span><span class="mc-palette"></span><span>new</span></p>
        <p class="mc-status" role="status"></p>
        <p class="mc-try"><strong>Try this:</strong> ${escape(model.get("hint"))}</p>
      </div>
      <div class="mc-side">
        <div class="mc-pad">${MOVES.map(move).join("")}</div>
        <div class="mc-buttons">${button("play", "")}${button("curious", "Go where it is newest")}
          ${button("back", "Undo")}${button("reset", "Reset: all is new")}</div>
        <label><input type="checkbox" data-name="tv" data-lm-suppress-shortcuts="true"> Television on</label>
        <fieldset><legend>Curiosity</legend>${Object.entries(METHODS).map(([k, v]) => radio(k, v)).join("")}</fieldset>
        <p class="mc-note">Arrow keys work on the buttons. A click on a cell paints it: the networks learn it
          without a visit, and RND finds it old. Dark is the newest cell of the moment.</p>
        <figure class="mc-bars"><svg viewBox="0 0 300 47" role="img"></svg>
          <figcaption>What each of the last 60 steps paid: the model’s error when the step was taken.</figcaption></figure>
      </div>
    </div>
  </div>`;
  const part = (selector) => el.querySelector(selector);
  const [things, status, picture, barsOf] = [".mc-things", ".mc-status", ".mc-picture", ".mc-bars svg"].map(part);
  const cells = [...el.querySelectorAll("[data-cell]")];

  // A new walk, or another trail of it.
  function start(method, tv, trail) {
    walk = new Walk(maze, nets, method in METHODS ? method : "rnd", tv === true || tv === "true").follow(trail);
    show();
  }

  function show() {
    novelty = walk.map();
    const [top, low] = [Math.max(...novelty), Math.min(...novelty)];
    cells.forEach((cell, k) => cell.setAttribute("fill", shade(novelty[k] / top)));
    const [row, column] = maze.free[walk.cell];
    const at = `translate(${(column + 0.5) * CELL} ${(row + 0.5) * CELL})`;
    things.innerHTML = `${walk.door ? maze.open : maze.shut}${walk.key ? "" : maze.lock}
      ${walk.tv ? screen(maze.screen, walk.picture) : ""}
      <g transform="${at}"><circle r="13" fill="var(--a0)" stroke="var(--ink)" stroke-width="1.3"/>
      <text y="5.9" text-anchor="middle" font-size="16.3" font-weight="700" fill="var(--t0)">0</text>
      ${walk.key ? maze.carried : ""}</g>`;
    const last = walk.paid.at(-1);
    const words = [
      `Step ${walk.t}${walk.t >= LONGEST ? " (the last: Reset)" : ""}, row ${row}, column ${column}, ${walk.key ? "with" : "without"} the key.`,
      walk.arrived ? "The goal! A new episode begins; what was learned stays." : "",
      last === undefined ? "" : `The last step paid ${last.toFixed(2)}.`,
      `Newest cell ${top.toFixed(2)}, oldest ${low.toFixed(2)}.`,
    ];
    const text = words.filter(Boolean).join(" ");
    status.textContent = text;
    picture.setAttribute("aria-label", `Map of curiosity. ${text}`);
    barsOf.innerHTML = bars(walk.paid);
    barsOf.setAttribute("aria-label", last === undefined ? "No step yet" : `Bonus of the last ${Math.min(walk.paid.length, 60)} steps; the last ${last.toFixed(2)}, the largest ${Math.max(...walk.paid.slice(-60)).toFixed(2)}`);
    el.querySelectorAll("[data-name=method]").forEach((input) => (input.checked = input.value === walk.method));
    part("[data-name=tv]").checked = walk.tv;
    part("[data-do=play]").textContent = model.get("playing") ? "Stop" : "Walk at random";
    for (const [key, value] of [["method", walk.method], ["tv", walk.first], ["trail", walk.trail]]) model.set(key, value);
    model.save_changes();
    clearTimeout(timer);
    if (model.get("playing")) timer = setTimeout(() => act(Math.floor(5 * Math.random())), 250);
  }

  function act(action) {
    if (!el.isConnected) return;
    walk.step(action);
    if (walk.t >= LONGEST) model.set("playing", false);
    show();
  }

  // The action that would be paid best; it peeks one step ahead.
  function newest() {
    const worth = [0, 1, 2, 3, 4].map((a) => walk.module.reward(walk.transition(walk.cell, a)));
    return worth.indexOf(Math.max(...worth));
  }

  const BUTTONS = {
    play() {
      model.set("playing", !model.get("playing") && walk.t < LONGEST);
      show();
    },
    curious: () => act(newest()),
    back: () => start(walk.method, walk.first, walk.trail.replace(/(p\d+\.|[0-4t])$/, "")),
    reset() {
      model.set("playing", false);
      start(walk.method, walk.tv, "w");
    },
  };
  el.addEventListener("click", (event) => {
    const { move, do: name, cell } = event.target.dataset;
    if (move) act(+move);
    if (name) BUTTONS[name]();
    if (cell) walk.paint(+cell), show();
  });
  el.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) || event.target.matches("input")) return;
    event.preventDefault();
    act(ARROWS[event.key]);
  });
  el.addEventListener("input", ({ target }) => {
    if (target.dataset.name === "method") start(target.value, walk.first, walk.trail);
    if (target.dataset.name === "tv") walk.switchTv(), show();
  });
  // Python, or a link, asks for another moment.
  const outside = () => {
    const [method, tv, trail] = [model.get("method"), String(model.get("tv")) === "true", model.get("trail")];
    if (method !== walk.method || tv !== walk.first || trail !== walk.trail) start(method, tv, trail);
  };
  start(model.get("method"), model.get("tv"), String(model.get("trail")));
  for (const key of ["method", "tv", "trail"]) model.on(`change:${key}`, () => setTimeout(outside));
  model.on("change:playing", () => setTimeout(show));
  return () => clearTimeout(timer);
}

export default { render };
