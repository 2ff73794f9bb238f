/** Builds and runs run.cpp: the CUDA kernels' source on the CPU. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IcuOptions } from '../../../lib/losses/icu-options.ts';
import { cxx } from '../../../lib/native/tools.mjs';
import { firstLine, hashOf, root, step } from '../../../scripts/setup/steps.mjs';

export interface Options extends Partial<IcuOptions> {
  logDeterminant?: boolean;
  lambdaLikelihood?: number;
  likelihood?: 'gaussian' | 'euclidean';
}

/** float16 and bfloat16 are of the features; parameters are float32 then. */
export type Features = 'float32' | 'float64' | 'float16' | 'bfloat16';

export interface Case {
  features: Features;
  N: number;
  K: number;
  D: number;
  x: Float64Array;
  means: Float64Array;
  logVariances: Float64Array;
  logPrior?: Float64Array | null;
  options?: Options;
  /** Of the loss; without them the case is of the distances. */
  labels?: readonly number[];
  /** Gradients that arrive: of the classification (one, or one for each row), the regulariser and the total. */
  upstream?: { classification?: ArrayLike<number>; regularizer?: number; total?: number };
  /** Gradient that arrives at the distances, (N, K). */
  gradient?: Float64Array;
  /** Whether the gaps are kept for the backward pass. Default true. */
  store?: boolean;
  /** Gradients wanted: of features, means, log-variances. Default all. */
  mask?: readonly [boolean, boolean, boolean];
  /** int64 labels. Default true. */
  wideLabels?: boolean;
  /** Elements left out between rows of features, means and log-variances, and between labels. Default 0. */
  gap?: number;
  /** Whether small problems may take one launch. Default false, so that the other kernels are met. */
  tiny?: boolean;
  /** Distances by split TF32. Default false. */
  splitTf32?: boolean;
  chunkBytes?: number;
  classesOfARow?: number;
  /** Leaves out the run in descending order. Default false. */
  once?: boolean;
  /** That the device has: more of them divide the work further. Default 4. */
  processors?: number;
}

export interface Result {
  /** Whether ascending and descending order of threads and blocks gave the same bits. */
  repeatable: boolean;
  launches: { forward: number; backward: number };
  /** That the backward pass asks of the allocator, all of which it keeps until its end. */
  backwardBytes: number;
  /** Between a thread and its warp, shuffles above all: a pair that split TF32 computes again takes 7 of each of 32. */
  exchanges: number;
  /** What the kernels reported of a label that is no class; null where there was none. */
  badLabel: { label: number; row: number; classes: number } | null;
  classification: Float64Array;
  regularizer: number;
  total: number;
  diagnostics: Float64Array;
  distances: Float64Array;
  features: Float64Array;
  means: Float64Array;
  logVariances: Float64Array;
}

const compiler = cxx();

/** Null, or why the kernels cannot be run here. */
export function missing(): string | null {
  if (process.platform === 'win32') return 'the emulator needs ucontext';
  if (firstLine(compiler, ['--version']) === null) return `there is no C++ compiler (${compiler})`;
  return null;
}

/** Compiles run.cpp where a source has changed; returns the program. */
export async function build(): Promise<string> {
  const folder = join(root, 'build', 'emulator');
  const program = join(folder, 'run');
  const sources = ['test/native/cuda', 'native/icu/cuda'];
  const flags = [
    ...['-std=c++20', '-O1', '-Wall', '-Wextra', '-ffp-contract=fast'],
    ...(process.platform === 'linux'
      ? ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-fno-sanitize=null,vptr']
      : []),
  ];
  const compile = async () => {
    mkdirSync(folder, { recursive: true });
    const args = [...flags, ...sources.map((name) => `-I${name}`)];
    const files = ['test/native/cuda/run.cpp', 'test/native/cuda/emulator.cpp'];
    const { status, stderr } = spawnSync(compiler, [...args, ...files, '-o', program], {
      cwd: root,
      encoding: 'utf8',
    });
    if (status !== 0 || stderr !== '') throw new Error(`${compiler}: ${stderr}`);
  };
  await step('emulator', hashOf(sources, [compiler, flags]), compile, { there: existsSync(program) });
  return program;
}

const letters: Record<Features, string> = { float32: 'f', float64: 'd', float16: 'h', bfloat16: 'b' };
const defaults = {
  ...{ covariance: 'isotropic', alpha: 1e-4, gamma: 1e-3, gammaMode: 'covariance', alphaMode: 'distance' },
  ...{ lambdaMean: 0.1, lambdaVar: 0.1, regReduction: 'sum', momentCenter: 'learned', momentGradient: true },
  ...{ reduction: 'mean', ignoreIndex: -100, minLogVariance: -10, maxLogVariance: 10 },
  ...{ logDeterminant: true, lambdaLikelihood: 0, likelihood: 'gaussian' },
} as const;

/** The numbers that problem.cuh has for the options, and the rest of the case, in the order of run.cpp. */
function encode(c: Case): number[] {
  const o = { ...defaults, ...c.options };
  const { N, K, D, gap = 0, upstream = {} } = c;
  const diagonal = o.covariance === 'diagonal';
  const repeats = o.covariance === 'isotropic' ? D : 1;
  const perDimension = o.covariance === 'scalar' ? 1 : D;
  const counted = o.gammaMode === 'logdet' ? 0 : o.gammaMode === 'determinant' ? 1 : perDimension;
  const [wantX, wantMeans, wantVariances] = c.mask ?? [true, true, true];
  const numbers: (number | boolean)[] = [
    letters[c.features].charCodeAt(0),
    ...[
      c.once ?? false,
      c.labels === undefined,
      N,
      K,
      D,
      diagonal,
      D + gap,
      D + 2 * gap,
      (diagonal ? D : 1) + gap,
    ],
    ...[c.wideLabels ?? true, 1 + gap, o.ignoreIndex, c.store ?? true, wantX, wantMeans, wantVariances],
    ...[c.tiny ?? false, c.chunkBytes ?? 2 ** 24, c.classesOfARow ?? 4096, c.processors ?? 4],
    ...[o.minLogVariance, o.maxLogVariance, o.logDeterminant ? repeats : 0],
    ...[o.alpha, o.gammaMode === 'logdet' ? o.gamma : 0, counted * Math.log1p(o.gamma)],
    ...[o.alphaMode === 'mahalanobis', o.alphaMode === 'positive'],
    ...[o.reduction === 'none', o.reduction === 'mean'],
    ...[o.lambdaMean, o.lambdaVar, o.lambdaLikelihood, o.likelihood === 'euclidean'],
    ...[['sum', 'classes', 'samples'].indexOf(o.regReduction)],
    ...[o.momentCenter === 'batch', o.momentGradient, 1 / repeats, c.splitTf32 ?? false],
    ...[c.logPrior != null, upstream.classification !== undefined],
    ...[upstream.regularizer !== undefined, upstream.total !== undefined],
    ...[...c.x, ...c.means, ...c.logVariances, ...(c.logPrior ?? [])],
  ];
  if (c.labels === undefined) numbers.push(...(c.gradient as Float64Array));
  else {
    numbers.push(...c.labels, ...Array.from(upstream.classification ?? []));
    if (upstream.regularizer !== undefined) numbers.push(upstream.regularizer);
    if (upstream.total !== undefined) numbers.push(upstream.total);
  }
  return numbers.map(Number);
}

function decode(c: Case, repeatable: boolean, values: Float64Array): Result {
  let at = 0;
  const take = (count: number): Float64Array => {
    at += count;
    return values.subarray(at - count, at);
  };
  const { N, K, D } = c;
  const ofLoss = c.labels !== undefined;
  const [forward = 0, backward = 0, backwardBytes = Number.NaN] = take(3);
  const [seen = 0, label = 0, row = 0, classes = 0] = ofLoss ? take(4) : [];
  const [wantX, wantMeans, wantVariances] = c.mask ?? [true, true, true];
  return {
    repeatable,
    launches: { forward, backward },
    backwardBytes,
    badLabel: seen ? { label, row, classes } : null,
    classification: take(ofLoss ? (c.options?.reduction === 'none' ? N : 1) : 0),
    regularizer: take(ofLoss ? 1 : 0)[0] ?? Number.NaN,
    total: take(ofLoss ? 1 : 0)[0] ?? Number.NaN,
    diagnostics: take(ofLoss ? 3 : 0),
    distances: take(ofLoss ? 0 : N * K),
    exchanges: take(1)[0] ?? Number.NaN,
    features: take(wantX ? N * D : 0),
    means: take(wantMeans ? K * D : 0),
    logVariances: take(wantVariances ? c.logVariances.length : 0),
  };
}

/** Runs the cases in one process. */
export function emulate(program: string, cases: readonly Case[]): Result[] {
  const folder = mkdtempSync(join(tmpdir(), 'intraclass-'));
  try {
    const encoded = cases.map(encode);
    const input = new Float64Array(1 + encoded.reduce((sum, numbers) => sum + numbers.length, 0));
    input[0] = cases.length;
    let at = 1;
    for (const numbers of encoded) {
      input.set(numbers, at);
      at += numbers.length;
    }
    const [from, to] = [join(folder, 'cases'), join(folder, 'results')];
    writeFileSync(from, input);
    const { status, signal, stderr } = spawnSync(program, [from, to], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the emulator ended with ${status ?? signal}: ${stderr}`);
    const bytes = readFileSync(to);
    const output = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    let next = 0;
    return cases.map((c) => {
      const [count = 0, repeatable = 0] = output.subarray(next, next + 2);
      next += 2 + count;
      return decode(c, repeatable === 1, output.subarray(next - count, next));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
