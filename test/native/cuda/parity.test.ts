/**
 * The CUDA operators against the CPU operators and the JavaScript reference, in float64, for every option; where there
 * is no GPU, or the build is for the CPU, they are skipped. scripts/gpu-check/parity.py has what needs a CUDA graph, a
 * second stream or a second device.
 */
import { describe, expect, it } from 'vitest';
import type { IcuOptions } from '../../../lib/losses/icu-options.ts';
import { type IcuInputs, icuForward } from '../../../lib/losses/icu-reference.ts';
import { icuGradients } from '../../../lib/losses/icu-reference-gradients.ts';
import { cuda, grad, operator, scope, type Tensor, tensor } from '../../../lib/tensor/index.ts';
import { mixedLabels, named, optionGrid, randomProblem } from '../../losses/problems.ts';
import { relativeError } from '../../support/close.ts';

const available = cuda.isAvailable();
if (!available) console.warn('skipping the CUDA operators: there is no GPU, or this build is for the CPU');

const covariances = ['isotropic', 'scalar', 'diagonal'] as const;

interface Run {
  classification: Float64Array;
  regularizer: Float64Array;
  diagnostics: Float64Array;
  features: Float64Array;
  means: Float64Array;
  logVariances: Float64Array;
}

const values = (t: Tensor): Float64Array =>
  t.detach().to({ device: 'cpu', dtype: 'float64' }).toTypedArray() as Float64Array;

function run(
  inputs: IcuInputs,
  options: Record<string, unknown>,
  device: string,
  dtype: 'float32' | 'float64' = 'float64',
): Run {
  return scope(() => {
    const { classes: K, dims: D, labels } = inputs;
    const leaf = (numbers: ArrayLike<number>, shape: number[]): Tensor => {
      const made = tensor(Float64Array.from(numbers), { shape, dtype }).to({ device }).detach();
      made.requiresGrad = true;
      return made;
    };
    const x = leaf(inputs.features, [labels.length, D]);
    const means = leaf(inputs.means, [K, D]);
    const logVariances = leaf(inputs.logVariances, options.covariance === 'diagonal' ? [K, D] : [K]);
    const z = tensor(BigInt64Array.from(Array.from(labels, BigInt))).to({ device });
    const prior = inputs.logPrior ? tensor(Float64Array.from(inputs.logPrior)).to({ device }) : null;
    const outputs = operator('icu::loss')(x, z, means, logVariances, prior, options) as Tensor[];
    const [classification, regularizer, diagnostics] = outputs as [Tensor, Tensor, Tensor];
    const weighted = classification.sum().add(regularizer.mul(1.5));
    const [dx, dmu, ds] = grad(weighted, [x, means, logVariances]) as Tensor[];
    return {
      classification: values(classification),
      regularizer: values(regularizer),
      diagnostics: values(diagnostics),
      features: values(dx!),
      means: values(dmu!),
      logVariances: values(ds!),
    };
  });
}

function expectSame(got: Run, right: Run, what: string, tolerance = 1e-10): void {
  for (const name of Object.keys(right) as (keyof Run)[]) {
    const size = Math.sqrt(right[name].reduce((sum, value) => sum + value ** 2, 0));
    const error = relativeError(got[name], right[name]) * Math.min(1, size / 1e-3);
    if (!(error <= tolerance)) expect.fail(`${what}: ${name} is off by ${error}`);
  }
}

/** What the JavaScript reference says. */
function reference(inputs: IcuInputs, options: IcuOptions): Run {
  const { classification, regularizer, diagnostics } = icuForward(inputs, options);
  const gradients = icuGradients(inputs, options, { classification: 1, regularizer: 1.5 });
  const { validRows, negativeShare, featureNorm } = diagnostics;
  return {
    classification: Float64Array.from(typeof classification === 'number' ? [classification] : classification),
    regularizer: Float64Array.of(regularizer),
    diagnostics: Float64Array.of(validRows, negativeShare, featureNorm),
    features: Float64Array.from(gradients.features),
    means: Float64Array.from(gradients.means),
    logVariances: Float64Array.from(gradients.logVariances),
  };
}

describe.skipIf(!available)('the CUDA operators', () => {
  it.each(covariances)('agree with the CPU and the reference for every option, %s', (covariance) => {
    optionGrid(covariance).forEach((options, seed) => {
      const prior = seed % 2 === 1;
      const inputs = randomProblem({ N: 7, K: 4, D: 3 }, { seed, covariance, labels: mixedLabels, prior });
      const got = run(inputs, { ...options }, 'cuda');
      expectSame(got, run(inputs, { ...options }, 'cpu'), `CPU: ${named(options, prior)}`);
      expectSame(got, reference(inputs, options), `reference: ${named(options, prior)}`);
    });
  });

  it('agree with the CPU for the likelihood terms and without ln|Sigma|', () => {
    for (const covariance of covariances)
      for (const likelihood of ['gaussian', 'euclidean'])
        for (const logDeterminant of [true, false])
          for (const shape of [
            { N: 7, K: 4, D: 3 },
            { N: 70, K: 90, D: 40 },
          ]) {
            const options = { covariance, likelihood, logDeterminant, lambdaLikelihood: 0.2 };
            const inputs = randomProblem(shape, { covariance });
            const what = JSON.stringify({ ...options, ...shape });
            expectSame(run(inputs, options, 'cuda'), run(inputs, options, 'cpu'), what);
          }
  });

  it.each([0, 1, 3, 128, 257])('agree with the CPU for N = %d and every K and D', (N) => {
    let turn = 0;
    for (const K of [1, 2, 10, 31, 33, 1000])
      for (const D of [1, 2, 3, 16, 17, 100, 513]) {
        const covariance = covariances[turn++ % 3]!;
        const inputs = randomProblem({ N, K, D }, { seed: turn, covariance });
        for (const memory of ['store', 'recompute']) {
          const [options, what] = [{ covariance, memory }, `${N} ${K} ${D} ${covariance} ${memory}`];
          const right = run(inputs, options, 'cpu');
          expectSame(run(inputs, options, 'cuda'), right, what);
          expectSame(run(inputs, options, 'cuda', 'float32'), right, `float32 ${what}`, 5e-5);
        }
      }
  });

  it('give the same bits on every run', () => {
    for (const covariance of covariances) {
      const inputs = randomProblem({ N: 256, K: 300, D: 200 }, { covariance });
      const first = run(inputs, { covariance }, 'cuda', 'float32');
      for (let again = 0; again < 20; again++)
        expect(run(inputs, { covariance }, 'cuda', 'float32')).toEqual(first);
    }
  });

  it('throw at the next call where a label was no class', () => {
    const inputs = randomProblem({ N: 5, K: 3, D: 2 }, { labels: [0, 1, 7, 2, 0] });
    expect(() => {
      run(inputs, { reduction: 'none' }, 'cuda');
      cuda.synchronize();
      run(inputs, { reduction: 'none' }, 'cuda');
    }).toThrow(/labels: expected a class from 0 to 2 or ignore_index, got 7 in row 2 of an earlier call/);
  });
});
