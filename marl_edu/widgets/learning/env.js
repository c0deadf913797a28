// The speaker probe, as in marl_edu/envs/speaker_probe.py: everybody is asked for the symbol of the
// agent that wears a colour.

/** The same draws give the same questions as in Python. */
export class Questions {
  /** @param {number} envs @param {number} N agents @param {number} M symbols */
  constructor(envs, N, M) {
    this.sizes = { envs, N, M };
    this.colour = new Uint8Array(envs * N);
    this.symbol = new Uint8Array(envs * N);
    this.asked = new Uint8Array(envs * N); // the number of the agent that wears the asked colour
    this.answer = new Uint8Array(envs * N);
    this.drawn = new Float64Array(3 * N);
  }

  /** New questions everywhere. @param {() => number} draw from [0, 1) */
  deal(draw) {
    const { envs, N, M } = this.sizes;
    const { colour, symbol, asked, answer, drawn } = this;
    for (let b = 0; b < envs; b++) {
      for (let k = 0; k < 3 * N; k++) drawn[k] = draw();
      const at = b * N;
      for (let i = 0; i < N; i++) {
        let place = i; // colours in the order of their draws, smallest first
        for (; place > 0 && drawn[colour[at + place - 1]] > drawn[i]; place--)
          colour[at + place] = colour[at + place - 1];
        colour[at + place] = i;
        symbol[at + i] = drawn[N + i] * M;
        asked[at + i] = (i + 1 + Math.floor(drawn[2 * N + i] * (N - 1))) % N;
      }
      for (let i = 0; i < N; i++) answer[at + i] = symbol[at + asked[at + i]];
    }
  }

  /**
   * Writes what everybody sees, of some environments: own colour, own symbol, asked colour.
   * @param {Float64Array} obs @param {number} first @param {number} count
   */
  show(obs, first, count) {
    const { N, M } = this.sizes;
    const { colour, symbol, asked } = this;
    const O = 2 * N + M;
    obs.fill(0);
    for (let r = 0; r < count * N; r++) {
      const i = first * N + r;
      obs[r * O + colour[i]] = 1;
      obs[r * O + N + symbol[i]] = 1;
      obs[r * O + N + M + colour[i - (i % N) + asked[i]]] = 1;
    }
  }
}
