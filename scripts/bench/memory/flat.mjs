// @ts-check
// When memory counts as flat.
import { largest } from '../statistics.mjs';

export const MIB = 2 ** 20;

/**
 * Peak of samples of resident memory, and growth after warm-up: by how much the peak of the later half of what follows
 * it exceeds the peak of the earlier half. Peaks, because with a garbage collector memory is a saw-tooth.
 * @param {readonly number[]} samples in bytes, evenly over the run
 * @param {{ warmUp: number; allowance: number }} options `warmUp`: the share of the run in which caches fill, code is
 *   compiled and the heap finds its size; `allowance`: the growth in bytes that still counts as flat
 */
export function judge(samples, { warmUp, allowance }) {
  const rest = samples.slice(Math.ceil(samples.length * warmUp));
  if (rest.length < 10) {
    throw new RangeError(`judge: expected at least 10 samples after warm-up, got ${rest.length}`);
  }
  const middle = Math.floor(rest.length / 2);
  const growth = Math.max(largest(rest.slice(middle)) - largest(rest.slice(0, middle)), 0);
  return { peak: largest(samples), growth, flat: growth <= allowance };
}
