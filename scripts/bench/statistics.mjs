// @ts-check
// The few statistics that the benchmarks use.

/**
 * The value below which a share `q` of the values lies, between two neighbours by linear interpolation.
 * @param {readonly number[]} values
 * @param {number} q from 0 to 1
 */
export function quantile(values, q) {
  if (values.length === 0) throw new RangeError('quantile: expected at least one value, got none');
  const sorted = [...values].sort((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const low = /** @type {number} */ (sorted[below]);
  const high = sorted[below + 1] ?? low;
  return low + (position - below) * (high - low);
}

/** @param {readonly number[]} values */
export const median = (values) => quantile(values, 0.5);

/** The largest value, also of very many. @param {readonly number[]} values */
export const largest = (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/**
 * Medians of what two sides took, turn by turn, and how far the turns' ratios lie apart.
 *
 * The two runs of a turn stand next to each other in time and so share the machine's mood; the quartiles of the ratios
 * within turns say how much of the difference is more than noise.
 * @param {readonly number[]} ours
 * @param {readonly number[]} peer of the same length
 */
export function compareSamples(ours, peer) {
  const ratios = ours.map((value, turn) => value / /** @type {number} */ (peer[turn]));
  const [oursMedian, peerMedian] = [median(ours), median(peer)];
  return {
    ours: oursMedian,
    peer: peerMedian,
    ratio: oursMedian / peerMedian,
    /** The first and third quartile of the ratios. */
    spread: /** @type {[number, number]} */ ([quantile(ratios, 0.25), quantile(ratios, 0.75)]),
  };
}
