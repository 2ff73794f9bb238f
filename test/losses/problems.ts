/** Random ICU problems, the grid of options, and finite differences, shared by the tests of this folder. */
import { type IcuOptions, icuDefaults } from '../../lib/losses/icu-options.ts';
import type { IcuInputs } from '../../lib/losses/icu-reference.ts';

/** Uniform in [0, 1), seeded (xorshift with a multiplier, 32 bits). */
export function uniform(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return (Math.imul(state, 0x9e3779b1) >>> 0) / 2 ** 32;
  };
}

/** `count` standard normal values. */
export function normals(count: number, random: () => number): Float64Array {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  }
  return values;
}

export interface Shape {
  N: number;
  K: number;
  D: number;
}

/** A random problem; labels are random classes unless given. σ² lies around 1. */
export function randomProblem(
  { N, K, D }: Shape,
  {
    seed = 1,
    covariance = icuDefaults.covariance,
    labels,
    prior = false,
  }: { seed?: number; covariance?: IcuOptions['covariance']; labels?: number[]; prior?: boolean } = {},
): IcuInputs & { features: Float64Array; logPrior: Float64Array | null } {
  const random = uniform(seed);
  const scale = 1 / Math.sqrt(D);
  return {
    classes: K,
    dims: D,
    features: normals(N * D, random),
    means: normals(K * D, random),
    logVariances: normals(covariance === 'diagonal' ? K * D : K, random).map((s) => 0.5 * s + scale - 0.5),
    labels: labels ?? Array.from({ length: N }, () => Math.floor(random() * K)),
    logPrior: prior ? normals(K, random) : null,
  };
}

/** Labels for N = 7, K = 4: class 1 seen once, class 3 absent, one row ignored. */
export const mixedLabels = [0, 2, 2, -100, 0, 2, 1];

/** Every combination of the options that are names or flags, with margins large enough to be seen. */
export function optionGrid(covariance: IcuOptions['covariance']): IcuOptions[] {
  const grid: IcuOptions[] = [];
  for (const gammaMode of ['covariance', 'determinant', 'logdet'] as const)
    for (const alphaMode of ['distance', 'mahalanobis', 'positive'] as const)
      for (const regReduction of ['sum', 'classes', 'samples'] as const)
        for (const momentCenter of ['learned', 'batch'] as const)
          for (const momentGradient of [true, false])
            for (const reduction of ['mean', 'sum', 'none'] as const)
              grid.push({
                ...icuDefaults,
                ...{
                  covariance,
                  gammaMode,
                  alphaMode,
                  regReduction,
                  momentCenter,
                  momentGradient,
                  reduction,
                },
                ...{ alpha: 0.3, gamma: 0.2, lambdaMean: 0.4, lambdaVar: 0.25 },
              });
  return grid;
}

/** A short name for a combination, for failure messages. */
export const named = (o: IcuOptions, ...more: unknown[]): string =>
  [
    o.covariance,
    o.gammaMode,
    o.alphaMode,
    o.regReduction,
    o.momentCenter,
    o.momentGradient,
    o.reduction,
    ...more,
  ]
    .map(String)
    .join(' ');

/**
 * The gradient of `f` by fourth-order central differences in each element of `at`, which is changed in place and
 * put back: [8(f(+h) − f(−h)) − (f(+2h) − f(−2h))]/(12h), error O(h⁴).
 */
export function finiteDifferences(f: () => number, at: Float64Array, h = 1e-3): Float64Array {
  return at.map((value, j) => {
    const moved = (by: number): number => {
      at[j] = value + by;
      return f();
    };
    const slope = 8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h));
    at[j] = value;
    return slope / (12 * h);
  });
}
