/** Mersenne Twister (Matsumoto & Nishimura, 1998) with numpy's seeding by one integer: `numpy.random.RandomState`. */
const N = 624;
const M = 397;

export class Mt19937 {
  readonly #state = new Uint32Array(N);
  #next = N;

  /** @param seed an integer from 0 to 2^32 − 1 */
  constructor(seed: number) {
    // x_0 = seed, x_i = 1812433253·(x_{i−1} ⊕ (x_{i−1} >> 30)) + i
    let x = seed >>> 0;
    for (let i = 0; i < N; i++) {
      this.#state[i] = x;
      x = (Math.imul(1812433253, x ^ (x >>> 30)) + i + 1) >>> 0;
    }
  }

  /** The next 32 random bits, from 0 to 2^32 − 1. */
  uint32(): number {
    if (this.#next === N) this.#twist();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** An integer from 0 to `most`: bits under the mask of its binary digits, drawn anew while they are beyond it. */
  upTo(most: number): number {
    const mask = most === 0 ? 0 : 0xffffffff >>> Math.clz32(most);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= most) return value;
    }
  }

  /** `numpy.random.shuffle`: each place from the last on is swapped with one at or before it. */
  shuffle<T>(values: T[]): void {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.upTo(i);
      [values[i], values[j]] = [values[j]!, values[i]!];
    }
  }

  #twist(): void {
    const x = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (x[i]! & 0x80000000) | (x[(i + 1) % N]! & 0x7fffffff);
      x[i] = x[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
