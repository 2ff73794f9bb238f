// @ts-check
// How many iterations a timed run has: enough that starting and stopping the clock does not count.

/**
 * The number of iterations that takes about `target` seconds, found by trying ever more of them (which also warms up).
 * @param {(iterations: number) => Promise<number>} secondsOf runs that many iterations and says how long they took
 * @param {{ target: number; granule?: number; limit?: number }} options `granule`: the number is a multiple of this
 * @returns {Promise<number>}
 */
export async function calibrate(secondsOf, { target, granule = 1, limit = 1e8 }) {
  const whole = (/** @type {number} */ iterations) =>
    Math.max(1, Math.ceil(Math.min(iterations, limit) / granule)) * granule;
  for (let iterations = granule; ; ) {
    const seconds = await secondsOf(iterations);
    // A quarter of the target tells the rate well enough; from there on it is only scaled.
    if (seconds >= target / 4 || iterations >= limit) return whole((iterations * target) / seconds);
    const growth = Math.min(Math.max(target / 4 / Math.max(seconds, 1e-9), 2), 10);
    iterations = whole(iterations * growth);
  }
}
