// @ts-check
// Times a case on both sides, turn by turn: ours, peer, ours, peer, …
import { calibrate } from './calibrate.mjs';
import { compareSamples, median } from './statistics.mjs';

/**
 * @typedef {object} Comparison
 * @property {string} name as in the table; `--case` selects by it
 * @property {string} ours our case
 * @property {string} peer the peer's case
 * @property {string} peerName
 * @property {Record<string, unknown>} [settings] for both cases
 * @property {'µs' | 'ms'} unit of one iteration's cost
 * @property {number} [granule] the number of iterations is a multiple of this
 * @property {number} [goal] the ratio that it should not exceed
 * @property {(sides: import('./sides.mjs').Sides) => Promise<void>} [check] once both are prepared: whether they do the same work
 *
 * @typedef {object} Result
 * @property {string} case
 * @property {number} ours
 * @property {number} peer
 * @property {string} peerName
 * @property {string} unit
 * @property {number} ratio our cost / the peer's: below 1 we are ahead
 * @property {[number, number]} [spread] quartiles of the ratios of neighbouring runs
 * @property {number} [cpuRatio] the same ratio of processor time, which waiting for a busy core does not lengthen
 * @property {{ ours: number; peer: number }} [iterations] in each run
 * @property {number} [goal]
 * @property {string} [remark] stands at the end of its line in the table
 */

const scales = { µs: 1e6, ms: 1e3 };

/**
 * @param {string} bench
 * @param {Comparison} comparison
 * @param {import('./sides.mjs').Sides} sides
 * @param {{ repeats: number; target: number; progress: (text: string) => void }} options `target`: seconds that a run should take
 * @returns {Promise<Result>}
 */
export async function compare(bench, comparison, sides, { repeats, target, progress }) {
  const { name, peerName, settings = {}, unit, granule = 1, goal, check } = comparison;
  progress(`${name}: preparing`);
  await sides.ours.prepare(bench, comparison.ours, settings);
  await sides.peer.prepare(bench, comparison.peer, settings);
  await check?.(sides);
  // Each side runs for `target`: its clock is fine enough then, and a much slower side does not run for minutes.
  const calibrated = (/** @type {import('./side.mjs').Side} */ side) =>
    calibrate(async (count) => (await side.run(count)).seconds, { target, granule });
  const iterations = { ours: await calibrated(sides.ours), peer: await calibrated(sides.peer) };
  /** @type {Record<'ours' | 'peer', import('./side.mjs').Timing[]>} */
  const timings = { ours: [], peer: [] };
  const scale = { ours: scales[unit] / iterations.ours, peer: scales[unit] / iterations.peer };
  for (let turn = -1; turn < repeats; turn++) {
    const [ours, peer] = [await sides.ours.run(iterations.ours), await sides.peer.run(iterations.peer)];
    if (turn < 0) continue; // warming up
    timings.ours.push(ours);
    timings.peer.push(peer);
    const shown = (/** @type {'ours' | 'peer'} */ side, /** @type {number} */ seconds) =>
      (seconds * scale[side]).toPrecision(3);
    progress(
      `${name}: ${turn + 1} of ${repeats}: ours ${shown('ours', ours.seconds)} ${unit}, ` +
        `${peerName} ${shown('peer', peer.seconds)} ${unit}`,
    );
  }
  const wall = (/** @type {'ours' | 'peer'} */ side) =>
    timings[side].map(({ seconds }) => seconds * scale[side]);
  const cpu = (/** @type {'ours' | 'peer'} */ side) =>
    median(timings[side].map(({ cpuSeconds }) => cpuSeconds * scale[side]));
  return {
    case: name,
    ...compareSamples(wall('ours'), wall('peer')),
    peerName,
    unit,
    cpuRatio: cpu('ours') / cpu('peer'),
    iterations,
    ...(goal !== undefined && { goal }),
  };
}
