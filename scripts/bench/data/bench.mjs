// @ts-check
// How quickly batches are made: CIFAR from memory, cropped and mirrored, and a folder of JPEGs, decoded and cropped.
import { availableParallelism } from 'node:os';
import { closeSides } from '../sides.mjs';
import { wholeNumber } from '../whole.mjs';
import { makePhotos } from './photos.mjs';

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} ours
 * @property {string} peer
 * @property {string} peerName
 * @property {number} batch
 * @property {boolean} [photos] whether it reads the folder of JPEGs
 * @property {number} [goal]
 * @property {number} agree how far the means and deviations of images may lie apart
 */

const PEER = 'torchvision';

/** @type {Case[]} */
const cases = [
  {
    name: 'CIFAR-10, crop and flip, batch 128',
    ours: 'cifar',
    peer: 'cifar',
    peerName: PEER,
    batch: 128,
    goal: 1,
    agree: 1e-4,
  },
  {
    name: 'CIFAR-10, crop and flip, batch 128, against whole batches',
    ours: 'cifar',
    peer: 'cifar in whole batches',
    peerName: 'PyTorch',
    batch: 128,
    agree: 1e-4,
  },
  {
    name: 'JPEG folder to train, batch 32',
    ours: 'folder to train',
    peer: 'folder to train',
    peerName: PEER,
    batch: 32,
    photos: true,
    goal: 1,
    agree: 0.01,
  },
  {
    name: 'JPEG folder to test, batch 32',
    ours: 'folder to test',
    peer: 'folder to test',
    peerName: PEER,
    batch: 32,
    photos: true,
    goal: 1,
    agree: 0.01,
  },
];

/**
 * Both sides make the same batch of images that are not varied; and the batches that are timed, at random each for
 * itself, are alike on average.
 * @param {import('../sides.mjs').Sides} sides
 * @param {Case} entry
 */
async function checkSameWork({ ours, peer }, { agree }) {
  const [a, b] = [await ours.ask('plain'), await peer.ask('plain')];
  const apart = Math.max(
    ...a.map((/** @type {number} */ value, /** @type {number} */ i) => Math.abs(value - b[i])),
  );
  if (!(a.length === b.length && apart <= agree)) {
    throw new Error(`the sides make different batches: their means and deviations are ${apart} apart`);
  }
  const [c, d] = [await ours.ask('varied'), await peer.ask('varied')];
  for (const key of /** @type {const} */ (['shape', 'mean', 'std'])) {
    const same = key === 'shape' ? String(c[key]) === String(d[key]) : Math.abs(c[key] - d[key]) <= 0.05;
    if (!same) throw new Error(`the sides make different batches: ${key} ${c[key]} here, ${d[key]} there`);
  }
}

/** @type {import('../main.mjs').Benchmark} */
export default {
  summary: 'batches a second: CIFAR from memory, cropped and mirrored, and a folder of JPEGs',
  defaults: { threads: 1, repeats: 5 },
  options: {
    workers: {
      type: 'string',
      default: String(availableParallelism()),
      help: 'threads of ours and processes of the peer that decode (default: one a core)',
    },
  },
  async run({ options, selected, start, compare, temporaryFolder, progress, note }) {
    const workers = wholeNumber('workers', options.workers, 64);
    const chosen = cases.filter(({ name }) => selected(name));
    if (chosen.length === 0) return { results: [] };
    const folder = temporaryFolder();
    if (chosen.some(({ photos }) => photos)) {
      progress('making JPEGs');
      note(await makePhotos(folder));
    }
    // No more threads decode on our side than processes on the other.
    process.env.UV_THREADPOOL_SIZE = String(workers);
    const sides = await start();
    const results = [];
    for (const entry of chosen) {
      const { name, ours, peer, peerName, batch, goal } = entry;
      const settings = { folder, batch, workers };
      const comparison = { name, ours, peer, peerName, settings, unit: /** @type {const} */ ('ms'), goal };
      const check = async (/** @type {import('../sides.mjs').Sides} */ prepared) => {
        progress(`${name}: comparing batches`);
        await checkSameWork(prepared, entry);
        note(
          `${name}: ours on ${await prepared.ours.ask('about')}; ${peerName} on ${await prepared.peer.ask('about')}`,
        );
      };
      // Batches that were made ahead while the other side ran are few beside those of three seconds.
      const { cpuRatio, ...result } = await compare({ ...comparison, check }, sides, { target: 3 });
      const rate = (/** @type {number} */ ms) => Math.round((1000 * batch) / ms);
      const imagesPerSecond = { ours: rate(result.ours), peer: rate(result.peer) };
      const remark = `${imagesPerSecond.ours} images/s, ${peerName} ${imagesPerSecond.peer}`;
      note(`${name}: ${remark}`);
      results.push({
        ...result,
        ...(Number.isFinite(cpuRatio) && { cpuRatio }),
        workers,
        imagesPerSecond,
        remark,
      });
    }
    await closeSides(sides);
    return { results };
  },
};
