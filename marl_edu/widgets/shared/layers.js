// Layers that learn, written out by hand: each computes, and sends gradients back. A matrix is an
// array, one row after the other; every row is an agent of one of the environments.

/** @typedef {Record<string, Float64Array>} Named */

/**
 * C = A Bᵀ, or C += A Bᵀ where `add`: A has m rows of k numbers, B n rows of k, C m rows of n.
 * Two rows by two at a time, with so many rows of B in turn as the fastest memory holds. An odd last
 * row stands in for its missing twin: it is written twice.
 * @param {Float64Array} C @param {Float64Array} A @param {Float64Array} B
 * @param {number} m @param {number} n @param {number} k
 */
export function product(C, A, B, m, n, k, add = false) {
  const block = 2 * Math.max(1, Math.floor(1024 / k)); // 16 KB
  for (let from = 0; from < n; from += block) {
    const to = Math.min(from + block, n);
    for (let i = 0; i < m; i += 2) {
      const i1 = Math.min(i + 1, m - 1);
      const a0 = i * k;
      const a1 = i1 * k;
      for (let j = from; j < to; j += 2) {
        const j1 = Math.min(j + 1, n - 1);
        const b0 = j * k;
        const b1 = j1 * k;
        let s00 = add ? C[i * n + j] : 0;
        let s01 = add ? C[i * n + j1] : 0;
        let s10 = add ? C[i1 * n + j] : 0;
        let s11 = add ? C[i1 * n + j1] : 0;
        for (let l = 0; l < k; l++) {
          const x0 = A[a0 + l];
          const x1 = A[a1 + l];
          const y0 = B[b0 + l];
          const y1 = B[b1 + l];
          s00 += x0 * y0;
          s01 += x0 * y1;
          s10 += x1 * y0;
          s11 += x1 * y1;
        }
        C[i * n + j] = s00;
        C[i * n + j1] = s01;
        C[i1 * n + j] = s10;
        C[i1 * n + j1] = s11;
      }
    }
  }
}

/**
 * T = Aᵀ of an A with m rows of n numbers.
 * @param {Float64Array} T @param {Float64Array} A @param {number} m @param {number} n
 */
export function transpose(T, A, m, n) {
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) T[j * m + i] = A[i * n + j];
}

/** A dense layer: Y = X Wᵀ + b. */
export class Dense {
  /**
   * @param {Named} weights @param {Named} gradients by the same names, added to by `backward`
   * @param {string} name of the layer @param {number} rows @param {number} inputs
   * @param {number} outputs
   */
  constructor(weights, gradients, name, rows, inputs, outputs) {
    this.rows = rows;
    this.inputs = inputs;
    this.outputs = outputs;
    this.W = weights[`${name}.weight`];
    this.b = weights[`${name}.bias`]; // some have none
    this.dW = gradients[`${name}.weight`];
    this.db = gradients[`${name}.bias`];
    /** @type {Float64Array} */
    this.X = new Float64Array();
    this.Y = new Float64Array(rows * outputs);
    this.dX = new Float64Array(rows * inputs);
    this.turned = [inputs * outputs, rows * outputs, rows * inputs].map(
      (size) => new Float64Array(size),
    );
  }

  /** @param {Float64Array} X */
  forward(X) {
    const { W, b, Y, rows, inputs, outputs } = this;
    this.X = X;
    if (b) for (let r = 0; r < rows; r++) Y.set(b, r * outputs);
    product(Y, X, W, rows, outputs, inputs, b !== undefined);
    return Y;
  }

  /**
   * Adds to the gradients of W and b; returns that of X where `further`.
   * @param {Float64Array} dY
   */
  backward(dY, further = true) {
    const { W, X, dX, dW, db, rows, inputs, outputs } = this;
    const [Wt, dYt, Xt] = this.turned;
    transpose(dYt, dY, rows, outputs);
    transpose(Xt, X, rows, inputs);
    product(dW, dYt, Xt, outputs, inputs, rows, true);
    if (db) for (let k = 0; k < rows * outputs; k++) db[k % outputs] += dY[k];
    if (!further) return dX;
    transpose(Wt, W, outputs, inputs);
    product(dX, dY, Wt, rows, inputs, outputs);
    return dX;
  }
}

/**
 * A GRU's first step: its memory is empty, so that W_hh h is 0 and b_hh alone is left of it.
 * r = σ(a_r + b_r), u = σ(a_u + b_u), n = tanh(a_n + r b_n), h = (1 − u) n, with a = W_ih x + b_ih.
 */
export class FirstMemory {
  /**
   * @param {Named} weights @param {Named} gradients @param {string} name of the layer
   * @param {number} rows @param {number} D
   */
  constructor(weights, gradients, name, rows, D) {
    this.sizes = { rows, D };
    const [W, b] = [`${name}.weight_ih`, `${name}.bias_ih`];
    this.input = new Dense(
      { "ih.weight": weights[W], "ih.bias": weights[b] },
      { "ih.weight": gradients[W], "ih.bias": gradients[b] },
      "ih",
      rows,
      D,
      3 * D,
    );
    this.b = weights[`${name}.bias_hh`];
    this.db = gradients[`${name}.bias_hh`];
    this.gates = new Float64Array(rows * 3 * D); // r, u, n of each row
    this.dA = new Float64Array(rows * 3 * D);
    this.H = new Float64Array(rows * D);
  }

  /** @param {Float64Array} X */
  forward(X) {
    const { rows, D } = this.sizes;
    const { b, gates, H } = this;
    const A = this.input.forward(X);
    for (let r = 0; r < rows; r++) {
      const at = 3 * r * D;
      for (let d = 0; d < D; d++) {
        const reset = 1 / (1 + Math.exp(-A[at + d] - b[d]));
        const keep = 1 / (1 + Math.exp(-A[at + D + d] - b[D + d]));
        const fresh = Math.tanh(A[at + 2 * D + d] + reset * b[2 * D + d]);
        gates[at + d] = reset;
        gates[at + D + d] = keep;
        gates[at + 2 * D + d] = fresh;
        H[r * D + d] = (1 - keep) * fresh;
      }
    }
    return H;
  }

  /** The gradient of X. @param {Float64Array} dH */
  backward(dH) {
    const { rows, D } = this.sizes;
    const { b, db, gates, dA } = this;
    for (let r = 0; r < rows; r++) {
      const at = 3 * r * D;
      for (let d = 0; d < D; d++) {
        const reset = gates[at + d];
        const keep = gates[at + D + d];
        const fresh = gates[at + 2 * D + d];
        const dFresh = dH[r * D + d] * (1 - keep) * (1 - fresh * fresh);
        const dReset = dFresh * b[2 * D + d] * reset * (1 - reset);
        const dKeep = -dH[r * D + d] * fresh * keep * (1 - keep);
        dA[at + d] = dReset;
        dA[at + D + d] = dKeep;
        dA[at + 2 * D + d] = dFresh;
        db[d] += dReset;
        db[D + d] += dKeep;
        db[2 * D + d] += dFresh * reset;
      }
    }
    return this.input.backward(dA);
  }
}

/** Adam, on all weights at once, after the gradient's norm was cut. */
export class Adam {
  /** @param {number} size */
  constructor(size) {
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
    this.steps = 0;
  }

  /**
   * One step. Returns the norm that the gradient had.
   * @param {Float64Array} weights @param {Float64Array} gradient @param {number} lr
   * @param {number} longest norm of the gradient
   */
  step(weights, gradient, lr, longest) {
    const [slow, slower, eps] = [0.9, 0.999, 1e-8]; // as in the paper and in PyTorch
    this.steps += 1;
    let norm = 0;
    for (let k = 0; k < gradient.length; k++) norm += gradient[k] * gradient[k];
    norm = Math.sqrt(norm);
    const cut = Math.min(1, longest / (norm + 1e-6));
    const rate = lr / (1 - slow ** this.steps);
    const bias = Math.sqrt(1 - slower ** this.steps);
    const { first, second } = this;
    for (let k = 0; k < gradient.length; k++) {
      const g = cut * gradient[k];
      first[k] = slow * first[k] + (1 - slow) * g;
      second[k] = slower * second[k] + (1 - slower) * g * g;
      weights[k] -= (rate * first[k]) / (Math.sqrt(second[k]) / bias + eps);
    }
    return norm;
  }
}

/** Name and shape of each array of weights, in order. @typedef {[string, number[]][]} Shapes */

/** Those of a dense layer. @param {string} name @param {number} outputs @param {number} inputs @returns {Shapes} */
export const denseShapes = (name, outputs, inputs) => [
  [`${name}.weight`, [outputs, inputs]],
  [`${name}.bias`, [outputs]],
];

/** Those of a first memory. @param {string} name @param {number} D @returns {Shapes} */
export const memoryShapes = (name, D) => [
  [`${name}.weight_ih`, [3 * D, D]],
  [`${name}.bias_ih`, [3 * D]],
  [`${name}.bias_hh`, [3 * D]],
];

/** Numbers by name, and all of them in one array. @param {Shapes} shapes */
export function room(shapes) {
  const sizes = shapes.map(([, shape]) => shape.reduce((a, b) => a * b, 1));
  const flat = new Float64Array(sizes.reduce((a, b) => a + b, 0));
  /** @type {Named} */
  const named = {};
  let at = 0;
  shapes.forEach(([name], k) => {
    named[name] = flat.subarray(at, at + sizes[k]);
    at += sizes[k];
  });
  return { flat, named };
}

/**
 * The weights that PyTorch's layers start with, from other random numbers: uniform up to
 * 1 / √inputs; a policy that starts undecided.
 * @param {Shapes} shapes @param {Named} weights @param {() => number} draw
 */
export function initialise(shapes, weights, draw) {
  let inputs = 1;
  for (const [name, shape] of shapes) {
    inputs = shape[1] ?? inputs; // a bias follows its matrix
    const scale = name === "policy.bias" ? 0 : name === "policy.weight" ? 0.1 : 1;
    const most = scale / Math.sqrt(inputs);
    for (let k = 0; k < weights[name].length; k++) weights[name][k] = most * (2 * draw() - 1);
  }
}

/** x = max(x, 0). @param {Float64Array} x */
export function relu(x) {
  for (let k = 0; k < x.length; k++) if (x[k] < 0) x[k] = 0;
}

/** x += y. @param {Float64Array} x @param {Float64Array} y */
export function add(x, y) {
  for (let k = 0; k < x.length; k++) x[k] += y[k];
}

/** Goes through all stages of a pass without a stop. @param {Iterable<unknown>} stages */
export function run(stages) {
  for (const _ of stages);
}
