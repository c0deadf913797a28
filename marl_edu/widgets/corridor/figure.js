// The live T-maze. One module without imports: in the lab anywidget loads it, on a page it stands in
// the page itself. Sections: network, walk, drawing, figure. The numbers of the first two are those of
// marl_edu.widgets.corridor.Walk.

// What host.js needs to know.
const FIGURE = "corridor";
const LINKED = ["net", "sign", "trail"];

const [FORWARD, UP, DOWN] = [0, 1, 2];
const ACTIONS = ["FORWARD", "UP", "DOWN"];
const SEES = ["the sign “up”", "the sign “down”", "the corridor", "the junction"];
const LETTERS = "fud"; // of a trail: what was done in each step
const CELL = 40;

// ---- Network: marl_edu.algos.drqn.RecurrentQ, one agent ------------------------------------------

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// W x + b; W holds its rows one after the other.
function linear(W, b, x) {
  return Float64Array.from(b, (sum, o) => x.reduce((s, value, i) => s + W[o * x.length + i] * value, sum));
}

function load(record) {
  const bytes = Uint8Array.from(atob(record.weights), (c) => c.charCodeAt(0));
  const flat = Float64Array.from(new Float32Array(bytes.buffer));
  const W = {};
  let at = 0;
  for (const [name, shape] of Object.entries(record.shapes)) {
    W[name] = flat.slice(at, (at += shape.reduce((a, b) => a * b, 1)));
  }
  return { ...record, W };
}

const nothing = (net) => new Float64Array(net.hidden * (net.kind === "lstm" ? 2 : 1));

// What is remembered after seeing `obs`: h, and with an LSTM its cell behind it.
function remember({ W, hidden: D, kind }, obs, state) {
  const z = linear(W["encode.weight"], W["encode.bias"], obs).map((x) => Math.max(x, 0));
  const before = state.slice(0, D);
  const a = linear(W["memory.weight_ih_l0"], W["memory.bias_ih_l0"], z);
  const b = linear(W["memory.weight_hh_l0"], W["memory.bias_hh_l0"], before);
  const after = new Float64Array(state.length);
  for (let k = 0; k < D; k++) {
    const gate = (n) => sigmoid(a[n * D + k] + b[n * D + k]);
    if (kind === "lstm") {
      const fresh = Math.tanh(a[2 * D + k] + b[2 * D + k]);
      after[D + k] = gate(1) * state[D + k] + gate(0) * fresh;
      after[k] = gate(3) * Math.tanh(after[D + k]);
    } else {
      const fresh = Math.tanh(a[2 * D + k] + gate(0) * b[2 * D + k]);
      after[k] = (1 - gate(1)) * fresh + gate(1) * before[k];
    }
  }
  return after;
}

const worth = ({ W, hidden }, state) => linear(W["q.weight"], W["q.bias"], state.slice(0, hidden));
const reads = ({ W }, state) => sigmoid(linear(W["probe.weight"], W["probe.bias"], state)[0]);

// ---- Walk: beside a twin who does the same but read the other sign -------------------------------

class Walk {
  constructor(maze, net, sign) {
    Object.assign(this, { maze, net, sign: sign === "down" ? DOWN : UP });
    Object.assign(this, { cell: 0, t: 0, turned: 0, trail: "w", memories: [], marks: [] });
    this.state = [nothing(net), nothing(net)];
    this.see();
  }
  get sees() {
    if (this.cell === 0) return this.sign - 1;
    return this.cell === this.maze.length ? 3 : 2;
  }
  get over() {
    return this.turned > 0 || this.t >= this.maze.longest;
  }
  see() {
    const [mine, other] = [this.sees, this.sees < 2 ? 1 - this.sees : this.sees];
    const shown = (seen) => Float64Array.from({ length: 4 }, (_, k) => (k === seen ? 1 : 0));
    this.state = [mine, other].map((seen, k) => remember(this.net, shown(seen), this.state[k]));
    this.memories.push(this.state[0]);
  }
  get q() {
    return worth(this.net, this.state[0]);
  }
  choose() {
    return this.q.indexOf(Math.max(...this.q));
  }
  step(action) {
    if (this.over) return;
    this.trail += LETTERS[action];
    this.t += 1;
    if (this.cell === this.maze.length && action !== FORWARD) {
      this.turned = action;
      return;
    }
    this.cell = Math.min(this.cell + (action === FORWARD), this.maze.length);
    this.see();
  }
  // Now: "x" exchanges its memory with its twin's, "e" erases it.
  change(how) {
    if (this.over) return;
    this.trail += how;
    this.state = how === "x" ? [this.state[1], this.state[0]] : [nothing(this.net), this.state[1]];
    this.memories[this.memories.length - 1] = this.state[0];
    this.marks.push([this.memories.length - 1, how]);
  }
  follow(trail) {
    for (const letter of /^w[fudxe]*$/.test(trail) ? trail.slice(1) : "") {
      if ("xe".includes(letter)) this.change(letter);
      else this.step(LETTERS.indexOf(letter));
    }
    return this;
  }
}

function caption(walk) {
  const where = `Step ${walk.t} of ${walk.maze.longest}, cell ${walk.cell}`;
  if (walk.turned) {
    const verdict = walk.turned === walk.sign ? "the right way" : "the wrong way";
    return `${where}. It turned ${walk.turned === UP ? "up" : "down"}: ${verdict}.`;
  }
  const p = reads(walk.net, walk.memories.at(-1));
  const side = p >= 0.5 ? `up, ${(100 * p).toFixed(0)}` : `down, ${(100 * (1 - p)).toFixed(0)}`;
  const q = [...walk.q].map((x, k) => `${ACTIONS[k]} ${x.toFixed(2)}`).join(", ");
  const late = walk.over ? " Time is up." : "";
  return `${where}: it sees ${SEES[walk.sees]}. The probe reads ${side}\u00a0%. Worth: ${q}.${late}`;
}

// ---- Drawing -------------------------------------------------------------------------------------

const place = (row, column) => [(column + 0.5) * CELL, (row + 0.5) * CELL];

function mazeShape(walk) {
  const row = { 0: 1, [UP]: 0, [DOWN]: 2 };
  const [rx, ry] = place(row[walk.sign], walk.maze.length);
  const [x, y] = place(row[walk.turned], walk.cell);
  return `${walk.maze.walls}<text x="20" y="29" text-anchor="middle" font-size="26" font-weight="600"
      fill="var(--paper)">${walk.sign === UP ? "↑" : "↓"}</text>
    <circle cx="${rx}" cy="${ry}" r="17" fill="none" stroke="var(--ink)" stroke-width="4"/>
    <g transform="translate(${x} ${y})"><circle r="15" fill="var(--a0)" stroke="var(--ink)" stroke-width="1.5"/>
      <text y="6.8" text-anchor="middle" font-size="18.8" font-weight="700" fill="var(--t0)">0</text></g>`;
}

function memoryShape(walk) {
  const [ROW, WIDE, TOP] = walk.maze.sizes;
  const { order } = walk.net;
  const wide = WIDE / Math.max(walk.memories.length, walk.maze.length + 2);
  const p = walk.memories.map((state) => reads(walk.net, state));
  const at = (k) => (k + 0.5) * wide;
  const points = p.map((x, k) => `${at(k).toFixed(1)} ${(4 + (1 - x) * (TOP - 12)).toFixed(1)}`);
  const cells = walk.memories.flatMap((state, k) =>
    order.map(
      (unit, r) => `<rect x="${(k * wide).toFixed(1)}" y="${TOP + ROW * r}" width="${wide.toFixed(1)}" height="${ROW}"
        fill="var(--a${state[unit] > 0 ? 3 : 0})" fill-opacity="${Math.abs(state[unit]).toFixed(2)}"/>`,
    ),
  );
  const foot = TOP + ROW * order.length;
  const marks = walk.marks.map(
    ([k]) => `<path d="M${at(k).toFixed(1)} 0V${foot}" stroke="var(--bad)" stroke-width="2" stroke-dasharray="3 3"/>`,
  );
  return `<path d="M0 ${TOP / 2 - 2}H${WIDE}" stroke="var(--line)" stroke-dasharray="4 4"/>
    <path d="M${points.join("L")}" fill="none" stroke="var(--ink)" stroke-width="2"/>
    ${p.map((x, k) => `<circle cx="${at(k).toFixed(1)}" cy="${(4 + (1 - x) * (TOP - 12)).toFixed(1)}" r="3" fill="var(--ink)"/>`).join("")}
    ${cells.join("")}${marks.join("")}
    <g font-size="15" fill="var(--soft)"><text x="${WIDE + 8}" y="14">reads up</text>
      <text x="${WIDE + 8}" y="${TOP - 6}">reads down</text></g>`;
}

// ---- Figure --------------------------------------------------------------------------------------

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function render({ model, el }) {
  const maze = model.get("maze");
  const records = model.get("nets");
  const nets = {}; // decoded when first used
  const uid = Math.random().toString(36).slice(2);
  let walk, timer;

  const button = (name, text) =>
    `<button type="button" data-do="${name}" data-lm-suppress-shortcuts="true">${text}</button>`;
  const radios = (name, legend, choices) =>
    `<fieldset><legend>${legend}</legend>${Object.entries(choices)
      .map(
        ([value, text]) => `<label><input type="radio" name="${name}-${uid}" data-name="${name}" value="${value}"
          data-lm-suppress-shortcuts="true"> ${escape(text)}</label>`,
      )
      .join("")}</fieldset>`;
  const [ROW, WIDE, TOP, SIDE] = maze.sizes;
  const units = Object.values(records)[0].hidden;
  el.innerHTML = `<div class="mk" role="group" aria-label="Live figure: a walker’s memory" style="${model.get("look")}">
    <div class="mk-stage">
      <div class="mk-scene">
        <svg class="mk-maze" viewBox="0 0 ${(maze.length + 1) * CELL} ${3 * CELL}" role="img"
          font-family="system-ui,sans-serif"><rect width="100%" height="100%" rx="8" fill="var(--block)"/><g></g></svg>
        <p class="mk-label" id="mk-${uid}">How probably the sign said up, read from the memory by the probe; below it, the
          ${units} units of the memory, step by step. Orange is positive, blue negative; at a dashed line the memory was changed.</p>
        <svg class="mk-memory" viewBox="0 0 ${WIDE + SIDE} ${TOP + ROW * units}" role="img"
          font-family="system-ui,sans-serif"></svg>
        <p class="mk-status" role="status"></p>
        <p class="mk-try"><strong>Try this:</strong> ${escape(model.get("hint"))}</p>
      </div>
      <div class="mk-side">
        <div class="mk-buttons">${button("f", "Forward")}${button("u", "Turn up")}${button("d", "Turn down")}</div>
        <div class="mk-buttons">${button("choose", "Let it choose")}${button("play", "Let it walk")}</div>
        <div class="mk-buttons">${button("x", "Exchange memory")}${button("e", "Erase memory")}</div>
        <div class="mk-buttons">${button("back", "Undo")}${button("reset", "Reset")}</div>
        ${radios("sign", "The sign says", { up: "up", down: "down" })}
        ${radios("net", "Memory", Object.fromEntries(Object.entries(records).map(([k, r]) => [k, r.label])))}
        <p class="mk-note">Exchange gives the walker the memory of a twin who did the same, but read the other sign. Arrow
          keys work on the buttons: right is forward.</p>
      </div>
    </div>
  </div>`;
  const part = (selector) => el.querySelector(selector);
  const [scene, picture, remembered, status] = [".mk-maze g", ".mk-maze", ".mk-memory", ".mk-status"].map(part);

  function start(name, sign, trail) {
    const known = name in records ? name : Object.keys(records)[0];
    nets[known] ??= load(records[known]);
    walk = new Walk(maze, nets[known], sign).follow(String(trail));
    walk.name = known;
    show();
  }

  function show() {
    const text = caption(walk);
    scene.innerHTML = mazeShape(walk);
    picture.setAttribute("aria-label", `T-maze. ${text}`);
    remembered.innerHTML = memoryShape(walk);
    const up = reads(walk.net, walk.memories.at(-1));
    const label = `Memory over ${walk.memories.length} steps; the probe reads up with ${(100 * up).toFixed(0)} %`;
    remembered.setAttribute("aria-label", label);
    status.textContent = text;
    const sign = walk.sign === UP ? "up" : "down";
    for (const [name, value] of [["sign", sign], ["net", walk.name]]) {
      el.querySelectorAll(`[data-name=${name}]`).forEach((input) => (input.checked = input.value === value));
    }
    if (walk.over) model.set("playing", false);
    for (const name of ["f", "u", "d", "choose", "play", "x", "e"]) part(`[data-do=${name}]`).disabled = walk.over;
    part("[data-do=back]").disabled = walk.trail === "w";
    part("[data-do=play]").textContent = model.get("playing") ? "Stop" : "Let it walk";
    for (const [key, value] of [["net", walk.name], ["sign", sign], ["trail", walk.trail]]) model.set(key, value);
    model.save_changes();
    clearTimeout(timer);
    if (model.get("playing")) timer = setTimeout(() => act(walk.choose()), 450);
  }

  function act(action) {
    if (!el.isConnected) return;
    walk.step(action);
    show();
  }

  const again = (trail) => start(walk.name, walk.sign === UP ? "up" : "down", trail);
  const BUTTONS = {
    f: () => act(FORWARD),
    u: () => act(UP),
    d: () => act(DOWN),
    choose: () => act(walk.choose()),
    play: () => (model.set("playing", !model.get("playing")), show()),
    x: () => (walk.change("x"), show()),
    e: () => (walk.change("e"), show()),
    back: () => again(walk.trail.slice(0, -1) || "w"),
    reset: () => (model.set("playing", false), again("w")),
  };
  el.addEventListener("click", ({ target }) => BUTTONS[target.dataset.do]?.());
  el.addEventListener("keydown", (event) => {
    const action = { ArrowRight: FORWARD, ArrowUp: UP, ArrowDown: DOWN }[event.key];
    if (action === undefined || event.target.matches("input")) return;
    event.preventDefault();
    act(action);
  });
  el.addEventListener("input", ({ target }) => {
    if (target.dataset.name === "sign") start(walk.name, target.value, walk.trail);
    if (target.dataset.name === "net") start(target.value, walk.sign === UP ? "up" : "down", walk.trail);
  });
  // Python, or a link, asks for another moment.
  const outside = () => {
    const [net, sign, trail] = LINKED.map((key) => model.get(key));
    if (net !== walk.name || sign !== (walk.sign === UP ? "up" : "down") || trail !== walk.trail) start(net, sign, trail);
  };
  start(model.get("net"), model.get("sign"), model.get("trail"));
  for (const key of LINKED) model.on(`change:${key}`, () => setTimeout(outside));
  model.on("change:playing", () => setTimeout(show));
  return () => clearTimeout(timer);
}

export { Walk, caption, load, reads };
export default { render };
