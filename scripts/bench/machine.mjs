// @ts-check
// What a figure was measured on.
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/**
 * @param {{ threads: number; about: import('./sides.mjs').Sides['about'] }} run
 */
export const describeMachine = ({ threads, about }) => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  threads,
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  system: `${process.platform} ${process.arch}`,
  node: process.versions.node,
  libtorch: about.ours.libtorch,
  libtorchCommit: about.ours.commit,
  python: about.peer.python,
  pythonTorch: about.peer.libtorch,
  pythonTorchCommit: about.peer.commit,
});

/** What makes figures doubtful, or null. @param {number} load processes that want a core, averaged over a minute */
export const busyNote = (load = loadavg()[0] ?? 0) =>
  load < 0.5
    ? null
    : `other work is running on this machine (load ${load.toFixed(1)} before the start): the figures are noisy`;
