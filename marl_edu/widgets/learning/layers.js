// Layers by which agents hear each other: what each computes, and how gradients come back.

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
