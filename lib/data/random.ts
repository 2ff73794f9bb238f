/**
 * Small random numbers for drawing: a counter hashed to 32 bits (the finaliser of MurmurHash3). A generator belongs to
 * one (seed, index), so that image i is the same whatever was drawn before it.
 */
export class DrawingRandom {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = mix(Math.imul(seed, 0x9e3779b1) ^ mix(index + 0x632be5ab));
  }

  /** From `low` to `high`, evenly. */
  uniform(low = 0, high = 1): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return low + ((high - low) * (mix(this.#state) >>> 0)) / 2 ** 32;
  }

  /** Normal with mean 0 and standard deviation `std` (Box–Muller, one of the pair). */
  normal(std = 1): number {
    return std * Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** An integer from 0 to n − 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }
}

/**
 * Integers of at least 0, such as a seed and an epoch, hashed to 32 bits, which is all that PyTorch's CPU generator
 * takes of a seed. Their order matters. Where a single one differs, and is below 2^32, the results differ too.
 */
export function mixedSeed(...values: readonly number[]): number {
  let h = 0;
  for (const value of values) {
    for (const word of [value, value / 2 ** 32]) h = mix(h ^ mix((word | 0) + 0x9e3779b9));
  }
  return h >>> 0;
}

/** One to one on 32 bits. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
