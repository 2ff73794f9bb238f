// @ts-check
// Starts both sides, and makes sure that they are comparable: the same LibTorch, the same number of threads.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonWith } from '../python.mjs';
import { log, root, SetupError } from '../setup/steps.mjs';
import { Side } from './side.mjs';

/**
 * @typedef {object} About
 * @property {string} libtorch
 * @property {string | null} commit of PyTorch's repository that it was built from
 * @property {string} [node]
 * @property {string} [python]
 *
 * @typedef {{ ours: Side; peer: Side; about: { ours: About; peer: About } }} Sides
 */

const here = (/** @type {string} */ file) => fileURLToPath(new URL(file, import.meta.url));

/** @throws {SetupError} where no Python has torch and numpy */
export function findPython() {
  const python = pythonWith('import torch, numpy');
  if (python === null) {
    const named = process.env.INTRACLASS_PYTHON;
    throw new SetupError(
      'the benchmarks compare with PyTorch, and ' +
        `${named ? `${named} cannot` : 'no Python here can'} import torch and numpy.\n` +
        'Type: npm run setup -- --python\n' +
        'or set INTRACLASS_PYTHON to a Python that has torch and numpy.',
    );
  }
  return python;
}

/** @throws {SetupError} unless the package has been compiled */
export function checkBuilt() {
  if (!existsSync(join(root, 'dist', 'tensor', 'index.js'))) {
    throw new SetupError(
      'the benchmarks run the compiled package, and there is no dist/. Type: npm run build',
    );
  }
}

/** Both kinds of threads are set before the libraries start, which some of them ask for only once. @param {number} threads */
const threadsEnv = (threads) => ({ OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) });

/** @param {number} threads @param {string[]} flags of Node.js */
export const startOurs = (threads, flags) =>
  new Side('ours', process.execPath, [...flags, here('ours.mjs')], threadsEnv(threads));

/** @param {string} python @param {number} threads */
export const startPeer = (python, threads) =>
  new Side('PyTorch', python, [here('peer.py')], threadsEnv(threads));

/**
 * @param {{ python: string; threads: number; flags?: string[] }} options
 * @returns {Promise<Sides>}
 * @throws {SetupError} if the sides have different LibTorches
 */
export async function startSides({ python, threads, flags = [] }) {
  const ours = startOurs(threads, flags);
  const peer = startPeer(python, threads);
  const [oursAbout, peerAbout] = await Promise.all(
    [ours, peer].map((side) => side.request({ do: 'about', threads })),
  );
  checkSameLibtorch(oursAbout, peerAbout);
  return { ours, peer, about: { ours: oursAbout, peer: peerAbout } };
}

/** @param {Sides} sides */
export const closeSides = ({ ours, peer }) => Promise.all([ours.close(), peer.close()]);

/** @param {About} ours @param {About} peer @throws {SetupError} */
export function checkSameLibtorch(ours, peer) {
  const describe = (/** @type {About} */ about) =>
    `${about.libtorch} (commit ${about.commit?.slice(0, 10) ?? 'unknown'})`;
  const plain = (/** @type {string} */ version) => version.replace(/\+.*/, '');
  const sameCommit = ours.commit === null || peer.commit === null || ours.commit === peer.commit;
  if (plain(ours.libtorch) !== plain(peer.libtorch) || !sameCommit) {
    throw new SetupError(
      `a comparison needs the same LibTorch on both sides: ours is ${describe(ours)}, Python's ${describe(peer)}.\n` +
        `Type: npm run setup -- --python\nor set INTRACLASS_PYTHON to a Python with torch ${plain(ours.libtorch)}.`,
    );
  }
  if (ours.commit === null)
    log('note: our LibTorch does not say which commit it was built from; the versions agree');
}
