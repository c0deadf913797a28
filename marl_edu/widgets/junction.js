// The live Traffic Junction. One module without imports: in the lab anywidget loads it, on a page
// it stands in the page itself. Sections: maths, world, network, episode, drawing, figure.

// ---- Maths -------------------------------------------------------------------------------------

const dot = (W, row, x) => {
  let sum = 0;
  for (let i = 0, at = row * x.length; i < x.length; i++) sum += W[at + i] * x[i];
  return sum;
};
const linear = (W, b, x) =>
  Float32Array.from({ length: W.length / x.length }, (_, o) => dot(W, o, x) + (b ? b[o] : 0));
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const argmax = (x) => x.reduce((best, value, k) => (value > x[best] ? k : best), 0);

// Softmax over the entries that are not null; those become 0, as does everything if all are.
function maskedSoftmax(scores) {
  const top = Math.max(...scores.filter((s) => s !== null));
  const weights = scores.map((s) => (s === null ? 0 : Math.exp(s - top)));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => (total ? w / total : 0));
}

// mulberry32: the same numbers as marl_edu.widgets.moments.uniforms, multiples of 2^-24.
function uniforms(seed, episode) {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(episode + 1, 0x85ebca6b);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 8) / 2 ** 24;
  };
}

// ---- World: marl_edu.envs.TrafficJunction, one world at vision 0 --------------------------------

const [GAS, BRAKE] = [0, 1];

function prepare(roads) {
  const routes = roads.routes.flat();
  const first = roads.routes.map((_, e) => roads.routes.slice(0, e).flat().length);
  const classes = new Map(roads.cells.map(([row, column, k]) => [row * roads.side + column, k]));
  return { ...roads, all: routes, first, classes };
}

const emptyRoads = (map) => ({
  t: 0,
  alive: Array(map.cars).fill(false),
  route: Array(map.cars).fill(map.all.length),
  place: Array(map.cars).fill(0),
  wait: Array(map.cars).fill(0),
  last: Array(map.cars).fill(0),
  collided: Array(map.cars).fill(false),
  completed: Array(map.cars).fill(false),
  success: true,
});

const cellOf = (map, world, i) => {
  const [row, column] = map.all[world.route[i]][world.place[i]];
  return row * map.side + column;
};

// How many cars stand on each cell, as a Map.
function countCars(map, world) {
  const count = new Map();
  world.alive.forEach((alive, i) => {
    if (alive) count.set(cellOf(map, world, i), (count.get(cellOf(map, world, i)) ?? 0) + 1);
  });
  return count;
}

// The world after everybody has acted. u: 2E + N uniform numbers, as in Python's `world.draws`.
function step(map, world, actions, u, arrival) {
  const E = map.routes.length;
  const { alive } = world;
  const place = world.place.map((p, i) => p + (alive[i] && actions[i] === GAS));
  const completed = alive.map((is, i) => is && place[i] === map.all[world.route[i]].length);
  const stays = alive.map((is, i) => is && !completed[i]);
  const route = world.route.map((r, i) => (stays[i] ? r : map.all.length));
  const free = [...stays.keys()].filter((i) => !stays[i]).sort((i, j) => u[2 * E + i] - u[2 * E + j]);
  for (let e = 0; e < E && free.length; e++) {
    if (u[e] >= Math.fround(arrival)) continue;
    route[free.shift()] = map.first[e] + Math.floor(Math.fround(u[E + e] * map.routes[e].length));
  }
  const next = {
    t: world.t + 1,
    alive: route.map((r) => r < map.all.length),
    route,
    place: place.map((p, i) => (stays[i] ? p : 0)),
    wait: world.wait.map((w, i) => (stays[i] ? w + 1 : 0)),
    last: world.last.map((_, i) => (stays[i] ? actions[i] : 0)),
    completed,
  };
  const count = countCars(map, next);
  next.collided = next.alive.map((is, i) => is && count.get(cellOf(map, next, i)) > 1);
  next.success = world.success && !next.collided.includes(true);
  return next;
}

// What each car sees, null for an empty slot: last action, route, its cell, cars in it.
function observe(map, world, size) {
  const count = countCars(map, world);
  const vocab = map.base + 3;
  return world.alive.map((alive, i) => {
    if (!alive) return null;
    const obs = new Float32Array(size);
    const cell = cellOf(map, world, i);
    obs[0] = world.last[i];
    if (size === vocab + 2) obs[1] = world.route[i] / Math.max(map.all.length - 1, 1);
    else obs[1 + world.route[i]] = 1;
    obs[size - vocab + map.classes.get(cell)] = 1;
    obs[size - 1] = count.get(cell);
    return obs;
  });
}

// ---- Network: marl_edu.a2c.ActorCritic without a gate --------------------------------------------

function load(policy) {
  const planes = Uint8Array.from(atob(policy.weights), (c) => c.charCodeAt(0));
  const n = planes.length / 4; // first all first bytes, then all second ones, ...
  const flat = new Float32Array(planes.map((_, at) => planes[(at % 4) * n + (at >> 2)]).buffer);
  const W = {};
  let at = 0;
  for (const [name, shape] of Object.entries(policy.shapes)) {
    const size = shape.reduce((a, b) => a * b, 1);
    W[name] = flat.subarray(at, (at += size));
  }
  return { ...policy, W };
}

// Who hears whom: attention [head][receiver][sender], and z' of every living car.
const TALK = {
  none: (net, z) => ({ z, attention: [z.map(() => z.map(() => 0))] }),

  commnet(net, z, hears) {
    const W = net.W;
    const attention = z.map((_, i) => {
      const others = z.map((_, j) => (i !== j && hears(i, j) ? 1 : 0));
      const total = others.reduce((a, b) => a + b, 0);
      return others.map((one) => (total ? one / total : 0));
    });
    for (let round = 0; round < net.rounds; round++) {
      const heard = attention.map((row) => mix(row, z, net.hidden));
      z = z.map((own, i) => own && merge(W, own, heard[i]));
    }
    return { z, attention: [attention] };
  },

  tarmac(net, z, hears) {
    const { W, heads, signature: dk, content: dv } = net;
    const width = dk + dv;
    let attention;
    for (let round = 0; round < net.rounds; round++) {
      const said = z.map((own) => own && linear(W["communicate.speak.weight"], W["communicate.speak.bias"], own));
      const asked = z.map((own) => own && linear(W["communicate.ask.weight"], W["communicate.ask.bias"], own));
      const heard = z.map(() => new Float32Array(heads * dv));
      attention = Array.from({ length: heads }, (_, h) =>
        z.map((_, i) => {
          const query = asked[i]?.subarray(h * dk, (h + 1) * dk);
          const weights = maskedSoftmax(
            z.map((_, j) => {
              if (!hears(i, j) || (i === j && !net.hear_self)) return null;
              return dot(said[j].subarray(h * width), 0, query) / Math.sqrt(dk);
            }),
          );
          const content = said.map((m) => m?.subarray(h * width + dk, (h + 1) * width));
          heard[i].set(mix(weights, content, dv), h * dv);
          return weights;
        }),
      );
      z = z.map((own, i) => own && merge(W, own, heard[i]));
    }
    return { z, attention };
  },
};

// The weighted sum of what the cars that are heard say.
function mix(weights, messages, size) {
  const sum = new Float64Array(size);
  weights.forEach((w, j) => w && messages[j].forEach((x, k) => (sum[k] += w * x)));
  return Float32Array.from(sum);
}

const merge = (W, own, heard) => {
  const kept = linear(W["communicate.W_z.weight"], W["communicate.W_z.bias"], own);
  return linear(W["communicate.W_c.weight"], kept, heard).map(Math.tanh);
};

function gru(W, x, h) {
  const a = linear(W["memory.weight_ih"], W["memory.bias_ih"], x);
  const b = linear(W["memory.weight_hh"], W["memory.bias_hh"], h);
  const D = h.length;
  return h.map((old, k) => {
    const r = sigmoid(a[k] + b[k]);
    const keep = sigmoid(a[D + k] + b[D + k]);
    return (1 - keep) * Math.tanh(a[2 * D + k] + r * b[2 * D + k]) + keep * old;
  });
}

// One step of the team. obs, h: per slot; muted: slots that only hear themselves speak.
function forward(net, obs, h, muted = []) {
  const { W } = net;
  const hears = (i, j) => obs[i] && obs[j] && (i === j || !muted.includes(j));
  const seen = obs.map((o) => o && linear(W["encode.weight"], W["encode.bias"], o));
  const known = seen.map((s, i) => s && linear(W["recall.weight"], s, h[i]).map((x) => Math.max(0, x)));
  const { z, attention } = TALK[net.kind](net, known, hears);
  const memory = h.map((old, i) => (z[i] ? gru(W, z[i], old) : new Float32Array(net.hidden)));
  const logits = memory.map((m) => linear(W["policy.weight"], W["policy.bias"], m));
  return { logits, attention, h: memory };
}

// ---- Episode: every moment follows from seed, number and the changes made on the way -------------

class Episode {
  // changes: [{ step, arrival, muted }] in order of step, the first at step 0.
  constructor(map, net, seed, number, changes) {
    Object.assign(this, { map, net, changes, next: uniforms(seed, number) });
    this.draws = [];
    this.moments = [];
  }
  settings(t) {
    return this.changes.findLast((change) => change.step <= t);
  }
  change(t, arrival, muted) {
    this.changes = this.changes.filter((change) => change.step < t);
    const last = this.changes.at(-1);
    if (!same([last?.arrival, last?.muted], [arrival, muted])) this.changes.push({ step: t, arrival, muted });
    this.moments.length = Math.min(this.moments.length, t);
  }
  draw(t) {
    const width = 2 * this.map.routes.length + this.map.cars;
    while (this.draws.length <= t) this.draws.push(Array.from({ length: width }, this.next));
    return this.draws[t];
  }
  // The moment t: where the cars are, whom they heard there, and what they are about to do.
  at(t) {
    while (this.moments.length <= t) {
      const now = this.moments.length;
      const before = this.moments[now - 1];
      let world = emptyRoads(this.map);
      let h = world.alive.map(() => new Float32Array(this.net.hidden));
      if (before) {
        const { arrival } = this.settings(now - 1);
        world = step(this.map, before.world, before.actions, this.draw(now - 1), arrival);
        h = before.h.map((memory, i) => (world.completed[i] ? h[i] : memory));
      }
      const said = forward(this.net, observe(this.map, world, this.net.obs), h, this.settings(now).muted);
      this.moments.push({ world, ...said, actions: said.logits.map(argmax) });
    }
    return this.moments[t];
  }
}

// ---- Drawing: the same lengths as marl_edu/envs/svg.py ------------------------------------------

const [CELL, DISC, FAINTEST] = [40, 15, 0.05];
// ColorBrewer's YlGnBu, as in marl_edu.plots.attention_map.
const PALETTE = ["ffffd9", "edf8b1", "c7e9b4", "7fcdbb", "41b6c4", "1d91c0", "225ea8", "253494", "081d58"].map(
  (hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)),
);

function shade(weight) {
  const at = Math.min(Math.max(weight, 0), 1) * (PALETTE.length - 1);
  const k = Math.min(Math.floor(at), PALETTE.length - 2);
  const rgb = PALETTE[k].map((c, i) => Math.round(c + (at - k) * (PALETTE[k + 1][i] - c)));
  const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return { background: `rgb(${rgb})`, color: luminance > 0.179 ? "#000" : "#fff" };
}

const percent = (x) => `${Math.round(100 * x)}\u00a0%`;

// Where each car is drawn, and where it looks: { x, y, dx, dy } per slot, null if empty.
function places(map, world) {
  const sharing = new Map();
  world.alive.forEach((alive, i) => {
    if (alive) sharing.set(cellOf(map, world, i), [...(sharing.get(cellOf(map, world, i)) ?? []), i]);
  });
  return world.alive.map((alive, i) => {
    if (!alive) return null;
    const route = map.all[world.route[i]];
    const k = Math.min(world.place[i], route.length - 2);
    const here = sharing.get(cellOf(map, world, i));
    const shift = 14 * (2 * here.indexOf(i) - here.length + 1);
    const [row, column] = route[world.place[i]];
    return {
      x: (column + 0.5) * CELL + shift,
      y: (row + 0.5) * CELL - shift,
      dx: route[k + 1][1] - route[k][1],
      dy: route[k + 1][0] - route[k][0],
    };
  });
}

const f = (x) => x.toFixed(1);

function carShape(i, { dx, dy }, waits, muted, chosen) {
  const k = i % 8;
  const ahead = waits
    ? `<path d="M${20 * dx - 10 * dy} ${20 * dy - 10 * dx}L${20 * dx + 10 * dy} ${20 * dy + 10 * dx}"
        stroke="var(--bad)" stroke-width="4" stroke-linecap="round"/>`
    : `<path d="M${22 * dx} ${22 * dy}L${10 * dx - 9 * dy} ${10 * dy - 9 * dx}L${10 * dx + 9 * dy}
        ${10 * dy + 9 * dx}z" fill="var(--ink)"/>`;
  const [fill, edge, text] = muted ? ["paper", `a${k}`, "ink"] : [`a${k}`, "ink", `t${k}`];
  return `${chosen ? '<circle r="26" fill="var(--accent)" opacity=".22"/>' : ""}${ahead}
    <circle r="${DISC}" fill="var(--${fill})" stroke="var(--${edge})" stroke-width="${muted ? 3 : 1.5}"/>
    ${muted ? '<path d="M-14 14L14 -14" stroke="var(--bad)" stroke-width="3"/>' : ""}
    <text y="6.5" text-anchor="middle" font-size="19" font-weight="700" fill="var(--${text})"
      ${muted ? 'stroke="var(--paper)" stroke-width="5" paint-order="stroke"' : ""}>${i}</text>`;
}

// A bent arrow from sender to listener, so that the two directions between two cars lie apart.
function arrowShape(from, to, weight, loud, size = 13) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (weight < FAINTEST || length < CELL / 2) return "";
  const bend = Math.min(0.2 * length + 20, 45) / length;
  const cx = (from.x + to.x) / 2 + bend * (to.y - from.y);
  const cy = (from.y + to.y) / 2 - bend * (to.x - from.x);
  const unit = (x, y) => [x / Math.hypot(x, y), y / Math.hypot(x, y)];
  const [ux, uy] = unit(from.x - cx, from.y - cy);
  const [vx, vy] = unit(cx - to.x, cy - to.y);
  const width = 1 + 7 * weight;
  const [head, half] = [6 + 0.8 * width, 2.5 + 0.7 * width];
  const [sx, sy] = [from.x - ux * (DISC + 2), from.y - uy * (DISC + 2)];
  const [tx, ty] = [to.x + vx * (DISC + 3), to.y + vy * (DISC + 3)];
  const [bx, by] = [tx + vx * head, ty + vy * head];
  // Beside the middle of the arrow, outside its bend.
  const [nx, ny] = unit(to.y - from.y, from.x - to.x);
  const out = 0.5 * bend * length + width / 2 + size * (1.5 * Math.abs(nx) + 0.8 * Math.abs(ny));
  const lx = (from.x + to.x) / 2 + out * nx;
  const ly = (from.y + to.y) / 2 + out * ny + 0.35 * size;
  const label = `<text x="${f(lx)}" y="${f(ly)}" text-anchor="middle" font-size="${size}" font-weight="700"
    fill="var(--ink)" stroke="var(--paper)" stroke-width="4" paint-order="stroke">${percent(weight)}</text>`;
  return `<g opacity="${loud ? 0.9 : 0.35}"><path d="M${f(sx)} ${f(sy)}Q${f(cx)} ${f(cy)} ${f(bx)} ${f(by)}"
      fill="none" stroke="var(--ink)" stroke-width="${f(width)}"/>
    <path d="M${f(tx)} ${f(ty)}L${f(bx - half * vy)} ${f(by + half * vx)}L${f(bx + half * vy)}
      ${f(by - half * vx)}z" fill="var(--ink)"/></g>${loud && weight > 0.2 ? label : ""}`;
}

function crashShape(x, y) {
  const cross = `M${x - 8} ${y - 8}l16 16M${x - 8} ${y + 8}l16 -16`;
  return `<path d="${cross}" stroke="var(--paper)" stroke-width="8" stroke-linecap="round"/>
    <path d="${cross}" stroke="var(--bad)" stroke-width="4" stroke-linecap="round"/>
    <text x="${x}" y="${y + (y < 2 * CELL ? 50 : -36)}" text-anchor="middle" font-size="18" font-weight="700"
      fill="var(--bad)" stroke="var(--paper)" stroke-width="4" paint-order="stroke">crash</text>`;
}

// The rest of a car's way, from where it stands to the edge.
function wayShape(map, world, i) {
  const route = map.all[world.route[i]].slice(world.place[i]);
  const points = route.map(([row, column]) => `${(column + 0.5) * CELL} ${(row + 0.5) * CELL}`);
  return `<path d="M${points.join("L")}" fill="none" stroke="var(--accent)" stroke-width="3"
    stroke-dasharray="2 8" stroke-linecap="round"/>`;
}

// ---- Figure: elements, controls, state -----------------------------------------------------------

const SYNCED = ["team", "difficulty", "seed", "episode", "step", "selected", "arrival", "muted", "playing", "changes"];
const SVG = "http://www.w3.org/2000/svg";
const AT_ONCE = 100; // episodes

// An element: make("label", { class: "x" }, "text", child). Functions become listeners.
function make(tag, attributes = {}, ...children) {
  const element = tag === "svg" || tag === "g" ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== false && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const icon = (shape, box = "-22 -18 44 36") =>
  Object.assign(make("svg", { viewBox: box, "aria-hidden": "true" }), { innerHTML: shape });

// "0:0.3:;6:0.3:4,1" <-> [{ step: 0, arrival: 0.3, muted: [] }, { step: 6, arrival: 0.3, muted: [4, 1] }]
const writeChanges = (changes) => changes.map((c) => `${c.step}:${c.arrival}:${c.muted}`).join(";");
function readChanges(text, map) {
  if (!/^0:[\d.]+:[\d,]*(;\d+:[\d.]+:[\d,]*)*$/.test(text)) return null;
  return text.split(";").map((part) => {
    const [at, arrival, muted] = part.split(":");
    const slots = muted.split(",").filter(Boolean).map(Number);
    return { step: +at, arrival: Math.min(parseFloat(arrival) || 0, 1), muted: slots.filter((i) => i < map.cars) };
  });
}

const clamp = (x, low, high) => Math.min(Math.max(Math.round(Number(x)) || 0, low), high);
const list = (numbers) => numbers.join(", ").replace(/, (\d+)$/, " and $1");
const cars = (numbers) => `car${numbers.length === 1 ? "" : "s"} ${list(numbers)}`;

function render({ model, el }) {
  const policies = model.get("policies");
  const maps = Object.fromEntries(Object.entries(model.get("maps")).map(([k, roads]) => [k, prepare(roads)]));
  const nets = {}; // decoded when first used
  const tallies = new Map(); // conditions -> Map(episode -> success)
  const uid = Math.random().toString(36).slice(2);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const state = { speed: 2, head: "mean", hover: null };
  let episode, map, timer, saying, atOnce, parts;

  // -- State ---------------------------------------------------------------------------------------

  const net = () => (nets[`${state.team}-${state.difficulty}`] ??= load(policies[state.difficulty][state.team]));
  const moment = () => episode.at(state.step);
  const over = () => state.step >= map.steps;

  // Everything that changes anything goes through here.
  function set(patch) {
    const before = { ...state };
    Object.assign(state, patch);
    const known = Object.keys(policies);
    if (!known.includes(state.difficulty)) state.difficulty = before.difficulty ?? known[0];
    map = maps[state.difficulty];
    const teams = Object.keys(policies[state.difficulty]);
    if (!teams.includes(state.team)) state.team = teams.includes(before.team) ? before.team : teams.at(-1);
    if (before.difficulty && before.difficulty !== state.difficulty) {
      Object.assign(state, { step: 0, selected: null, muted: [], arrival: map.arrival });
    }
    state.step = clamp(state.step, 0, map.steps);
    state.seed = clamp(state.seed, 0, 2 ** 31 - 1);
    state.episode = clamp(state.episode, 0, 2 ** 31 - 1);
    if (![...Array(map.cars).keys()].includes(state.selected)) state.selected = null;
    const fresh = ["team", "difficulty", "seed", "episode"].some((key) => before[key] !== state[key]);
    const asked = patch.changes && patch.changes !== before.changes && readChanges(patch.changes, map);
    if (fresh || asked) {
      const changes = asked || [{ step: 0, arrival: state.arrival, muted: state.muted }];
      episode = new Episode(map, net(), state.seed, state.episode, changes);
      atOnce = null;
    } else if (!same([before.arrival, before.muted], [state.arrival, state.muted])) {
      episode.change(before.step, state.arrival, [...state.muted].sort((i, j) => i - j));
      atOnce = null;
    }
    const { arrival, muted } = episode.settings(state.step);
    Object.assign(state, { arrival, muted, changes: writeChanges(episode.changes) });
    if (over() && episode.changes.length === 1) tally().set(state.episode, moment().world.success);
    if (parts?.built !== state.difficulty) build();
    const glides = state.episode === before.episode && Math.abs(state.step - before.step) === 1 && !fresh;
    paint(glides && !still);
    for (const key of SYNCED) if (!same(model.get(key), state[key])) model.set(key, state[key]);
    model.save_changes();
    schedule();
  }

  function tally(team = state.team) {
    const key = [team, state.difficulty, state.seed, state.arrival, state.muted].join("|");
    if (!tallies.has(key)) tallies.set(key, new Map());
    return tallies.get(key);
  }

  function schedule() {
    clearTimeout(timer);
    if (!state.playing) return;
    const wait = over() ? Math.max(1400, 1000 / state.speed) : 1000 / state.speed;
    timer = setTimeout(() => set(over() ? nextEpisode() : { step: state.step + 1 }), wait);
  }

  const nextEpisode = () => ({ episode: state.episode + 1, step: 0 });

  // Many episodes under the present conditions, a slice of time at a time.
  function playMany() {
    if (atOnce) return (atOnce = null), paint();
    const { arrival, muted } = state;
    const [counted, run] = [tally(), { left: AT_ONCE }];
    atOnce = run;
    let number = 0;
    const slice = () => {
      if (atOnce !== run || !el.isConnected) return;
      for (const start = performance.now(); run.left && performance.now() - start < 40; number++) {
        if (counted.has(number)) continue;
        const one = new Episode(map, net(), state.seed, number, [{ step: 0, arrival, muted }]);
        counted.set(number, one.at(map.steps).world.success);
        run.left--;
      }
      if (run.left) setTimeout(slice);
      else atOnce = null;
      paint();
      if (!run.left) parts.live.textContent = scoreText();
    };
    slice();
  }

  // -- Words ---------------------------------------------------------------------------------------

  const score = (counted) => [[...counted.values()].filter(Boolean).length, counted.size];
  const scoreText = () => `Episodes without a crash: ${score(tally()).join(" of ")}`;

  function attention(now) {
    const { attention: heads } = now;
    if (state.head !== "mean" && heads[state.head]) return heads[state.head];
    return heads[0].map((row, i) => row.map((_, j) => heads.reduce((sum, a) => sum + a[i][j], 0) / heads.length));
  }

  function describe(now, weights, chosen) {
    const { world, actions } = now;
    const living = [...world.alive.keys()].filter((i) => world.alive[i]);
    const crashed = living.filter((i) => world.collided[i]);
    let text = crashed.length ? `Crash: ${cars(crashed)}. ` : "";
    if (over()) return text + (world.success ? "The episode ends without a crash." : "The episode ends. It had a crash.");
    if (chosen !== null && world.alive[chosen]) {
      const heard = living.filter((j) => weights[chosen][j] >= FAINTEST);
      heard.sort((i, j) => weights[chosen][j] - weights[chosen][i]);
      const whom = heard.map((j) => `${j === chosen ? "itself" : `car ${j}`} (${percent(weights[chosen][j])})`);
      text += `Car ${chosen} ${actions[chosen] === BRAKE ? "waits" : "drives on"}. `;
      if (whom.length > 4) whom.splice(3, whom.length, `${whom.length - 3} others less`);
      return text + (net().kind === "none" ? "In this team nobody talks." : `It heard ${whom.join(", ") || "nobody"}.`);
    }
    const [go, wait] = [GAS, BRAKE].map((action) => living.filter((i) => actions[i] === action));
    if (!living.length) return `${text}The roads are empty.`;
    return text + [go.length && `Driving on: ${cars(go)}.`, wait.length && `Waiting: ${cars(wait)}.`].filter(Boolean).join(" ");
  }

  // -- Elements ------------------------------------------------------------------------------------

  function build() {
    const N = map.cars;
    const slots = [...Array(N).keys()];
    const side = map.side * CELL;
    const quiet = { "data-lm-suppress-shortcuts": "true" };
    const text = (className = "mj-value") => make("span", { class: className });

    const svg = make("svg", { viewBox: `0 0 ${side} ${side}`, role: "img", class: "mj-picture" });
    svg.innerHTML = `${map.background}<text class="mj-clock" x="${side / 24}" y="${side / 12}" font-size="${side / 22}"></text><g></g><g></g><g></g><g></g>`;
    const [ways, arrows, discs, marks] = svg.querySelectorAll(":scope > g");
    parts = { built: state.difficulty, svg, ways, arrows, discs, marks, clock: svg.querySelector(".mj-clock"), groups: slots.map(() => null) };

    const slider = (name, low, high, by, change) => {
      const input = make("input", { type: "range", min: low, max: high, step: by, ...quiet, input: () => change(+input.value) });
      const value = text();
      parts[name] = { input, value };
      return make("div", { class: "mj-field" }, make("label", {}, make("span", {}, name), input), value);
    };
    const choice = (name, title, options, change) => {
      const inputs = options.map(([value]) =>
        make("input", { type: "radio", name: `${name}-${uid}`, value, ...quiet, change: () => change(value) }),
      );
      parts[name] = Object.fromEntries(options.map(([value], k) => [value, inputs[k]]));
      const labels = options.map(([, ...label], k) => make("label", {}, inputs[k], ...label));
      return make("fieldset", { class: `mj-${name}` }, make("legend", {}, title), ...labels);
    };
    const button = (label, click, attributes = {}) => make("button", { type: "button", click, ...attributes }, label);
    const chip = (i) => make("span", { class: "mj-chip", style: `--fill:var(--a${i % 8});--text:var(--t${i % 8})` }, `${i}`);

    parts.play = button("Play", () => set({ playing: !state.playing, ...(over() && !state.playing ? nextEpisode() : {}) }), { class: "mj-play" });
    parts.back = button("Back", () => set({ playing: false, step: state.step - 1 }));
    parts.forth = button("Step", () => set({ playing: false, step: state.step + 1 }));
    parts.many = button("", playMany);
    parts.live = make("p", { role: "status", class: "mj-hidden" });
    parts.status = make("p", { class: "mj-status", "aria-hidden": "true" });
    parts.score = make("p", { class: "mj-score" });
    parts.measured = make("p", { class: "mj-measured" });
    parts.title = make("caption");
    parts.cells = slots.map(() => slots.map(() => make("td")));
    const table = make(
      "table",
      { class: "mj-map", style: `--n:${N}` },
      parts.title,
      make("thead", {}, make("tr", {}, make("td"), ...slots.map((j) => make("th", { scope: "col" }, chip(j))))),
      make("tbody", {}, ...slots.map((i) => make("tr", {}, make("th", { scope: "row" }, chip(i)), ...parts.cells[i]))),
    );
    const teams = Object.entries(policies[state.difficulty]);
    parts.tallies = Object.fromEntries(teams.map(([team]) => [team, text()]));
    const most = Math.max(...teams.map(([, policy]) => policy.heads));
    const heads = make(
      "select",
      { ...quiet, change: () => set({ head: heads.value === "mean" ? "mean" : +heads.value }) },
      make("option", { value: "mean" }, "mean of all"),
      ...Array.from({ length: most }, (_, k) => make("option", { value: k }, `${k + 1}`)),
    );
    const mutes = slots.map((i) =>
      make("input", {
        type: "checkbox",
        ...quiet,
        change: () => set({ muted: slots.filter((j) => mutes[j].checked) }),
      }),
    );
    parts.muted = mutes;
    parts.everyone = make("input", { type: "checkbox", ...quiet, change: () => set({ muted: parts.everyone.checked ? slots : [] }) });

    const legend = [
      [carShape("", { dx: 1, dy: 0 }, false), "drives on"],
      [carShape("", { dx: 1, dy: 0 }, true), "waits"],
      [carShape("", { dx: 0, dy: 0 }, false, true), "muted"],
      [arrowShape({ x: -36, y: 10 }, { x: 36, y: 10 }, 0.4, true, 0), "message, as wide as the attention paid to it"],
    ];
    const focused = el.contains(document.activeElement);
    el.replaceChildren(
      make(
        "div",
        { class: "mj", role: "group", "aria-label": "Live figure: a junction", style: model.get("look") },
        make(
          "div",
          { class: "mj-stage" },
          make(
            "div",
            { class: "mj-scene" },
            svg,
            parts.score,
            parts.status,
            make("p", { class: "mj-try" }, make("strong", {}, "Try this: "), model.get("hint")),
          ),
          make(
            "div",
            { class: "mj-side" },
            make("div", { class: "mj-scroll" }, table),
            make("ul", { class: "mj-legend" }, ...legend.map(([shape, what]) => make("li", {}, icon(shape), what))),
          ),
        ),
        make(
          "div",
          { class: "mj-controls" },
          make(
            "div",
            { class: "mj-buttons" },
            parts.play,
            parts.back,
            parts.forth,
            button("Next episode", () => set(nextEpisode())),
            parts.many,
            button("Reset", reset),
          ),
          slider("Step", 0, map.steps, 1, (value) => set({ step: value, playing: false })),
          make(
            "div",
            {},
            make(
              "fieldset",
              { class: "mj-mute" },
              make("legend", {}, "Mute, from this step on"),
              ...slots.map((i) => make("label", {}, mutes[i], chip(i))),
              make("label", {}, parts.everyone, "all"),
            ),
            choice(
              "listener",
              "Show what was heard by",
              [...slots.map((i) => [`${i}`, chip(i)]), ["all", "all"]],
              (value) => set({ selected: value === "all" ? null : +value }),
            ),
            ...(most > 1 ? [make("div", { class: "mj-field" }, make("label", {}, make("span", {}, "Head"), heads))] : []),
          ),
          make(
            "div",
            {},
            choice(
              "team",
              "Team",
              teams.map(([team, policy]) => [team, make("span", {}, policy.label), parts.tallies[team]]),
              (team) => set({ team }),
            ),
            parts.measured,
            ...(Object.keys(policies).length > 1
              ? [choice("difficulty", "Junction", Object.keys(policies).map((d) => [d, d]), (difficulty) => set({ difficulty }))]
              : []),
            slider("Arrivals", 0, 1, 0.05, (value) => set({ arrival: value })),
            slider("Speed", 0.5, 8, 0.5, (value) => set({ speed: value })),
          ),
        ),
        parts.live,
      ),
    );
    if (focused) (parts.difficulty?.[state.difficulty] ?? parts.play).focus();
    svg.addEventListener("pointermove", (event) => hover(event.target.closest(".mj-car")));
    svg.addEventListener("pointerleave", () => hover(null));
    svg.addEventListener("click", (event) => {
      const car = event.target.closest(".mj-car");
      if (car) set({ selected: state.selected === +car.dataset.slot ? null : +car.dataset.slot });
    });
  }

  function hover(car) {
    const slot = car ? +car.dataset.slot : null;
    if (slot !== state.hover) (state.hover = slot), paint();
  }

  // Bring every element up to date. glides: the cars move there instead of jumping.
  function paint(glides = true) {
    const now = moment();
    const { world } = now;
    const weights = attention(now);
    const where = places(map, world);
    const chosen = state.hover ?? state.selected;
    const shown = chosen !== null && where[chosen] ? chosen : null;
    const pace = still ? 0 : Math.min(0.4, 0.5 / state.speed);

    parts.svg.style.setProperty("--pace", `${pace}s`);
    parts.svg.classList.toggle("mj-jump", !glides);
    parts.clock.textContent = `step ${state.step} of ${map.steps}`;
    where.forEach((at, i) => {
      const life = `${state.seed}.${state.episode}.${world.t - world.wait[i]}`;
      let group = parts.groups[i];
      if (group && !(at && group.dataset.life === life)) {
        group.remove();
        group = parts.groups[i] = null;
      }
      if (!at) return;
      if (!group) {
        group = parts.groups[i] = make("g", { class: "mj-car", "data-slot": i, "data-life": life });
        parts.discs.append(group);
      }
      group.style.transform = `translate(${at.x}px,${at.y}px)`;
      const shape = carShape(i, at, now.actions[i] === BRAKE, state.muted.includes(i), shown === i);
      if (group.shape !== shape) group.innerHTML = group.shape = shape;
    });
    parts.ways.innerHTML = shown === null ? "" : wayShape(map, world, shown);
    const pairs = weights.flatMap((row, i) => row.map((w, j) => [w, i, j])).filter(([w, i, j]) => w && i !== j);
    const arrows = pairs
      .filter(([, i]) => shown === null || i === shown)
      .map(([w, i, j]) => arrowShape(where[j], where[i], w, shown !== null, 6 + map.side))
      .join("");
    if (parts.arrows.shape !== arrows) parts.arrows.innerHTML = parts.arrows.shape = arrows;
    const crashes = [...new Set([...world.collided.keys()].filter((i) => world.collided[i]).map((i) => cellOf(map, world, i)))];
    parts.marks.innerHTML = crashes
      .map((cell) => crashShape(((cell % map.side) + 0.5) * CELL, (Math.floor(cell / map.side) + 0.5) * CELL))
      .join("");

    const { heads, rounds, measured } = net();
    const which = heads === 1 ? "" : state.head === "mean" || state.head >= heads ? `, mean of ${heads} heads` : `, head ${state.head + 1} of ${heads}`;
    parts.title.textContent = `Who listens (row) to whom (column): attention in %${which}${rounds > 1 ? `, round ${rounds}` : ""}`;
    weights.forEach((row, i) =>
      row.forEach((w, j) => {
        const cell = parts.cells[i][j];
        const on = world.alive[i] && world.alive[j];
        cell.textContent = on ? (w ? `${Math.round(100 * w)}` : "·") : "";
        Object.assign(cell.style, on ? shade(w) : { background: "", color: "" });
        cell.classList.toggle("mj-row", shown === i);
      }),
    );

    const words = describe(now, weights, shown);
    const spoken = `Step ${state.step} of ${map.steps}. ${words}`;
    parts.status.textContent = words;
    parts.svg.setAttribute("aria-label", spoken);
    clearTimeout(saying);
    if (!state.playing) saying = setTimeout(() => (parts.live.textContent = spoken), 400);
    parts.score.textContent = scoreText();
    parts.measured.textContent = measured?.episodes
      ? `${net().label} in ${measured.episodes.toLocaleString("en")} test episodes: ${(100 * measured.success).toFixed(1)} %`
      : "";
    for (const [team, value] of Object.entries(parts.tallies)) {
      const [good, all] = score(tally(team));
      value.textContent = all ? `${good} of ${all} without a crash` : "not played";
    }

    parts.play.textContent = state.playing ? "Pause" : "Play";
    parts.back.disabled = state.step === 0;
    parts.forth.disabled = over();
    parts.many.textContent = atOnce ? `Stop, ${atOnce.left} to go` : `Play ${AT_ONCE} at once`;
    for (const [name, value, words] of [
      ["Step", state.step, `${state.step} of ${map.steps}, episode ${state.episode + 1}`],
      ["Speed", state.speed, `${state.speed} step${state.speed === 1 ? "" : "s"} a second`],
      ["Arrivals", state.arrival, `${state.arrival.toFixed(2)} per entry and step`],
    ]) {
      parts[name].input.value = value;
      parts[name].input.setAttribute("aria-valuetext", words);
      parts[name].value.textContent = words;
    }
    parts.team[state.team].checked = true;
    if (parts.difficulty) parts.difficulty[state.difficulty].checked = true;
    parts.listener[state.selected ?? "all"].checked = true;
    parts.muted.forEach((input, i) => (input.checked = state.muted.includes(i)));
    parts.everyone.checked = state.muted.length === map.cars;
  }

  // -- Beginning and end ---------------------------------------------------------------------------

  const start = Object.fromEntries(SYNCED.map((key) => [key, model.get(key)]));

  // As the figure was made: its cars muted from its step on.
  function begin(from) {
    Object.assign(state, { difficulty: undefined, changes: undefined, playing: false, speed: 2, head: "mean", hover: null });
    const { arrival } = from;
    const given = from.changes || `0:${arrival}:${from.step && from.muted.length ? `;${from.step}:${arrival}:${from.muted}` : from.muted}`;
    set({ ...from, changes: given, playing: from.playing && !still });
  }

  function reset() {
    tallies.clear();
    begin(start);
  }

  begin(start);
  const listeners = SYNCED.map((key) => {
    const listener = () => same(state[key], model.get(key)) || set({ [key]: model.get(key) });
    model.on(`change:${key}`, listener);
    return () => model.off(`change:${key}`, listener);
  });
  return () => {
    clearTimeout(timer);
    clearTimeout(saying);
    atOnce = null;
    listeners.forEach((off) => off());
  };
}

export { Episode, emptyRoads, forward, load, observe, prepare, step, uniforms };
export default { render };
