/** The native operators against the reference in float64, 1e-10 for every value and gradient. */
import { describe, expect, it } from 'vitest';
import type { IcuOptions } from '../../lib/losses/icu-options.ts';
import { type IcuInputs, icuDistances, icuForward } from '../../lib/losses/icu-reference.ts';
import {
  type IcuUpstream,
  icuDistancesGradients,
  icuGradients,
} from '../../lib/losses/icu-reference-gradients.ts';
import { relativeError } from '../support/close.ts';
import { nativeDistances, nativeLoss } from './native.ts';
import { mixedLabels, named, normals, optionGrid, randomProblem, uniform } from './problems.ts';

const covariances = ['isotropic', 'scalar', 'diagonal'] as const;
const tolerance = 1e-10;

/** ‖got − expected‖ ≤ 1e-10·max(‖expected‖, 1e-3); the latter for gradients that cancel to nearly nothing. */
function expectSame(got: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expect(got.length, what).toBe(expected.length);
  const size = Math.sqrt(Array.from(expected).reduce((sum, value) => sum + value ** 2, 0));
  const error = relativeError(got, expected) * Math.min(1, size / 1e-3);
  if (size === 0) {
    expect(
      Array.from(got).every((value) => value === 0),
      `${what}: expected zeros`,
    ).toBe(true);
  } else if (!(error <= tolerance)) {
    expect.fail(`${what}: off by ${error}`);
  }
}

function expectParity(
  inputs: IcuInputs,
  options: Partial<IcuOptions>,
  upstream: IcuUpstream,
  what: string,
): void {
  const forward = icuForward(inputs, options);
  const gradients = icuGradients(inputs, options, upstream);
  const got = nativeLoss(inputs, options, { upstream });
  const { validRows, negativeShare, featureNorm } = forward.diagnostics;
  const classification =
    typeof forward.classification === 'number' ? [forward.classification] : forward.classification;
  expectSame(got.classification, classification, `${what}: classification`);
  expectSame(got.regularizer, [forward.regularizer], `${what}: regularizer`);
  expectSame(got.diagnostics, [validRows, negativeShare, featureNorm], `${what}: diagnostics`);
  for (const name of ['features', 'means', 'logVariances'] as const) {
    expectSame(got[name], gradients[name], `${what}: gradient of ${name}`);
  }
}

describe.each(covariances)('%s covariance', (covariance) => {
  const grid = optionGrid(covariance);

  it('agrees with every option', () => {
    for (const prior of [false, true]) {
      const inputs = randomProblem({ N: 7, K: 4, D: 3 }, { seed: 1, covariance, labels: mixedLabels, prior });
      for (const options of grid) {
        const weights = options.reduction === 'none' ? normals(7, uniform(2)) : -0.7;
        expectParity(inputs, options, { classification: weights, regularizer: 1.3 }, named(options, prior));
      }
    }
  });

  it('agrees at the bounds of the log-variances, for either sign of the gradient', () => {
    const bounds = { covariance, minLogVariance: -0.25, maxLogVariance: 0.25 };
    const inputs = randomProblem({ N: 7, K: 4, D: 3 }, { seed: 3, covariance, labels: mixedLabels });
    const upstream = normals(28, uniform(4));
    for (const s of [-3, -0.25, 0.25, 3]) {
      const at = { ...inputs, logVariances: inputs.logVariances.map(() => s) };
      for (const sign of [1, -1]) {
        expectParity(at, bounds, { classification: sign, regularizer: sign }, `s = ${s}, sign ${sign}`);
        const signed = upstream.map((value) => sign * value);
        const expected = icuDistancesGradients(at, signed, bounds);
        expectSame(
          nativeDistances(at, signed, bounds).logVariances,
          expected.logVariances,
          `distances, s = ${s}`,
        );
      }
    }
  });

  it.each([0, 1, -2.5, 65536])('agrees at an upstream gradient of %d', (scale) => {
    const inputs = randomProblem({ N: 20, K: 5, D: 6 }, { seed: 5, covariance });
    expectParity(inputs, { covariance }, { classification: scale, regularizer: scale }, `upstream ${scale}`);
    expectParity(inputs, { covariance }, { classification: scale, regularizer: 0 }, `upstream ${scale}, 0`);
    expectParity(inputs, { covariance }, { classification: 0, regularizer: scale }, `upstream 0, ${scale}`);
  });

  it('has the same distances and gradients', () => {
    for (const shape of [
      { N: 1, K: 1, D: 1 },
      { N: 33, K: 17, D: 5 },
      { N: 20, K: 70, D: 130 },
    ]) {
      const inputs = randomProblem(shape, { seed: 6, covariance });
      const upstream = normals(shape.N * shape.K, uniform(7));
      const got = nativeDistances(inputs, upstream, { covariance });
      const expected = icuDistancesGradients(inputs, upstream, { covariance });
      const what = JSON.stringify(shape);
      expectSame(got.distances, icuDistances(inputs, { covariance }), `distances ${what}`);
      for (const name of ['features', 'means', 'logVariances'] as const) {
        expectSame(got[name], expected[name], `${name} ${what}`);
      }
    }
  });
});

describe('shapes', () => {
  // The covariance goes round, so that each of the sizes meets each covariance; the three largest are left out here,
  // being minutes of work for the reference.
  let turn = 0;
  describe.each([0, 1, 3, 128, 257])('N = %d', (N) => {
    it.each([1, 2, 10, 31, 33, 1000])('K = %d, D from 1 to 513', (K) => {
      for (const D of [1, 2, 3, 16, 17, 100, 513]) {
        const covariance = covariances[turn++ % 3]!;
        if (N * K * D > 6e6) continue;
        const inputs = randomProblem({ N, K, D }, { seed: turn, covariance });
        expectParity(
          inputs,
          { covariance, alpha: 0.1, gamma: 0.1 },
          {},
          `N ${N}, K ${K}, D ${D}, ${covariance}`,
        );
      }
    });
  });

  it('agrees for 33 rows, 1000 classes and 513 dimensions', () => {
    const inputs = randomProblem({ N: 33, K: 1000, D: 513 }, { seed: 8 });
    expectParity(inputs, {}, {}, 'large');
  });

  it('agrees where no row is valid', () => {
    for (const covariance of covariances) {
      const inputs = randomProblem({ N: 3, K: 4, D: 2 }, { covariance, labels: [-100, -100, -100] });
      for (const reduction of ['mean', 'sum', 'none'] as const) {
        expectParity(inputs, { covariance, reduction }, {}, `${covariance} ${reduction}`);
      }
    }
  });

  it('agrees with an ignoreIndex that is a class', () => {
    const inputs = randomProblem({ N: 9, K: 3, D: 2 }, { labels: [0, 1, 2, 0, 1, 2, 0, 1, 2] });
    expectParity(inputs, { ignoreIndex: 1 }, {}, 'ignoreIndex 1');
  });
});
