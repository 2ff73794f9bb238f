// @ts-check
// The ICU loss with its backward pass, from features to the gradients of features, means and log-variances, against
// what a user of PyTorch could write: peer.py has the expressions.
import { availableParallelism } from 'node:os';
import { SetupError } from '../../setup/steps.mjs';
import { closeSides } from '../sides.mjs';
import { fmaPeak } from './peak.mjs';
import { covarianceOf, oneOf, shapeOf } from './problems.mjs';

/**
 * @typedef {import('./problems.mjs').Covariance} Covariance
 * @typedef {'initial' | 'dense' | 'trained'} State
 * @typedef {{ shape: number[]; covariance: Covariance; state: State }} Problem
 */

/**
 * `ms` is what the loss should take at the most, `ratio` what it should cost of the best peer's time, before training
 * (initial and dense) and in the trained state.
 * @type {{ shape: number[]; covariance: Covariance; ms?: number; ratio?: [before: number, trained: number] }[]}
 */
const table = [
  { shape: [128, 10, 2], covariance: 'isotropic', ms: 0.008, ratio: [1 / 10, 1 / 10] },
  { shape: [128, 10, 100], covariance: 'isotropic', ms: 0.015 },
  { shape: [256, 100, 512], covariance: 'isotropic', ratio: [1 / 3, 1 / 3] },
  { shape: [256, 1000, 2048], covariance: 'isotropic', ratio: [1 / 2.3, 1 / 2.3] },
  { shape: [256, 21841, 2048], covariance: 'isotropic', ratio: [1 / 2.5, 1 / 6] },
  { shape: [256, 1000, 2048], covariance: 'diagonal', ms: 20 },
];

/** @param {Problem} problem */
function goalsOf({ shape, covariance, state }) {
  const entry = table.find((each) => each.shape.join() === shape.join() && each.covariance === covariance);
  const goal = entry?.ratio?.[state === 'trained' ? 1 : 0];
  return { ms: entry?.ms, ...(goal !== undefined && { goal }) };
}

/**
 * What the loss does in `ms`, where every class has its share: 6 NKD operations, with a diagonal covariance 12.
 * @param {Problem} problem @param {number} ms @param {number | null} peak GFLOP/s
 */
function workText({ shape: [N = 0, K = 0, D = 0], covariance, state }, ms, peak) {
  if (state !== 'dense') return '';
  const rate = ((covariance === 'diagonal' ? 12 : 6) * N * K * D) / ms / 1e6;
  const share = peak === null ? '' : `, ${Math.round((100 * rate) / peak)}% of the FMA peak`;
  return `${rate.toPrecision(3)} GFLOP/s${share}`;
}

/** Far from any class every class has its share of the gradient; near its own, nearly none of the others has. */
const states = /** @type {const} */ (['initial', 'dense', 'trained']);

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

/** @param {Record<string, unknown>} options @returns {Problem[]} */
function problemsOf({ shape, covariance, state }) {
  const kind = covarianceOf(covariance);
  const chosen =
    shape === undefined
      ? table.filter((entry) => kind === undefined || entry.covariance === kind)
      : [{ shape: shapeOf(shape), covariance: kind ?? 'isotropic' }];
  const wanted = state === undefined ? states : [oneOf('state', state, states)];
  return chosen.flatMap((entry) => wanted.map((each) => ({ ...entry, state: each })));
}

/**
 * The cases that are asked for, and those of them that are left out since a peer would take too much memory.
 * @param {Record<string, unknown>} options
 * @param {(name: string) => boolean} selected
 */
function casesOf(options, selected) {
  const all = problemsOf(options).flatMap((problem) =>
    peers
      .filter(({ covariances }) => covariances.includes(problem.covariance))
      .map((peer) => ({
        problem,
        peer,
        name: `(${problem.shape.join(', ')}) ${problem.covariance}, ${problem.state}, ${peer.name}`,
        bytes: 4 * peer.elements(problem.shape),
      })),
  );
  const chosen = all.filter(({ name }) => selected(name));
  return {
    cases: chosen.filter(({ bytes }) => bytes <= peerLimit),
    leftOut: chosen.filter(({ bytes }) => bytes > peerLimit),
  };
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
    state: { type: 'string', help: 'initial, dense or trained only' },
    device: { type: 'string', default: 'cpu', help: 'cpu or cuda, for both sides' },
  },
  async run({ options, selected, start, compare, note, temporaryFolder }) {
    const device = oneOf('device', options.device, ['cpu', 'cuda']);
    // Before anything is started: what was typed may be wrong.
    const { cases, leftOut } = casesOf(options, selected);
    for (const { name, bytes } of leftOut) {
      note(`${name}: left out, it would take ${Math.round(bytes / 2 ** 30)} GiB`);
    }
    if (cases.length === 0) {
      if (leftOut.length === 0) return { results: [] };
      throw new SetupError(
        `loss: every case is left out: a tensor of PyTorch's may take ${peerLimit / 2 ** 30} GiB. Type a smaller --shape`,
      );
    }
    const peak = device === 'cpu' ? fmaPeak(options.threads, temporaryFolder()) : null;
    if (device === 'cpu') {
      note(
        peak === null
          ? 'the FMA peak was not measured: there is no C++ compiler'
          : `FMA peak, ${options.threads} threads: ${Math.round(peak)} GFLOP/s`,
      );
    }
    const sides = await start();
    const results = [];
    for (const { problem, peer, name } of cases) {
      const { shape, covariance, state } = problem;
      const { ms, ...goal } = goalsOf(problem);
      const result = await compare(
        {
          ...goal,
          name,
          ours: 'loss',
          peer: peer.key,
          peerName: peer.name,
          settings: { shape, covariance, state, device },
          unit: 'ms',
          check: checkSameWork,
        },
        sides,
      );
      note(`${name}: ours ${result.ours.toPrecision(3)} ms, ${peer.name} ${result.peer.toPrecision(3)} ms`);
      const met = ms === undefined ? '' : `≤ ${ms} ms ${result.ours <= ms ? 'met' : 'missed'}`;
      const work = workText(problem, result.ours, peak);
      const remark = [met, work].filter((part) => part !== '').join('; ');
      results.push({ ...result, shape, covariance, state, peak, ...(remark && { remark }) });
    }
    await closeSides(sides);
    return { results };
  },
};
