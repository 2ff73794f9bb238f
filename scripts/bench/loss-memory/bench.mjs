// @ts-check
// The most memory that the ICU loss and its backward pass take beyond their inputs, gradients included, each in
// processes of its own.
import { problemOf } from '../loss/problems.mjs';
import { closeSides } from '../sides.mjs';

const MIB = 2 ** 20;

/** @type {{ memory: 'store' | 'recompute'; goal: number }[]} */
const modes = [
  { memory: 'store', goal: 250 },
  { memory: 'recompute', goal: 90 },
];

const peers = [
  { name: 'GEMM', key: 'gemm' },
  { name: 'linear_cross_entropy', key: 'linear' },
];

/** The shape that the goals are for. */
const usual = [1024, 50000, 256];

/** @type {import('../main.mjs').Benchmark} */
export default {
  summary: 'peak memory of the ICU loss, forward and backward, gradients included',
  defaults: { threads: 1, repeats: 1 },
  options: {
    shape: { type: 'string', help: `N,K,D (default: ${usual.join(',')})` },
    covariance: { type: 'string', help: 'isotropic or diagonal (default: isotropic)' },
  },
  async run({ options, selected, start, progress, note }) {
    const { shape, covariance } = problemOf(options, usual);
    const settings = { shape, covariance, state: 'dense' };
    const kinds = covariance === 'diagonal' ? peers.slice(0, 1) : peers;
    const results = [];
    /** @type {string[]} */
    const failures = [];
    for (const { memory, goal } of modes) {
      for (const { name: peerName, key } of kinds) {
        const name = `(${shape.join(', ')}) ${covariance}, ${memory}, ${peerName}`;
        if (!selected(name)) continue;
        /** @type {Record<'ours' | 'peer', number>} */
        const peak = { ours: 0, peer: 0 };
        for (let turn = 0; turn < options.repeats; turn++) {
          const sides = await start();
          await sides.ours.prepare('loss-memory', 'loss', { ...settings, memory });
          await sides.peer.prepare('loss-memory', key, settings);
          for (const which of /** @type {const} */ (['ours', 'peer'])) {
            progress(`${name}: ${which === 'ours' ? 'ours' : peerName}`);
            peak[which] = Math.max(peak[which], (await sides[which].ask('peak')) / MIB);
          }
          await closeSides(sides);
        }
        note(`${name}: ours ${peak.ours.toFixed(1)} MiB, ${peerName} ${peak.peer.toFixed(1)} MiB`);
        const aimed = shape.join() === usual.join() && covariance === 'isotropic';
        if (aimed && !(peak.ours <= goal)) {
          failures.push(`${name}: ours took ${peak.ours.toFixed(1)} MiB; ${goal} MiB are allowed`);
        }
        results.push({
          case: name,
          ours: peak.ours,
          peer: peak.peer,
          peerName,
          unit: 'MiB',
          ratio: peak.ours / peak.peer,
          ...(aimed && { remark: `goal ≤ ${goal} MiB` }),
        });
      }
    }
    return { results, failures };
  },
};
