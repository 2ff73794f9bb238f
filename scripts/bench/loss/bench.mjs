// @ts-check
// The ICU loss with its backward pass, from features to the gradients of features, means and log-variances, against
// what a user of PyTorch could write: peer.py has the expressions.
import { availableParallelism } from 'node:os';
import { SetupError } from '../../setup/steps.mjs';
import { closeSides } from '../sides.mjs';

/**
 * @typedef {'isotropic' | 'diagonal'} Covariance
 * @typedef {'dense' | 'trained'} State
 * @typedef {{ shape: number[]; covariance: Covariance; state: State }} Problem
 */

/** @type {{ shape: number[]; covariance: Covariance }[]} */
const table = [
  { shape: [128, 10, 2], covariance: 'isotropic' },
  { shape: [128, 10, 100], covariance: 'isotropic' },
  { shape: [256, 100, 512], covariance: 'isotropic' },
  { shape: [256, 1000, 2048], covariance: 'isotropic' },
  { shape: [256, 21841, 2048], covariance: 'isotropic' },
  { shape: [256, 1000, 2048], covariance: 'diagonal' },
];
/** Far from any class every class has its share of the gradient; near its own, nearly none of the others has. */
const states = /** @type {const} */ (['dense', 'trained']);

/** The most bytes that a peer's largest tensor may have. */
const peerLimit = 2 ** 31;

const perPair = (/** @type {number[]} */ [N = 0, K = 0]) => 8 * N * K;

/** @type {{ name: string; key: string; covariances: Covariance[]; elements: (shape: number[]) => number }[]} */
const peers = [
  {
    name: 'broadcast',
    key: 'broadcast',
    covariances: ['isotropic', 'diagonal'],
    // Differences, their squares, and the gradients of both.
    elements: ([N = 0, K = 0, D = 0]) => 4 * N * K * D,
  },
  { name: 'cdist', key: 'cdist', covariances: ['isotropic'], elements: perPair },
  {
    name: 'GEMM',
    key: 'gemm',
    covariances: ['isotropic', 'diagonal'],
    elements: perPair,
  },
  {
    name: 'GEMM, compiled',
    key: 'compiled',
    covariances: ['isotropic', 'diagonal'],
    elements: perPair,
  },
  {
    name: 'linear_cross_entropy',
    key: 'linear',
    covariances: ['isotropic'],
    elements: perPair,
  },
];

/** @param {unknown} text @returns {number[]} */
function shapeOf(text) {
  const sizes = String(text).split(/[,x]/).map(Number);
  if (sizes.length !== 3 || !sizes.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new SetupError(
      `--shape: expected N,K,D, three whole numbers of at least 1, got ${JSON.stringify(text)}`,
    );
  }
  return sizes;
}

/** @template {string} T @param {string} name @param {unknown} value @param {readonly T[]} among @returns {T} */
function oneOf(name, value, among) {
  if (!among.includes(/** @type {T} */ (value))) {
    throw new SetupError(`--${name}: expected ${among.join(' or ')}, got ${JSON.stringify(value)}`);
  }
  return /** @type {T} */ (value);
}

/** @param {Record<string, unknown>} options @returns {Problem[]} */
function problemsOf({ shape, covariance, state }) {
  const kind =
    covariance === undefined ? undefined : oneOf('covariance', covariance, ['isotropic', 'diagonal']);
  const chosen =
    shape === undefined
      ? table.filter((entry) => kind === undefined || entry.covariance === kind)
      : [{ shape: shapeOf(shape), covariance: kind ?? 'isotropic' }];
  const wanted = state === undefined ? states : [oneOf('state', state, states)];
  return chosen.flatMap((entry) => wanted.map((each) => ({ ...entry, state: each })));
}

/**
 * Both sides' parts of the loss and norms of the gradients. The expanded forms lose digits where means and features are
 * close: a thousandth tells other work from other rounding.
 * @param {import('../sides.mjs').Sides} sides
 */
async function checkSameWork({ ours, peer }) {
  const [a, b] = [await ours.ask('values'), await peer.ask('values')];
  a.forEach((/** @type {number} */ value, /** @type {number} */ i) => {
    if (!(Math.abs(value - b[i]) <= 1e-3 * Math.abs(b[i]) + 1e-4)) {
      throw new Error(`the sides do different work: ${a.join(', ')} here, ${b.join(', ')} in PyTorch`);
    }
  });
}

/** @type {import('../main.mjs').Benchmark} */
export default {
  summary: 'the ICU loss, forward and backward, against expressions in PyTorch',
  defaults: { threads: availableParallelism(), repeats: 7 },
  options: {
    shape: { type: 'string', help: 'N,K,D instead of the table of shapes' },
    covariance: { type: 'string', help: 'isotropic or diagonal only' },
    state: { type: 'string', help: 'dense or trained only' },
  },
  async run({ options, selected, start, compare, note }) {
    const sides = await start();
    const results = [];
    for (const { shape, covariance, state } of problemsOf(options)) {
      for (const { name: peerName, key, covariances, elements } of peers) {
        const name = `(${shape.join(', ')}) ${covariance}, ${state}, ${peerName}`;
        if (!covariances.includes(covariance) || !selected(name)) continue;
        if (4 * elements(shape) > peerLimit) {
          note(`${name}: left out, it would take ${Math.round((4 * elements(shape)) / 2 ** 30)} GiB`);
          continue;
        }
        const result = await compare(
          {
            name,
            ours: 'loss',
            peer: key,
            peerName,
            settings: { shape, covariance, state },
            unit: 'ms',
            check: checkSameWork,
          },
          sides,
        );
        note(`${name}: ours ${result.ours.toPrecision(3)} ms, ${peerName} ${result.peer.toPrecision(3)} ms`);
        results.push({ ...result, shape, covariance, state });
      }
    }
    await closeSides(sides);
    return { results };
  },
};
