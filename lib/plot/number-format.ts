/** How the numbers of a linear axis are written, as formats of d3. Where one leaves its precision out, Vega takes it from the ticks. */

/**
 * For an axis from `low` to `high`: Vega's own, without exponents, or with them where a label would be mostly zeros. An
 * axis of a single number has no distance of ticks to take digits from, and shows up to six.
 */
export function numberFormat(low: number, high: number): string | undefined {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  return low === high || largest < 1e-4 || largest >= 1e6 ? ',~g' : undefined;
}

/** For an axis of shares from `low` to `high`: percentages with one digit, or more where ticks are closer than that. */
export function percentFormat(low: number, high: number): string {
  if (low === high) return '.2~%';
  // With about five ticks, their distance is below 0.1% from here on.
  return high - low < 0.0035 ? '%' : '.1%';
}
