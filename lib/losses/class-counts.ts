import { shown } from './check.ts';

/**
 * The number of training images of each class, K integers of at least 1.
 * @param what whose option `classCounts` it is
 * @throws TypeError if they are missing, not K, or one is not an integer of at least 1
 */
export function checkClassCounts(what: string, counts: unknown, numClasses: number): readonly number[] {
  if (!Array.isArray(counts)) {
    throw new TypeError(
      `${what}: classCounts: expected the number of training images of each class, ${numClasses} integers of at ` +
        `least 1, got ${shown(counts)}`,
    );
  }
  if (counts.length !== numClasses) {
    throw new TypeError(
      `${what}: classCounts: expected ${numClasses} integers, one for each class, got ${counts.length}`,
    );
  }
  // A copy without the holes that an array may have, which forEach would pass over.
  const all: number[] = [...counts];
  all.forEach((count, k) => {
    if (!(Number.isSafeInteger(count) && count >= 1)) {
      throw new TypeError(
        `${what}: classCounts: expected integers of at least 1, got ${shown(count)} for class ${k}`,
      );
    }
  });
  return all;
}

/** ln(n_k/Σn), the classes' log-prior probabilities. */
export function logPriorOf(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => Math.log(count / total));
}

/**
 * The weights of Cui et al., "Class-Balanced Loss Based on Effective Number of Samples" (CVPR 2019), Eq. 2:
 *   w_k ∝ (1 − β)/(1 − β^{n_k}),   Σ_k w_k = K.
 * β = 0 weighs all classes alike, β → 1 by 1/n_k. In float64 by expm1: in float32 1 − β^n loses its digits for small n.
 * @param beta from 0 to 1
 */
export function effectiveNumberWeights(counts: readonly number[], beta: number): Float64Array {
  const logBeta = Math.log1p(beta - 1);
  const raw = counts.map((count) => (beta === 1 ? 1 / count : (1 - beta) / -Math.expm1(count * logBeta)));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return Float64Array.from(raw, (weight) => (weight / total) * counts.length);
}
