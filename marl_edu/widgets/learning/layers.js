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

/** Targeted attention, TarMAC's eqs. (3) and (4), over those whom each may hear. */
export class Attention {
  /**
   * @param {number} envs @param {number} N agents @param {number} heads
   * @param {number} dk numbers of a signature @param {number} dv numbers of a value
   */
  constructor(envs, N, heads, dk, dv) {
    this.sizes = { envs, N, heads, dk, dv };
    this.weights = new Float64Array(envs * heads * N * N);
    this.heard = new Float64Array(envs * N * heads * dv);
    this.dQ = new Float64Array(envs * N * heads * dk);
    this.dK = new Float64Array(envs * N * heads * dk);
    this.dV = new Float64Array(envs * N * heads * dv);
    this.row = new Float64Array(N);
    this.Q = this.K = this.V = this.heard;
  }

  /**
   * What everyone hears. `mask[b, i, j]`: receiver i may hear sender j.
   * @param {Float64Array} Q @param {Float64Array} K @param {Float64Array} V @param {Uint8Array} mask
   */
  forward(Q, K, V, mask) {
    const { envs, N, heads, dk, dv } = this.sizes;
    const { weights, heard } = this;
    Object.assign(this, { Q, K, V });
    heard.fill(0);
    for (let b = 0, w = 0; b < envs; b++) {
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < N; i++, w += N) {
          const q = ((b * N + i) * heads + h) * dk;
          let top = -Infinity;
          for (let j = 0; j < N; j++) {
            const k = ((b * N + j) * heads + h) * dk;
            let score = 0;
            for (let d = 0; d < dk; d++) score += Q[q + d] * K[k + d];
            weights[w + j] = score / Math.sqrt(dk);
            if (mask[(b * N + i) * N + j]) top = Math.max(top, weights[w + j]);
          }
          let total = 0;
          for (let j = 0; j < N; j++) {
            weights[w + j] = mask[(b * N + i) * N + j] ? Math.exp(weights[w + j] - top) : 0;
            total += weights[w + j];
          }
          const c = ((b * N + i) * heads + h) * dv;
          for (let j = 0; j < N; j++) {
            weights[w + j] /= total || 1; // who may hear nobody hears nothing
            const v = ((b * N + j) * heads + h) * dv;
            for (let d = 0; d < dv; d++) heard[c + d] += weights[w + j] * V[v + d];
          }
        }
      }
    }
    return heard;
  }

  /** Sends the gradient of what was heard back to dQ, dK and dV. @param {Float64Array} dC */
  backward(dC) {
    const { envs, N, heads, dk, dv } = this.sizes;
    const { weights, Q, K, V, dQ, dK, dV, row } = this;
    for (const each of [dQ, dK, dV]) each.fill(0);
    for (let b = 0, w = 0; b < envs; b++) {
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < N; i++, w += N) {
          const c = ((b * N + i) * heads + h) * dv;
          let mean = 0;
          for (let j = 0; j < N; j++) {
            const v = ((b * N + j) * heads + h) * dv;
            row[j] = 0;
            for (let d = 0; d < dv; d++) {
              row[j] += dC[c + d] * V[v + d];
              dV[v + d] += weights[w + j] * dC[c + d];
            }
            mean += weights[w + j] * row[j];
          }
          const q = ((b * N + i) * heads + h) * dk;
          for (let j = 0; j < N; j++) {
            const k = ((b * N + j) * heads + h) * dk;
            const dScore = (weights[w + j] * (row[j] - mean)) / Math.sqrt(dk);
            for (let d = 0; d < dk; d++) {
              dQ[q + d] += dScore * K[k + d];
              dK[k + d] += dScore * Q[q + d];
            }
          }
        }
      }
    }
  }
}

/** CommNet's eq. (1): everyone hears the mean of the others whom it may hear. */
export class MeanOfOthers {
  /** @param {number} envs @param {number} N agents @param {number} D numbers of a message */
  constructor(envs, N, D) {
    this.sizes = { envs, N, D };
    this.weights = new Float64Array(envs * N * N);
    this.heard = new Float64Array(envs * N * D);
    this.dZ = new Float64Array(envs * N * D);
  }

  /** @param {Float64Array} Z @param {Uint8Array} mask as in `Attention` */
  forward(Z, mask) {
    const { envs, N, D } = this.sizes;
    const { weights, heard } = this;
    heard.fill(0);
    for (let r = 0; r < envs * N; r++) {
      const first = Math.floor(r / N) * N;
      let others = 0;
      for (let j = 0; j < N; j++) others += first + j === r ? 0 : mask[r * N + j];
      for (let j = 0; j < N; j++) {
        const weight = first + j === r ? 0 : mask[r * N + j] / Math.max(others, 1);
        weights[r * N + j] = weight;
        for (let d = 0; d < D; d++) heard[r * D + d] += weight * Z[(first + j) * D + d];
      }
    }
    return heard;
  }

  /** The gradient of Z. @param {Float64Array} dC */
  backward(dC) {
    const { envs, N, D } = this.sizes;
    const { weights, dZ } = this;
    dZ.fill(0);
    for (let r = 0; r < envs * N; r++) {
      const first = Math.floor(r / N) * N;
      for (let j = 0; j < N; j++) {
        const weight = weights[r * N + j];
        for (let d = 0; d < D; d++) dZ[(first + j) * D + d] += weight * dC[r * D + d];
      }
    }
    return dZ;
  }
}

/**
 * A GRU's first step: its memory is empty, so that W_hh h is 0 and b_hh alone is left of it.
 * r = σ(a_r + b_r), u = σ(a_u + b_u), n = tanh(a_n + r b_n), h = (1 − u) n, with a = W_ih x + b_ih.
 */
export class FirstMemory {
  /** @param {Named} weights @param {Named} gradients @param {number} rows @param {number} D */
  constructor(weights, gradients, rows, D) {
    this.sizes = { rows, D };
    this.input = new Dense(
      { "ih.weight": weights["memory.weight_ih"], "ih.bias": weights["memory.bias_ih"] },
      { "ih.weight": gradients["memory.weight_ih"], "ih.bias": gradients["memory.bias_ih"] },
      "ih",
      rows,
      D,
      3 * D,
    );
    this.b = weights["memory.bias_hh"];
    this.db = gradients["memory.bias_hh"];
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
