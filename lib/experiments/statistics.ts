/** What is said of a few runs of the same recipe: pure functions. */

export interface Spread {
  count: number;
  mean: number;
  /** Standard deviation with n − 1; null for a single value */
  sd: number | null;
}

/** Null without values. */
export function spreadOf(values: readonly number[]): Spread | null {
  const count = values.length;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, sd: count === 1 ? null : Math.sqrt(squares / (count - 1)) };
}

/** Two methods on the same seeds, the first less the second. */
export interface PairedTest {
  /** How many pairs */
  count: number;
  /** Mean difference, and its standard deviation over the pairs */
  mean: number;
  sd: number | null;
  /**
   * Two-sided p of Student's t test on the differences; null with fewer than two pairs, or where all differences are
   * the same
   */
  tTest: number | null;
  /**
   * Two-sided p of the exact sign-flip test, which supposes nothing of the distribution: the share of the 2ⁿ choices of
   * signs whose mean is at least as far from 0. It cannot be below 2/2ⁿ: with 3 pairs 0.25. Null without pairs, and
   * with more than 20, whose choices are too many to go through
   */
  signFlip: number | null;
}

/** More pairs than this make too many choices of signs. */
const mostPairs = 20;

export function pairedTest(differences: readonly number[]): PairedTest {
  const spread = spreadOf(differences);
  if (spread === null) return { count: 0, mean: Number.NaN, sd: null, tTest: null, signFlip: null };
  const { count, mean, sd } = spread;
  // Differences that differ by rounding are the same.
  const apart = sd !== null && sd > 1e-12 * Math.max(...differences.map(Math.abs));
  const tTest = apart ? tailsOfT((mean * Math.sqrt(count)) / sd, count - 1) : null;
  return { count, mean, sd, tTest, signFlip: count <= mostPairs ? signFlip(differences) : null };
}

function signFlip(differences: readonly number[]): number {
  const sum = (signs: number) =>
    Math.abs(differences.reduce((total, value, i) => total + ((signs >> i) & 1 ? -value : value), 0));
  // Sums that differ by rounding are the same.
  const least = sum(0) * (1 - 1e-12);
  const all = 2 ** differences.length;
  let extreme = 0;
  for (let signs = 0; signs < all; signs++) if (sum(signs) >= least) extreme++;
  return extreme / all;
}

/**
 * P(|T| ≥ |t|) of Student's t with n degrees of freedom. With θ = atan(|t|/√n), P(|T| < |t|) is
 *   n even: sin θ · Σ_{j=0}^{(n−2)/2} [(2j−1)!!/(2j)!!] cos^{2j} θ
 *   n odd:  (2/π)·(θ + sin θ · Σ_{j=0}^{(n−3)/2} [(2j)!!/(2j+1)!!] cos^{2j+1} θ)
 * (Abramowitz & Stegun 26.7.3 and 26.7.4). Good to about 1e-15, not to that share of the value: tails below it are 0.
 */
export function tailsOfT(t: number, n: number): number {
  const theta = Math.atan(Math.abs(t) / Math.sqrt(n));
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  const odd = n % 2 === 1;
  let term = odd ? cos : 1;
  let sum = 0;
  for (let j = 0; j < Math.floor(n / 2); j++) {
    sum += term;
    term *= cos ** 2 * (odd ? (2 * j + 2) / (2 * j + 3) : (2 * j + 1) / (2 * j + 2));
  }
  const inside = odd ? (2 / Math.PI) * (theta + sin * sum) : sin * sum;
  return Math.max(0, 1 - inside);
}
