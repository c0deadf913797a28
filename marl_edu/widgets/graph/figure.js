// The live graph: agents that pass on what they know to those nearby. One module without imports: in
// the lab anywidget loads it, on a page it stands in the page itself. Sections: network, figure.

// How the host behind this module calls it, and what a link to a moment of it holds.
const FIGURE = "graph";
const LINKED = ["places", "holds", "cut", "radius", "layer", "head", "selected"];

// ---- Network: marl_edu.algos.gat, a team in its first step, when its memory is 0 ------------------

const LETTERS = "ABCDEFGH";
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

function load(net) {
  const bytes = Uint8Array.from(atob(net.weights), (c) => c.charCodeAt(0));
  const flat = new Float32Array(bytes.buffer);
  const W = {};
  let at = 0;
  for (const [name, shape] of Object.entries(net.shapes)) {
    const size = shape.reduce((a, b) => a * b, 1);
    W[name] = flat.subarray(at, (at += size));
  }
  return { ...net, W };
}

const linear = (W, b, x) =>
  Float64Array.from({ length: W.length / x.length }, (_, o) => {
    let sum = b ? b[o] : 0;
    for (let k = 0, at = o * x.length; k < x.length; k++) sum += W[at + k] * x[k];
    return sum;
  });

function softmax(scores) {
  const top = Math.max(...scores);
  const weights = scores.map((s) => Math.exp(s - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

// One layer, eqs. (1)-(3): { attention [head][receiver][sender], heard [receiver] }.
function attend(net, l, z, near) {
  const part = (name) => net.W[`communicate.layers.${l}.${name}`];
  const [N, H, F] = [z.length, net.heads, net.hidden / net.heads];
  const Wh = z.map((own) => linear(part("W.weight"), null, own));
  const half = (a, i, h) => {
    let sum = 0;
    for (let k = h * F; k < (h + 1) * F; k++) sum += a[k] * Wh[i][k];
    return sum;
  };
  const heard = z.map(() => Float64Array.from(part("bias")));
  const attention = Array.from({ length: H }, (_, h) =>
    z.map((_, i) => {
      const row = Array(N).fill(0);
      const mine = half(part("a_receiver"), i, h);
      const scores = near[i].map((j) => mine + half(part("a_sender"), j, h));
      softmax(scores.map((s) => (s > 0 ? s : 0.2 * s))).forEach((weight, n) => {
        const j = near[i][n];
        row[j] = weight;
        for (let k = h * F; k < (h + 1) * F; k++) heard[i][k] += weight * Wh[j][k];
      });
      return row;
    }),
  );
  return { attention, heard };
}

// What the team makes of a graph. holds: letters or "-"; near: whom each agent hears, itself too.
function listen(net, holds, near) {
  const { W } = net;
  let z = [...holds].map((letter) => {
    const obs = new Float64Array(1 + net.symbols);
    if (letter !== "-") obs[0] = obs[1 + LETTERS.indexOf(letter)] = 1;
    return linear(W["encode.weight"], W["encode.bias"], obs).map((x) => Math.max(0, x));
  });
  const attention = [];
  for (let l = 0; l < net.layers; l++) {
    const layer = attend(net, l, z, near);
    attention.push(layer.attention);
    z = z.map((own, i) => own.map((x, k) => x + Math.tanh(layer.heard[i][k])));
  }
  const D = net.hidden;
  const chances = z.map((own) => {
    const a = linear(W["memory.weight_ih"], W["memory.bias_ih"], own);
    const b = W["memory.bias_hh"];
    const h = Float64Array.from({ length: D }, (_, k) => {
      const keep = sigmoid(a[D + k] + b[D + k]);
      return (1 - keep) * Math.tanh(a[2 * D + k] + sigmoid(a[k] + b[k]) * b[2 * D + k]);
    });
    return softmax([...linear(W["policy.weight"], W["policy.bias"], h)]);
  });
  return { attention, chances };
}

// Whom each agent hears: those within the radius, but for links that are cut.
function nearby(places, radius, cut) {
  return places.map(([x, y], i) =>
    [...places.keys()].filter((j) => {
      const [dx, dy] = [places[j][0] - x, places[j][1] - y];
      return i === j || (dx * dx + dy * dy <= radius * radius && !cut.has(pair(i, j)));
    }),
  );
}

// After so many layers, of whom may agent i know something?
function reach(near, i, layers) {
  let field = new Set([i]);
  for (let l = 0; l < layers; l++) field = new Set([...field].flatMap((j) => near[j]));
  return field;
}

const pair = (i, j) => `${Math.min(i, j)}-${Math.max(i, j)}`;

// ---- Figure: elements, controls, state -----------------------------------------------------------

const [DISC, FAINTEST] = [15, 0.05];
const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const percent = (x) => `${Math.round(100 * x)}\u00a0%`;
const clamp = (x, low, high) => Math.min(Math.max(Math.round(Number(x)) || 0, low), high);
const argmax = (x) => x.reduce((best, value, k) => (value > x[best] ? k : best), 0);

function render({ model, el }) {
  const net = load(model.get("net"));
  const uid = Math.random().toString(36).slice(2);
  const start = model.get("first"); // as the figure was made; the traits may come from a link
  const N = start.holds.length;
  const side = Math.round(100 * Math.sqrt(N));
  let state, now, parts, dragged, saying;

  // -- State ---------------------------------------------------------------------------------------

  // From the traits, whatever they hold: a link may be nonsense.
  function read(words) {
    const places = `${words.places ?? ""}`.split(";").map((p) => p.split(",").map((x) => clamp(x, 0, side)));
    const fits = places.length === N && places.every((p) => p.length === 2);
    const holds = `${words.holds ?? ""}`;
    const known = new RegExp(`^[-${LETTERS.slice(0, net.symbols)}]{${N}}$`);
    const cut = `${words.cut ?? ""}`.split(",").filter((one) => {
      const [i, j] = one.split("-").map(Number);
      return one === pair(i, j) && i < j && j < N;
    });
    return {
      places: fits ? places : read(start).places,
      holds: known.test(holds) ? holds : start.holds,
      cut: new Set(cut),
      radius: clamp(words.radius, 0, side),
      layer: clamp(words.layer, 1, net.layers),
      head: clamp(words.head, 0, net.heads),
      selected: clamp(words.selected, 0, N - 1),
    };
  }

  const write = () => ({
    ...state,
    places: state.places.map((p) => p.join(",")).join(";"),
    cut: [...state.cut].sort().join(","),
  });

  function set(patch) {
    state = { ...state, ...patch };
    const near = nearby(state.places, state.radius, state.cut);
    now = { near, ...listen(net, state.holds, near), field: reach(near, state.selected, state.layer) };
    paint();
    for (const [key, value] of Object.entries(write())) if ((model.get(key) ?? "") !== value) model.set(key, value);
    model.save_changes();
  }

  const move = (i, x, y) =>
    set({ places: state.places.map((p, k) => (k === i ? [clamp(x, 0, side), clamp(y, 0, side)] : p)) });

  function toggle(i, j) {
    const cut = new Set(state.cut);
    if (!cut.delete(pair(i, j))) cut.add(pair(i, j));
    set({ cut });
  }

  function weights() {
    const heads = now.attention[state.layer - 1];
    if (state.head) return heads[state.head - 1][state.selected];
    return heads[0][state.selected].map((_, j) => heads.reduce((s, h) => s + h[state.selected][j], 0) / heads.length);
  }

  // -- Elements ------------------------------------------------------------------------------------

  const numbers = [...Array(N).keys()];
  const each = (items, text) => items.map(text).join("");
  const attributes = (name) => `data-name="${name}" data-lm-suppress-shortcuts="true"`;
  const slider = (name, label, low, high) => `<div class="mg-field"><label for="${name}-${uid}">${label}</label>
    <input ${attributes(name)} id="${name}-${uid}" type="range" min="${low}" max="${high}" step="1">
    <span class="mg-value" data-value="${name}"></span></div>`;
  const select = (name, label, options) => `<div class="mg-field"><label for="${name}-${uid}">${label}</label>
    <select ${attributes(name)} id="${name}-${uid}">${each(options, ([value, text]) => `<option value="${value}">${text}</option>`)}</select></div>`;

  el.innerHTML = `<div class="mg" role="group" aria-label="Live figure: a graph of agents" style="${model.get("look")}">
    <div class="mg-stage">
      <div class="mg-scene">
        <svg class="mg-picture" viewBox="-20 -20 ${side + 40} ${side + 40}" role="img">
          <rect x="-20" y="-20" width="${side + 40}" height="${side + 40}" rx="8" fill="var(--block)"/>
          <g class="mg-reach"></g><g class="mg-links"></g><g class="mg-fields"></g><g class="mg-arrows"></g><g class="mg-agents"></g>
        </svg>
        <p class="mg-legend">A red letter: what a source holds. A grey letter: what an agent answers. A halo: in the
          receptive field. An arrow: attention, as wide as it is strong. A dotted circle: how far one hears.</p>
        <p class="mg-try"><strong>Try this:</strong> ${escape(model.get("hint"))}</p>
      </div>
      <div class="mg-side">
        <p class="mg-status" aria-hidden="true"></p>
        ${select("selected", "Agent", numbers.map((i) => [i, i]))}
        ${slider("across", "Across", 0, side)}
        ${slider("down", "Down", 0, side)}
        ${select("hold", "It holds", [["-", "nothing"], ...[...LETTERS.slice(0, net.symbols)].map((c) => [c, c])])}
        <fieldset class="mg-ties"><legend></legend></fieldset>
        ${slider("radius", "Radius", 0, side)}
        ${slider("layer", "Layers", 1, net.layers)}
        ${select("head", "Head", [[0, "mean of all"], ...Array.from({ length: net.heads }, (_, h) => [h + 1, h + 1])])}
        <div><button type="button">Reset</button></div>
      </div>
    </div>
    <p class="mg-hidden" role="status"></p>
  </div>`;
  const find = (selector) => el.querySelector(selector);
  parts = Object.fromEntries(
    ["picture", "reach", "links", "fields", "arrows", "agents", "status", "ties"].map((name) => [name, find(`.mg-${name}`)]),
  );
  parts.live = find("[role=status]");
  parts.inputs = Object.fromEntries([...el.querySelectorAll("[data-name]")].map((one) => [one.dataset.name, one]));
  parts.values = Object.fromEntries([...el.querySelectorAll("[data-value]")].map((one) => [one.dataset.value, one]));

  for (const [name, input] of Object.entries(parts.inputs)) {
    input.addEventListener("input", () => {
      const [x, y] = state.places[state.selected];
      if (name === "across") move(state.selected, input.value, y);
      else if (name === "down") move(state.selected, x, input.value);
      else if (name === "hold") set({ holds: numbers.map((i) => (i === state.selected ? input.value : state.holds[i])).join("") });
      else set({ [name]: Number(input.value) });
    });
  }
  parts.ties.addEventListener("change", (event) => toggle(state.selected, +event.target.value));
  find("button").addEventListener("click", () => set(read(start)));

  const point = (event) => {
    const box = parts.picture.getBoundingClientRect();
    const scale = (side + 40) / box.width;
    return [(event.clientX - box.left) * scale - 20, (event.clientY - box.top) * scale - 20];
  };
  parts.picture.addEventListener("pointerdown", (event) => {
    const agent = event.target.closest("[data-agent]");
    if (!agent) return;
    dragged = +agent.dataset.agent;
    parts.picture.setPointerCapture(event.pointerId);
    set({ selected: dragged });
  });
  parts.picture.addEventListener("pointermove", (event) => dragged !== undefined && move(dragged, ...point(event)));
  for (const end of ["pointerup", "pointercancel"])
    parts.picture.addEventListener(end, () => setTimeout(() => (dragged = undefined)));
  parts.picture.addEventListener("click", (event) => {
    const link = event.target.closest("[data-link]");
    if (link && dragged === undefined) toggle(...link.dataset.link.split("-").map(Number));
  });

  // -- Drawing -------------------------------------------------------------------------------------

  // Write what is inside an element, unless it is there already.
  function fill(element, inside) {
    if (element.inside !== inside) element.innerHTML = element.inside = inside;
  }

  // Those within the radius of agent i, cut off or not.
  const within = (i) => nearby(state.places, state.radius, new Set())[i].filter((j) => j !== i);

  function linkShape(i, j) {
    const [[x, y], [u, v]] = [state.places[i], state.places[j]];
    const gone = state.cut.has(pair(i, j));
    const [mx, my] = [(x + u) / 2, (y + v) / 2];
    const cross = `<path d="M${mx - 6} ${my - 6}l12 12m-12 0l12 -12" stroke="var(--bad)" stroke-width="3"/>`;
    return `<g class="mg-link" data-link="${pair(i, j)}"><path d="M${x} ${y}L${u} ${v}" stroke="transparent" stroke-width="16"/>
      <path d="M${x} ${y}L${u} ${v}" stroke="var(--line)" stroke-width="1.5" ${gone ? 'stroke-dasharray="4 6"' : ""}/>${gone ? cross : ""}</g>`;
  }

  // The arrow from agent j, and its label, which is drawn above all arrows.
  function arrowShape(j, weight) {
    const [[x, y], [u, v]] = [state.places[j], state.places[state.selected]];
    const length = Math.hypot(u - x, v - y);
    if (weight < FAINTEST || length < 2 * DISC + 4) return ["", ""];
    const [dx, dy] = [(u - x) / length, (v - y) / length];
    const width = 1 + 7 * weight;
    const [head, half] = [6 + 0.8 * width, 2.5 + 0.7 * width];
    const [tx, ty] = [u - dx * (DISC + 3), v - dy * (DISC + 3)];
    const [bx, by] = [tx - dx * head, ty - dy * head];
    const f = (number) => number.toFixed(1);
    return [
      `<path d="M${f(x + dx * DISC)} ${f(y + dy * DISC)}L${f(bx)} ${f(by)}" stroke="var(--ink)" stroke-width="${f(width)}"/>
      <path d="M${f(tx)} ${f(ty)}L${f(bx - half * dy)} ${f(by + half * dx)}L${f(bx + half * dy)} ${f(by - half * dx)}z" fill="var(--ink)"/>`,
      `<text x="${f(x + 0.42 * (u - x) + 20 * dy)}" y="${f(y + 0.42 * (v - y) + 5 - 16 * dx)}" text-anchor="middle" font-size="14"
        font-weight="700" fill="var(--ink)" stroke="var(--block)" stroke-width="4" paint-order="stroke">${percent(weight)}</text>`,
    ];
  }

  function agentShape(i) {
    const [x, y] = state.places[i];
    const held = state.holds[i] !== "-";
    const letter = held ? state.holds[i] : LETTERS[argmax(now.chances[i])];
    return `<g class="mg-agent" data-agent="${i}" transform="translate(${x} ${y})">
      ${i === state.selected ? `<circle r="${DISC + 5}" fill="none" stroke="var(--ink)" stroke-width="2.5"/>` : ""}
      <circle r="${DISC}" fill="var(--a${i % 8})" stroke="var(--ink)" stroke-width="1.5"/>
      <text y="6.5" text-anchor="middle" font-size="18" font-weight="700" fill="var(--t${i % 8})">${i}</text>
      <text x="22" y="-10" text-anchor="middle" font-size="${held ? 22 : 15}" font-weight="700" stroke="var(--block)" stroke-width="4"
        paint-order="stroke" fill="var(--${held ? "bad" : "soft"})">${letter}</text></g>`;
  }

  function describe(row) {
    const i = state.selected;
    const best = argmax(now.chances[i]);
    const heard = numbers.filter((j) => row[j] >= FAINTEST).sort((a, b) => row[b] - row[a]);
    const whom = heard.slice(0, 4).map((j) => (j === i ? "itself" : `agent ${j}`) + ` (${percent(row[j])})`);
    const head = state.head ? `head ${state.head}` : "mean of heads";
    return `Agent ${i} answers ${LETTERS[best]} (${percent(now.chances[i][best])}). In layer ${state.layer}, ${head}, it hears
      ${whom.join(", ")}. After ${state.layer} layer${state.layer > 1 ? "s" : ""} it may know something of
      ${now.field.size} of ${N} agents, itself included.`.replace(/\s+/g, (gap) => (gap === "\u00a0" ? gap : " "));
  }

  function paint() {
    const i = state.selected;
    const row = weights();
    const [x, y] = state.places[i];
    const near = nearby(state.places, state.radius, new Set());
    fill(parts.reach, `<circle cx="${x}" cy="${y}" r="${state.radius}" fill="none" stroke="var(--soft)" stroke-dasharray="2 6"/>`);
    fill(parts.links, each(numbers, (a) => each(near[a].filter((b) => b > a), (b) => linkShape(a, b))));
    fill(parts.fields, each([...now.field], (j) => `<circle cx="${state.places[j][0]}" cy="${state.places[j][1]}" r="26" fill="var(--accent)" opacity=".22"/>`));
    const arrows = numbers.filter((j) => j !== i).map((j) => arrowShape(j, row[j]));
    fill(parts.arrows, each([0, 1], (layer) => each(arrows, (arrow) => arrow[layer])));
    fill(parts.agents, each(numbers, agentShape));

    const ties = within(i);
    if (parts.ties.shown !== `${i}:${ties}`) {
      parts.ties.shown = `${i}:${ties}`;
      const boxes = each(ties, (j) => `<label><input type="checkbox" value="${j}" data-lm-suppress-shortcuts="true">${j}</label>`);
      parts.ties.innerHTML = `<legend>Links of agent ${i} to</legend>${boxes || "nobody within its radius"}`;
    }
    for (const box of parts.ties.querySelectorAll("input")) box.checked = !state.cut.has(pair(i, +box.value));

    const VALUES = {
      across: `${x} of ${side}`,
      down: `${y} of ${side}`,
      radius: `${state.radius}: ${now.near[i].length - 1} neighbours`,
      layer: `${state.layer} of ${net.layers}: ${now.field.size} agents in the field`,
    };
    const current = { ...state, across: x, down: y, hold: state.holds[i] };
    for (const [name, input] of Object.entries(parts.inputs)) {
      input.value = current[name];
      if (!VALUES[name]) continue;
      input.setAttribute("aria-valuetext", VALUES[name]);
      parts.values[name].textContent = VALUES[name];
    }
    const words = describe(row);
    parts.status.textContent = words;
    parts.picture.setAttribute("aria-label", words);
    clearTimeout(saying);
    saying = setTimeout(() => (parts.live.textContent = words), 400);
  }

  const asked = () => Object.fromEntries(LINKED.map((key) => [key, model.get(key)]));
  set(read(asked()));
  const listeners = LINKED.map((key) => {
    const listener = () => {
      if ((model.get(key) ?? "") !== write()[key]) set(read(asked()));
    };
    model.on(`change:${key}`, listener);
    return () => model.off(`change:${key}`, listener);
  });
  return () => {
    clearTimeout(saying);
    listeners.forEach((off) => off());
  };
}

export { listen, load, nearby, reach };
export default { render };
