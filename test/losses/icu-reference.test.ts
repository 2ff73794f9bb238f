import { describe, expect, it } from 'vitest';
import { type IcuOptions, icuDefaults } from '../../lib/losses/icu-options.ts';
import {
  type IcuInputs,
  icuDistances,
  icuForward,
  icuLogits,
  icuPredict,
} from '../../lib/losses/icu-reference.ts';
import {
  icuDistanceGradient,
  icuDistancesGradients,
  icuGradients,
} from '../../lib/losses/icu-reference-gradients.ts';
import { expectClose, relativeError } from '../support/close.ts';
import { type Moments, printedLoss } from './icu-printed.ts';
import {
  finiteDifferences,
  mixedLabels,
  named,
  normals,
  optionGrid,
  randomProblem,
  uniform,
} from './problems.ts';

const covariances = ['isotropic', 'scalar', 'diagonal'] as const;
const shape = { N: 7, K: 4, D: 3 };
const plain: IcuOptions = { ...icuDefaults, alpha: 0, gamma: 0 };

const classification = (inputs: IcuInputs, options: Partial<IcuOptions> = {}): number =>
  icuForward(inputs, options).classification as number;
const regularizer = (inputs: IcuInputs, options: Partial<IcuOptions> = {}): number =>
  icuForward(inputs, options).regularizer;

/** Checks every gradient of `gradients` against finite differences of `f` over `inputs`. */
function expectGradients(
  inputs: IcuInputs,
  f: () => number,
  gradients: ReturnType<typeof icuGradients>,
  what: string,
): void {
  for (const name of ['features', 'means', 'logVariances'] as const) {
    const error = relativeError(gradients[name], finiteDifferences(f, inputs[name]));
    if (!(error <= 1e-8)) expect.fail(`${what}: gradient of ${name} is off by ${error}`);
  }
}

describe.each(covariances)('%s covariance', (covariance) => {
  const grid = optionGrid(covariance);
  const problems = [false, true].map((prior) =>
    randomProblem(shape, { seed: prior ? 2 : 3, covariance, labels: mixedLabels, prior }),
  );

  it('computes the printed formulas with every option', () => {
    for (const inputs of problems) {
      for (const options of grid) {
        const expected = printedLoss(inputs, options);
        const got = icuForward(inputs, options);
        expectClose(got.rowLosses, expected.rowLosses, { atol: 1e-13, rtol: 1e-13 });
        expectClose(got.regularizer, expected.regularizer, { rtol: 1e-13 });
        const sum = expected.rowLosses.reduce((a, b) => a + b, 0);
        const reduced = { none: expected.rowLosses, sum, mean: sum / 6 }[options.reduction];
        expectClose(got.classification, reduced, { atol: 1e-13, rtol: 1e-13 });
      }
    }
  });

  it('has the gradients of finite differences with every option', () => {
    for (const inputs of problems) {
      for (const options of grid) {
        const upstream = {
          classification: options.reduction === 'none' ? normals(7, uniform(5)) : -0.7,
          regularizer: 1.3,
        };
        const moments: Map<number, Moments> | undefined = options.momentGradient
          ? undefined
          : printedLoss(inputs, options).moments;
        const f = (): number => {
          const { rowLosses, regularizer } = printedLoss(inputs, options, moments);
          let sum = upstream.regularizer * regularizer;
          for (const [i, loss] of rowLosses.entries()) {
            const weight =
              typeof upstream.classification === 'number'
                ? upstream.classification
                : upstream.classification[i]!;
            sum += (weight * loss) / (options.reduction === 'mean' ? 6 : 1);
          }
          return sum;
        };
        const what = named(options, inputs.logPrior ? 'prior' : '');
        expectGradients(inputs, f, icuGradients(inputs, options, upstream), what);
      }
    }
  });

  it('has the distances of Eq. 9, their gradients, and the smallest as prediction', () => {
    const inputs = randomProblem(shape, { seed: 4, covariance });
    const weights = normals(shape.N * shape.K, uniform(6));
    const f = (): number =>
      icuDistances(inputs, { covariance }).reduce((sum, d, j) => sum + weights[j]! * d, 0);
    const gradients = icuDistancesGradients(inputs, weights, { covariance });
    expectGradients(inputs, f, gradients, 'distances');
    expect(icuLogits(inputs, { covariance })).toEqual(icuDistances(inputs, { covariance }).map((d) => -d));
    const distances = icuDistances(inputs, { covariance });
    for (const [i, k] of icuPredict(inputs, { covariance }).entries()) {
      const row = [...distances.subarray(i * shape.K, (i + 1) * shape.K)];
      expect(row[k]).toBe(Math.min(...row));
    }
  });

  it('conserves: the classification gradients of x and μ add up to 0, and those of the distances in each row', () => {
    const inputs = randomProblem(shape, { seed: 7, covariance, labels: mixedLabels });
    const options = { covariance, alpha: 0.3, gamma: 0.2 };
    const { features, means } = icuGradients(inputs, options, { regularizer: 0 });
    const g = icuDistanceGradient(inputs, options);
    for (let d = 0; d < shape.D; d++) {
      let sum = 0;
      for (let i = 0; i < shape.N; i++) sum += features[i * shape.D + d]!;
      for (let k = 0; k < shape.K; k++) sum += means[k * shape.D + d]!;
      expectClose(sum, 0, { atol: 1e-15 });
    }
    for (let i = 0; i < shape.N; i++) {
      const row = g.subarray(i * shape.K, (i + 1) * shape.K);
      expectClose(
        row.reduce((a, b) => a + b, 0),
        0,
        { atol: 1e-16 },
      );
    }
  });

  it('does not change when x and μ are moved together', () => {
    const inputs = randomProblem(shape, { seed: 8, covariance, labels: mixedLabels });
    for (const by of [1, 100]) {
      const add = (values: Float64Array): Float64Array => values.map((value) => value + by);
      const moved = { ...inputs, features: add(inputs.features), means: add(inputs.means) };
      expectClose(classification(moved, { covariance }), classification(inputs, { covariance }), {
        rtol: 1e-11,
      });
      expectClose(regularizer(moved, { covariance }), regularizer(inputs, { covariance }), { rtol: 1e-11 });
    }
  });

  it('does not change when rows or classes are permuted', () => {
    const { K, D } = shape;
    const inputs = randomProblem(shape, { seed: 9, covariance, labels: mixedLabels });
    const blocks = (values: Float64Array, order: number[]): Float64Array => {
      const size = values.length / order.length;
      return Float64Array.from(order.flatMap((j) => [...values.subarray(j * size, (j + 1) * size)]));
    };
    const rows = [3, 6, 0, 5, 1, 4, 2];
    const rowsMoved = {
      ...inputs,
      features: blocks(inputs.features, rows),
      labels: rows.map((i) => mixedLabels[i]!),
    };
    const classes = [2, 0, 3, 1];
    const classesMoved = {
      ...inputs,
      means: blocks(inputs.means, classes),
      logVariances: blocks(inputs.logVariances, classes),
      labels: mixedLabels.map((y) => (y < 0 ? y : classes.indexOf(y))),
    };
    const dims = (values: Float64Array): Float64Array =>
      values.length === K ? values : values.map((_, j) => values[j - (j % D) + ((j + 1) % D)]!);
    const dimsMoved = {
      ...inputs,
      features: dims(inputs.features),
      means: dims(inputs.means),
      logVariances: dims(inputs.logVariances),
    };
    for (const other of [rowsMoved, classesMoved, dimsMoved]) {
      expectClose(classification(other, { covariance }), classification(inputs, { covariance }), {
        rtol: 1e-13,
      });
      expectClose(regularizer(other, { covariance }), regularizer(inputs, { covariance }), { rtol: 1e-13 });
    }
  });

  it('shows the collapse: scaling x, μ and σ leaves the classification alone and shrinks the regulariser', () => {
    const inputs = randomProblem(shape, { seed: 10, covariance, labels: mixedLabels });
    const a = 0.1;
    const scaled = {
      ...inputs,
      features: inputs.features.map((value) => a * value),
      means: inputs.means.map((value) => a * value),
      logVariances: inputs.logVariances.map((s) => s + 2 * Math.log(a)),
    };
    const at = { ...plain, covariance };
    expectClose(classification(scaled, at), classification(inputs, at), { rtol: 1e-12 });
    const parts = (from: IcuInputs) => [
      regularizer(from, { ...at, lambdaVar: 0 }),
      regularizer(from, { ...at, lambdaMean: 0 }),
    ];
    const [mean, variance] = parts(inputs);
    expectClose(parts(scaled), [a ** 2 * mean!, a ** 4 * variance!], { rtol: 1e-12 });
  });

  it('has κ·c = 1: the variance of greatest likelihood is the moment of the regulariser', () => {
    const labels = [0, 0, 0, 0, 0, 0, 0];
    const inputs = randomProblem(shape, { seed: 11, covariance, labels });
    const options = { ...plain, covariance, lambdaMean: 0, lambdaVar: 1 };
    const { variance } = printedLoss(inputs, options).moments.get(0)!;
    for (const [j, moment] of variance.entries()) inputs.logVariances[j] = Math.log(moment);
    const own = Float64Array.from({ length: 7 * 4 }, (_, j) => (j % 4 === 0 ? 1 : 0));
    const likelihood = icuDistancesGradients(inputs, own, options).logVariances;
    expectClose(likelihood.subarray(0, variance.length), new Float64Array(variance.length), { atol: 1e-14 });
    expectClose(regularizer(inputs, options), 0, { atol: 1e-28 });
  });

  it('stops a log-variance at its bound only when the gradient pushes outward', () => {
    const bounds = { minLogVariance: -0.25, maxLogVariance: 0.25 };
    const options = { covariance, ...bounds };
    const base = randomProblem(shape, { seed: 12, covariance, labels: mixedLabels });
    for (const s of [-3, -0.25, 0, 0.25, 3]) {
      const clamped = Math.min(Math.max(s, bounds.minLogVariance), bounds.maxLogVariance);
      const inputs = { ...base, logVariances: base.logVariances.map(() => s) };
      const within = { ...base, logVariances: base.logVariances.map(() => clamped) };
      expect(icuForward(inputs, options)).toEqual(icuForward(within, { covariance }));
      for (const sign of [1, -1]) {
        const upstream = { classification: sign, regularizer: sign };
        const free = icuGradients(within, { covariance }, upstream);
        const got = icuGradients(inputs, options, upstream);
        expect(got.features).toEqual(free.features);
        expect(got.means).toEqual(free.means);
        const expected = free.logVariances.map((gradient) => {
          const outward = (s >= 0.25 && gradient < 0) || (s <= -0.25 && gradient > 0);
          return outward ? 0 : gradient;
        });
        expect(got.logVariances).toEqual(expected);
        if (s !== 0) expect(expected.some((gradient) => gradient === 0)).toBe(true);
        expect(expected.some((gradient) => gradient !== 0)).toBe(true);
      }
    }
  });

  it('gives classes that are absent no gradient from the regulariser', () => {
    const inputs = randomProblem(shape, { seed: 13, covariance, labels: mixedLabels });
    const { features, means, logVariances } = icuGradients(inputs, { covariance }, { classification: 0 });
    const last = (values: Float64Array): number[] => [...values.subarray((values.length / 4) * 3)];
    for (const value of [...last(means), ...last(logVariances)]) expect(value === 0).toBe(true);
    expect([...features.subarray(9, 12)].every((value) => value === 0)).toBe(true);
    expect(logVariances.some((value) => value !== 0)).toBe(true);
  });

  it('is 0 with zero gradients where no row is valid', () => {
    for (const labels of [[], [-100, -100]]) {
      const inputs = randomProblem({ N: labels.length, K: 4, D: 3 }, { covariance, labels });
      inputs.features.fill(Number.NaN);
      const got = icuForward(inputs, { covariance });
      expect(got.classification).toBe(0);
      expect(got.regularizer).toBe(0);
      expect(got.diagnostics).toEqual({ validRows: 0, negativeShare: 0, featureNorm: 0 });
      const gradients = icuGradients(inputs, { covariance });
      for (const values of Object.values(gradients)) {
        expect([...values].every((value) => value === 0)).toBe(true);
      }
    }
  });
});

describe('pins', () => {
  it('has the sign of the derivative of Eq. 14, not that printed in Eq. 15', () => {
    const options = { ...plain, covariance: 'scalar' as const };
    const inputs = randomProblem(shape, { seed: 21, covariance: 'scalar', labels: mixedLabels });
    const slope = finiteDifferences(() => regularizer(inputs, options), inputs.means);
    expect(relativeError(icuGradients(inputs, options, { classification: 0 }).means, slope)).toBeLessThan(
      1e-9,
    );

    const printed = new Float64Array(12);
    for (const [k, { mean, variance }] of printedLoss(inputs, options).moments) {
      const e = Math.exp(inputs.logVariances[k]!) - variance[0]!;
      for (let d = 0; d < 3; d++) {
        printed[k * 3 + d] = (2 * 0.1 + 4 * 0.1 * e) * (inputs.means[k * 3 + d]! - mean[d]!);
      }
    }
    expect(relativeError(printed, slope)).toBeGreaterThan(0.5);
  });

  it('has Eq. 16: dR/dσ² = 2·λ_var·(σ² − σ̄²)', () => {
    for (const covariance of ['isotropic', 'scalar'] as const) {
      const inputs = randomProblem(shape, { seed: 22, covariance, labels: mixedLabels });
      const { logVariances } = icuGradients(inputs, { covariance }, { classification: 0 });
      for (const [k, { variance }] of printedLoss(inputs, { ...plain, covariance }).moments) {
        const sigma2 = Math.exp(inputs.logVariances[k]!);
        expectClose(logVariances[k]! / sigma2, 2 * 0.1 * (sigma2 - variance[0]!), { rtol: 1e-13 });
      }
    }
  });

  it('decides at σ_k² = (1 + γ)·σ_z² (Eq. 21) in every dimension, and only so with gammaMode covariance', () => {
    const gamma = 0.5;
    for (const covariance of covariances) {
      for (const D of [1, 2, 5]) {
        const s = new Float64Array(covariance === 'diagonal' ? 2 * D : 2).fill(0.3);
        s.fill(0.3 + Math.log1p(gamma), s.length / 2);
        const inputs = {
          ...{ classes: 2, dims: D, labels: [0], logVariances: s },
          ...{ features: new Float64Array(D), means: new Float64Array(2 * D) },
        };
        expectClose(classification(inputs, { covariance, alpha: 0, gamma }), Math.LN2, { rtol: 1e-14 });
        const determinant = { covariance, alpha: 0, gamma, gammaMode: 'determinant' } as const;
        const same = covariance === 'scalar' || D === 1;
        expect(Math.abs(classification(inputs, determinant) - Math.LN2) < 1e-14).toBe(same);
      }
    }
  });

  it('reverses the margin of gammaMode logdet where σ² < 1', () => {
    const at = (s: number) => ({
      ...{ classes: 2, dims: 2, labels: [0], logVariances: Float64Array.of(s, s) },
      ...{ features: new Float64Array(2), means: Float64Array.of(0, 0, 1, 0) },
    });
    const loss = (s: number, gamma: number) =>
      classification(at(s), { alpha: 0, gamma, gammaMode: 'logdet' });
    expect(loss(1, 0.5)).toBeGreaterThan(loss(1, 0));
    expect(loss(-1, 0.5)).toBeLessThan(loss(-1, 0));
  });

  it('lets α help a target of negative distance only with alphaMode distance', () => {
    const inputs = {
      ...{ classes: 2, dims: 2, labels: [0], logVariances: Float64Array.of(-3, -3) },
      ...{ features: Float64Array.of(0.1, 0), means: Float64Array.of(0, 0, 0.3, 0) },
    };
    expect(icuForward(inputs).diagnostics.negativeShare).toBe(1);
    const change = (alphaMode: IcuOptions['alphaMode']) =>
      classification(inputs, { alphaMode, alpha: 0.3 }) - classification(inputs, { alphaMode, alpha: 0 });
    expect(change('distance')).toBeLessThan(-0.01);
    expect(change('mahalanobis')).toBeGreaterThan(0.01);
    expect(change('positive')).toBe(0);

    const positive = { ...inputs, logVariances: Float64Array.of(1, 1) };
    expect(icuForward(positive).diagnostics.negativeShare).toBe(0);
    const modes = (['distance', 'positive'] as const).map((alphaMode) =>
      classification(positive, { alphaMode, alpha: 0.3 }),
    );
    expect(modes[0]).toBe(modes[1]);
  });
});

describe('numerics', () => {
  /** Two classes of unit variance on a line, x on the first: the logit gap is `gap`. */
  const pair = (gap: number): IcuInputs => ({
    ...{ classes: 2, dims: 1, labels: [0], logVariances: new Float64Array(2) },
    ...{ features: Float64Array.of(0), means: Float64Array.of(0, Math.sqrt(2 * gap)) },
  });

  it('is never negative', () => {
    for (let seed = 30; seed < 60; seed++) {
      const inputs = randomProblem({ N: 20, K: 5, D: 4 }, { seed });
      const spread = { ...inputs, means: inputs.means.map((value) => 20 * value) };
      for (const from of [inputs, spread]) {
        const { rowLosses, regularizer } = icuForward(from);
        expect(rowLosses.every((loss) => loss >= 0)).toBe(true);
        expect(regularizer >= 0).toBe(true);
      }
    }
  });

  it.each([1e-3, 1e-6, 1e-10])('has a true loss of %d', (loss) => {
    expectClose(classification(pair(-Math.log(Math.expm1(loss))), plain), loss, { rtol: 1e-12 });
  });

  it('gives ln 2 to two equal logits at any offset', () => {
    for (const offset of [1, 1e2, 1e4, 1e6, 1e8]) {
      const inputs = {
        ...{ classes: 2, dims: 2, labels: [1], logVariances: new Float64Array(2) },
        ...{ features: Float64Array.of(0, Math.sqrt(2 * offset)), means: Float64Array.of(-1, 0, 1, 0) },
      };
      expectClose(classification(inputs, plain), Math.LN2, { rtol: 1e-15 });
    }
  });

  it.each([5, 18, 25])('has the right target gradient at a gap of %d', (gap) => {
    const expected = Math.exp(-gap) / (1 + Math.exp(-gap));
    expectClose(icuDistanceGradient(pair(gap), plain), [expected, -expected], { rtol: 1e-12 });
  });

  it('does not overflow where the target is far', () => {
    expectClose(classification({ ...pair(5000), labels: [1] }, plain), 5000, { rtol: 1e-14 });
    expectClose(icuDistanceGradient({ ...pair(5000), labels: [1] }, plain), [-1, 1], { rtol: 1e-14 });
  });

  it('carries NaN and infinity through', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const name of ['features', 'means'] as const) {
        const inputs = randomProblem(shape, { seed: 61 });
        inputs[name][1] = bad;
        const values = Object.values(icuGradients(inputs)).flatMap((gradient) => [...gradient]);
        expect(values.some((value) => Number.isNaN(value))).toBe(true);
      }
    }
    const inputs = randomProblem(shape, { seed: 62 });
    inputs.logVariances[1] = Number.NaN;
    expect(classification(inputs)).toBeNaN();
  });
});

describe('diagnostics', () => {
  it('are those of the valid rows', () => {
    const inputs = {
      ...{ classes: 2, dims: 2, labels: [0, -100, 1, 0], logVariances: Float64Array.of(-1, 0.5) },
      ...{ features: Float64Array.of(3, 4, 100, 100, 0, 2, 0, 0), means: new Float64Array(4) },
    };
    const { diagnostics } = icuForward(inputs);
    expect(diagnostics.validRows).toBe(3);
    expectClose(diagnostics.negativeShare, 1 / 3, { rtol: 1e-15 });
    expectClose(diagnostics.featureNorm, 7 / 3, { rtol: 1e-15 });
  });
});

describe('errors', () => {
  const inputs = randomProblem(shape, { labels: mixedLabels });
  it('name the label that is no class', () => {
    const labels = [0, 1, 2, 4, 0, 0, 0];
    expect(() => icuForward({ ...inputs, labels })).toThrow(
      'labels[3]: expected a class from 0 to 3 or -100, got 4',
    );
    expect(() => icuForward({ ...inputs, labels: [0, 1, 2, -1, 0, 0, 0] })).toThrow('got -1');
  });

  it('name an array of the wrong length', () => {
    expect(() => icuForward({ ...inputs, means: new Float64Array(5) })).toThrow(
      'means: expected a Float64Array of 12 values, got 5',
    );
    expect(() => icuForward(inputs, { covariance: 'diagonal' })).toThrow('logVariances: expected');
  });
});
