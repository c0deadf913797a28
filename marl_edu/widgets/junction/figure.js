// The live Traffic Junction. One module without imports: in the lab anywidget loads it, on a page
// it stands in the page itself. Sections: maths, world, network, episode, drawing, figure.

// What host.js needs to know.
const FIGURE = "junction";
const LINKED = ["team", "difficulty", "seed", "episode", "step", "selected", "changes"];

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
      const [said, asked] = ["speak", "ask"].map((part) => {
        const [weight, bias] = [W[`communicate.${part}.weight`], W[`communicate.${part}.bias`]];
        return z.map((own) => own && linear(weight, bias, own));
      });
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
const PALETTE = "ffffd9 edf8b1 c7e9b4 7fcdbb 41b6c4 1d91c0 225ea8 253494 081d58"
  .split(" ")
  .map((hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)));

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

const SYNCED = [
  "team", "difficulty", "seed", "episode", "step", "selected", "arrival", "muted", "playing", "changes",
];
const SVG = "http://www.w3.org/2000/svg";
const AT_ONCE = 100; // episodes

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// "0:0.3:;6:0.3:4,1" <-> [{ step: 0, arrival: 0.3, muted: [] }, { step: 6, arrival: 0.3, muted: [4, 1] }]
const writeChanges = (changes) => changes.map((c) => `${c.step}:${c.arrival}:${c.muted}`).join(";");
function readChanges(text, map) {
  if (!/^0:[\d.]+:[\d,]*(;\d+:[\d.]+:[\d,]*)*$/.test(text)) return null;
  return text.split(";").map((part) => {
    const [at, arrival, muted] = part.split(":");
    const slots = muted.split(",").filter(Boolean).map(Number).filter((i) => i < map.cars);
    return { step: +at, arrival: Math.min(parseFloat(arrival) || 0, 1), muted: slots };
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

  const net = () => {
    const { difficulty, team } = state;
    return (nets[`${team}-${difficulty}`] ??= load(policies[difficulty][team]));
  };
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
    const heads = now.attention;
    if (heads[state.head]) return heads[state.head];
    const mean = (i, j) => heads.reduce((sum, head) => sum + head[i][j], 0) / heads.length;
    return heads[0].map((row, i) => row.map((_, j) => mean(i, j)));
  }

  function describe(now, weights, chosen) {
    const { world, actions } = now;
    const living = [...world.alive.keys()].filter((i) => world.alive[i]);
    const crashed = living.filter((i) => world.collided[i]);
    const text = crashed.length ? `Crash: ${cars(crashed)}. ` : "";
    if (over()) return `${text}The episode is over: ${world.success ? "nobody" : "somebody"} crashed.`;
    if (!living.length) return "The roads are empty.";
    if (chosen === null) {
      const [go, wait] = [GAS, BRAKE].map((action) => living.filter((i) => actions[i] === action));
      const parts = [go.length && `Driving on: ${cars(go)}.`, wait.length && `Waiting: ${cars(wait)}.`];
      return text + parts.filter(Boolean).join(" ");
    }
    const heard = living.filter((j) => weights[chosen][j] >= FAINTEST);
    heard.sort((i, j) => weights[chosen][j] - weights[chosen][i]);
    const whom = heard.map((j) => (j === chosen ? "itself" : `car ${j}`) + ` (${percent(weights[chosen][j])})`);
    if (whom.length > 4) whom.splice(3, whom.length, `${whom.length - 3} others less`);
    const does = `${text}Car ${chosen} ${actions[chosen] === BRAKE ? "waits" : "drives on"}. `;
    return does + (net().kind === "none" ? "In this team nobody talks." : `It heard ${whom.join(", ") || "nobody"}.`);
  }

  // -- Elements ------------------------------------------------------------------------------------

  function build() {
    const old = el.contains(document.activeElement) ? document.activeElement.dataset : null;
    const slots = [...Array(map.cars).keys()];
    const side = map.side * CELL;
    const worlds = Object.keys(policies);
    const teams = Object.entries(policies[state.difficulty]);
    const most = Math.max(...teams.map(([, policy]) => policy.heads));
    const each = (items, write) => items.map(write).join("");
    const chip = (i) => `<span class="mj-chip" style="--fill:var(--a${i % 8});--text:var(--t${i % 8})">${i}</span>`;
    // JupyterLab takes the arrow keys from an input that does not say this.
    const input = (name, attributes) =>
      `<input data-name="${name}" data-lm-suppress-shortcuts="true" ${attributes}>`;
    const radio = (name, value) => input(name, `type="radio" name="${name}-${uid}" value="${escape(value)}"`);
    const slider = (name, label, low, high, by) => `<div class="mj-field">
      <label><span>${label}</span>${input(name, `type="range" min="${low}" max="${high}" step="${by}"`)}</label>
      <span class="mj-value" data-value="${name}"></span></div>`;
    const button = (name, label) => `<button type="button" data-do="${name}" class="mj-${name}">${label}</button>`;
    const choice = (name, title, labels) =>
      `<fieldset class="mj-${name}"><legend>${title}</legend>${labels}</fieldset>`;
    const icon = (shape) => `<svg viewBox="-22 -18 44 36" aria-hidden="true">${shape}</svg>`;
    const legend = [
      [carShape("", { dx: 1, dy: 0 }, false), "drives on"],
      [carShape("", { dx: 1, dy: 0 }, true), "waits"],
      [carShape("", { dx: 0, dy: 0 }, false, true), "muted"],
      [arrowShape({ x: -36, y: 10 }, { x: 36, y: 10 }, 0.4, true, 0), "message, wide if much attended to"],
    ];

    el.innerHTML = `<div class="mj" role="group" aria-label="Live figure: a junction" style="${model.get("look")}">
      <div class="mj-stage">
        <div class="mj-scene">
          <svg class="mj-picture" viewBox="0 0 ${side} ${side}" role="img">${map.background}
            <text class="mj-clock" x="${side / 24}" y="${side / 12}" font-size="${side / 22}"></text>
            <g class="mj-ways"></g><g class="mj-arrows"></g><g class="mj-discs"></g><g class="mj-marks"></g>
          </svg>
          <p class="mj-score"></p>
          <p class="mj-status" aria-hidden="true"></p>
          <p class="mj-try"><strong>Try this:</strong> ${escape(model.get("hint"))}</p>
        </div>
        <div class="mj-side">
          <div class="mj-scroll"><table class="mj-map" style="--n:${map.cars}">
            <caption></caption>
            <thead><tr><td></td>${each(slots, (j) => `<th scope="col">${chip(j)}</th>`)}</tr></thead>
            <tbody>${each(
              slots,
              (i) => `<tr><th scope="row">${chip(i)}</th>${"<td></td>".repeat(map.cars)}</tr>`,
            )}</tbody>
          </table></div>
          <ul class="mj-legend">${each(legend, ([shape, what]) => `<li>${icon(shape)}${what}</li>`)}</ul>
        </div>
      </div>
      <div class="mj-controls">
        <div class="mj-buttons">${button("play", "Play")}${button("back", "Back")}${button("forth", "Step")}
          ${button("next", "Next episode")}${button("many", "")}${button("reset", "Reset")}</div>
        ${slider("step", "Step", 0, map.steps, 1)}
        <div>
          ${choice(
            "mute",
            "Mute, from this step on",
            each(slots, (i) => `<label>${input("mute", `type="checkbox" value="${i}"`)}${chip(i)}</label>`) +
              `<label>${input("everyone", 'type="checkbox"')}all</label>`,
          )}
          ${choice(
            "listener",
            "Show what was heard by",
            each(slots, (i) => `<label>${radio("listener", `${i}`)}${chip(i)}</label>`) +
              `<label>${radio("listener", "all")}all</label>`,
          )}
          <div class="mj-field" ${most > 1 ? "" : "hidden"}><label><span>Head</span>
            <select data-name="head" data-lm-suppress-shortcuts="true"><option value="mean">mean of all</option>
            ${each([...Array(most).keys()], (k) => `<option value="${k}">${k + 1}</option>`)}</select></label></div>
        </div>
        <div>
          ${choice(
            "team",
            "Team",
            each(teams, ([team, { label }]) => `<label>${radio("team", team)}<span>${escape(label)}</span>
              <span class="mj-value" data-tally="${escape(team)}"></span></label>`),
          )}
          <p class="mj-measured"></p>
          ${choice("difficulty", "Junction", each(worlds, (d) => `<label>${radio("difficulty", d)}${d}</label>`))}
          ${slider("arrival", "Arrivals", 0, 1, 0.05)}
          ${slider("speed", "Speed", 0.5, 8, 0.5)}
        </div>
      </div>
      <p class="mj-hidden" role="status"></p>
    </div>`;

    const all = (selector) => [...el.querySelectorAll(selector)];
    const names = ["picture", "clock", "ways", "arrows", "discs", "marks", "score", "status", "measured"];
    parts = Object.fromEntries([...names, ...Object.keys(BUTTONS)].map((name) => [name, all(`.mj-${name}`)[0]]));
    parts.built = state.difficulty;
    parts.live = all("[role=status]")[0];
    parts.title = all("caption")[0];
    parts.cells = all(".mj-map tbody tr").map((row) => [...row.querySelectorAll("td")]);
    parts.groups = slots.map(() => null);
    parts.inputs = all("[data-name]");
    parts.values = Object.fromEntries(all("[data-value]").map((value) => [value.dataset.value, value]));
    parts.tallies = all("[data-tally]");
    parts.picture.addEventListener("pointermove", (event) => hover(event.target.closest(".mj-car")));
    parts.picture.addEventListener("pointerleave", () => hover(null));
    // Whoever changed the junction stays where they were.
    if (old?.do) parts[old.do].focus();
    if (old?.name === "difficulty") all(`[value="${state.difficulty}"]`)[0].focus();
  }

  // What a button does, and what an input changes.
  const BUTTONS = {
    play: () => set({ playing: !state.playing, ...(over() && !state.playing ? nextEpisode() : {}) }),
    back: () => set({ playing: false, step: state.step - 1 }),
    forth: () => set({ playing: false, step: state.step + 1 }),
    next: () => set(nextEpisode()),
    many: playMany,
    reset: reset,
  };
  const INPUTS = {
    step: ({ value }) => set({ step: +value, playing: false }),
    speed: ({ value }) => set({ speed: +value }),
    arrival: ({ value }) => set({ arrival: +value }),
    team: ({ value }) => set({ team: value }),
    difficulty: ({ value }) => set({ difficulty: value }),
    head: ({ value }) => set({ head: value }),
    listener: ({ value }) => set({ selected: value === "all" ? null : +value }),
    mute: ({ value, checked }) =>
      set({ muted: checked ? [...state.muted, +value] : state.muted.filter((i) => i !== +value) }),
    everyone: ({ checked }) => set({ muted: checked ? [...Array(map.cars).keys()] : [] }),
  };
  el.addEventListener("input", (event) => INPUTS[event.target.dataset.name]?.(event.target));
  el.addEventListener("click", (event) => {
    BUTTONS[event.target.dataset.do]?.();
    const car = event.target.closest(".mj-car");
    if (car) set({ selected: state.selected === +car.dataset.slot ? null : +car.dataset.slot });
  });

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

    parts.picture.style.setProperty("--pace", `${pace}s`);
    parts.picture.classList.toggle("mj-jump", !glides);
    parts.clock.textContent = `step ${state.step} of ${map.steps}`;
    where.forEach((at, i) => {
      const life = `${state.seed}.${state.episode}.${world.t - world.wait[i]}`;
      if (parts.groups[i] && !(at && parts.groups[i].dataset.life === life)) {
        parts.groups[i].remove();
        parts.groups[i] = null;
      }
      if (!at) return;
      const group = (parts.groups[i] ??= parts.discs.appendChild(document.createElementNS(SVG, "g")));
      Object.assign(group.dataset, { slot: i, life });
      group.setAttribute("class", "mj-car");
      group.style.transform = `translate(${at.x}px,${at.y}px)`;
      fill(group, carShape(i, at, now.actions[i] === BRAKE, state.muted.includes(i), shown === i));
    });
    fill(parts.ways, shown === null ? "" : wayShape(map, world, shown));
    const arrow = (w, i, j) => (w && i !== j ? arrowShape(where[j], where[i], w, shown !== null, 6 + map.side) : "");
    const into = (row, i) => (shown === null || shown === i ? row.map((w, j) => arrow(w, i, j)).join("") : "");
    fill(parts.arrows, weights.map(into).join(""));
    const crashed = [...world.collided.keys()].filter((i) => world.collided[i]);
    const crash = (cell) => crashShape(((cell % map.side) + 0.5) * CELL, (Math.floor(cell / map.side) + 0.5) * CELL);
    fill(parts.marks, [...new Set(crashed.map((i) => cellOf(map, world, i)))].map(crash).join(""));

    const { heads, rounds, measured } = net();
    const which = state.head < heads ? `head ${+state.head + 1} of ${heads}` : `mean of ${heads} heads`;
    const title = ["Who listens (row) to whom (column): attention in %"];
    if (heads > 1) title.push(which);
    if (rounds > 1) title.push(`round ${rounds}`);
    parts.title.textContent = title.join(", ");
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
    parts.picture.setAttribute("aria-label", spoken);
    clearTimeout(saying);
    if (!state.playing) saying = setTimeout(() => (parts.live.textContent = spoken), 400);
    parts.score.textContent = scoreText();
    const rate = measured && `${(100 * measured.success).toFixed(1)}\u00a0%`;
    const many = measured && measured.episodes.toLocaleString("en");
    parts.measured.textContent = measured ? `${net().label} in ${many} test episodes: ${rate}` : "";
    for (const one of parts.tallies) {
      const [good, all] = score(tally(one.dataset.tally));
      one.textContent = all ? `${good} of ${all} without a crash` : "not played";
    }

    parts.play.textContent = state.playing ? "Pause" : "Play";
    parts.back.disabled = state.step === 0;
    parts.forth.disabled = over();
    parts.many.textContent = atOnce ? `Stop, ${atOnce.left} to go` : `Play ${AT_ONCE} at once`;
    const VALUES = {
      step: `${state.step} of ${map.steps}, episode ${state.episode + 1}`,
      speed: `${state.speed} step${state.speed === 1 ? "" : "s"} a second`,
      arrival: `${state.arrival.toFixed(2)} per entry and step`,
    };
    for (const one of parts.inputs) {
      const { name } = one.dataset;
      if (name === "mute") one.checked = state.muted.includes(+one.value);
      else if (name === "everyone") one.checked = state.muted.length === map.cars;
      else if (name === "listener") one.checked = one.value === `${state.selected ?? "all"}`;
      else if (one.type === "radio") one.checked = one.value === state[name];
      else one.value = state[name];
      if (name === "head") one.disabled = heads === 1;
      if (VALUES[name]) {
        one.setAttribute("aria-valuetext", VALUES[name]);
        parts.values[name].textContent = VALUES[name];
      }
    }
  }

  // Write what is inside an element, unless it is there already.
  function fill(element, inside) {
    if (element.inside !== inside) element.innerHTML = element.inside = inside;
  }

  // -- Beginning and end ---------------------------------------------------------------------------

  const start = Object.fromEntries(SYNCED.map((key) => [key, model.get(key)]));

  // As the figure was made: its cars muted from its step on.
  function begin(from) {
    Object.assign(state, { difficulty: undefined, changes: undefined, speed: 2, head: "mean", hover: null });
    const { step: at, arrival, muted } = from;
    const late = at > 0 && muted.length;
    const given = from.changes || `0:${arrival}:${late ? `;${at}:${arrival}:${muted}` : muted}`;
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
