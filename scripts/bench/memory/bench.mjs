// @ts-check
// Whether resident memory stays flat: while tensors are made and never disposed, and over many training steps.
import { closeSides } from '../sides.mjs';
import { judge, MIB } from './flat.mjs';

const PEER = 'PyTorch';

/**
 * @type {{
 *   name: string;
 *   key: string;
 *   settings: object;
 *   request: { count: number; every: number };
 *   limits: { warmUp: number; allowance: number };
 * }[]}
 */
const cases = [
  {
    name: '1,000,000 undisposed tensors',
    key: 'undisposed',
    settings: {},
    // As many again before, until the collector has found its rhythm. How many tensors wait for it varies by tens of
    // mebibytes; whether any is lost is counted exactly below.
    request: { count: 2_000_000, every: 5_000 },
    limits: { warmUp: 0.5, allowance: 64 * MIB },
  },
  {
    name: '5,000 training steps',
    key: 'steps',
    settings: { model: 'mnist-2d', loss: 'icu', batch: 8, images: 2048 },
    request: { count: 5_000, every: 25 },
    limits: { warmUp: 0.2, allowance: 8 * MIB },
  },
];

/** @param {number} bytes */
const mib = (bytes) => (bytes / MIB).toFixed(1);

/** @type {import('../main.mjs').Benchmark} */
export default {
  summary: 'resident memory over 1,000,000 undisposed tensors and 5,000 training steps',
  defaults: { threads: 1, repeats: 1 },
  async run({ options, selected, start, temporaryFolder, progress, note }) {
    const results = [];
    /** @type {string[]} */
    const failures = [];
    for (const { name, key, settings, request, limits } of cases.filter(({ name }) => selected(name))) {
      /** @type {Record<'ours' | 'peer', ReturnType<typeof judge>[]>} */
      const judged = { ours: [], peer: [] };
      for (let turn = 0; turn < options.repeats; turn++) {
        // Fresh processes: what an earlier case has grown is not to be found here.
        // Nor V8's young generation, which doubles by 16 MiB at a time of its own, before the warm-up or thousands of steps after it.
        const sides = await start({ flags: ['--expose-gc', '--max-semi-space-size=8'] });
        const folder = temporaryFolder();
        for (const which of /** @type {const} */ (['ours', 'peer'])) {
          const side = sides[which];
          const label = which === 'ours' ? 'ours' : PEER;
          await side.prepare('memory', key, { ...settings, folder });
          const shown = (/** @type {number} */ share) =>
            progress(`${name}: ${label} ${Math.round(100 * share)}%`);
          const { resident, live } = await side.ask('measure', request, shown);
          const verdict = judge(resident, limits);
          judged[which].push(verdict);
          note(
            `${name}: ${label} peak ${mib(verdict.peak)} MiB, before ${mib(resident[0])} MiB, growth after warm-up ${mib(verdict.growth)} MiB`,
          );
          if (which === 'peer') continue;
          if (!verdict.flat) {
            failures.push(
              `${name}: our resident memory grew by ${mib(verdict.growth)} MiB after warm-up; ${mib(limits.allowance)} MiB are allowed`,
            );
          }
          if (live.after > live.before) {
            failures.push(
              `${name}: ${live.after - live.before} of our tensors were still alive after a collection at the end`,
            );
          }
        }
        await closeSides(sides);
      }
      const worst = (/** @type {'ours' | 'peer'} */ which, /** @type {'peak' | 'growth'} */ what) =>
        Math.max(...judged[which].map((verdict) => verdict[what])) / MIB;
      const [ours, peer] = [worst('ours', 'peak'), worst('peer', 'peak')];
      const growth = { ours: worst('ours', 'growth'), peer: worst('peer', 'growth') };
      results.push({
        case: `${name}: peak`,
        ours,
        peer,
        peerName: PEER,
        unit: 'MiB',
        ratio: ours / peer,
        growth,
        flat: judged.ours.every(({ flat }) => flat),
        remark: `grew by ${growth.ours.toFixed(1)} MiB after warm-up, ${PEER} by ${growth.peer.toFixed(1)}`,
      });
    }
    return { results, failures };
  },
};
