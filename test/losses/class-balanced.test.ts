import { describe, expect, it } from 'vitest';
import { effectiveNumberWeights } from '../../lib/losses/class-counts.ts';
import { ClassBalancedLoss, type ClassBalancedOptions } from '../../lib/losses/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, dot, inRows, int64, logSumExp, randomFeatures, still } from './problem.ts';

/** The class sizes of long-tailed CIFAR. */
const longTailed = (classes: number, most: number, ratio: number): number[] =>
  Array.from({ length: classes }, (_, k) => Math.floor(most * ratio ** (k / (classes - 1)) + 1e-9));

describe('effectiveNumberWeights', () => {
  it('has the ratios of last to first class of long-tailed CIFAR', () => {
    const ratio = (classes: number, most: number, by: number, beta: number) => {
      const weights = effectiveNumberWeights(longTailed(classes, most, by), beta);
      return weights.at(-1)! / weights[0]!;
    };
    expectClose(
      [0.1, 0.02, 0.01].map((by) => ratio(10, 5000, by, 0.9999)),
      [8.07, 39.5, 78.9],
      { rtol: 2e-3 },
    );
    expectClose(
      [0.1, 0.02, 0.01].map((by) => ratio(100, 500, by, 0.9999)),
      [9.78, 48.8, 97.6],
      { rtol: 2e-3 },
    );
    expectClose(
      [0.1, 0.02, 0.01].map((by) => ratio(100, 500, by, 0.9)),
      [1.01, 1.54, 2.44],
      { atol: 0.0051 },
    );
  });

  it('keeps its digits where β is near 1, and sums to K', () => {
    // (1 − β)/(1 − β^n) = 1/(1 + β + … + β^{n − 1}), added up.
    const counts = [1, 2, 3, 100];
    for (const beta of [0, 0.5, 0.9999, 1 - 1e-12]) {
      const raw = counts.map(
        (n) => 1 / Array.from({ length: n }, (_, j) => beta ** j).reduce((a, b) => a + b),
      );
      const total = raw.reduce((a, b) => a + b);
      expectClose(
        effectiveNumberWeights(counts, beta),
        raw.map((w) => (4 * w) / total),
        { rtol: 1e-13 },
      );
    }
    expect([...effectiveNumberWeights([3, 50], 0)]).toEqual([1, 1]);
    expectClose(effectiveNumberWeights([1, 3], 1), [1.5, 0.5], { rtol: 1e-15 });
    expectClose(effectiveNumberWeights([1e6, 1e7], 0.9), [1, 1], { rtol: 1e-12 });
  });
});

const classCounts = [500, 40, 3];
const labels = [0, 2, 2, 1, 0];
const softplus = (z: number) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

describe('ClassBalancedLoss', () => {
  it.each<ClassBalancedOptions>([
    {},
    { divideBy: 'weights' },
    { beta: 0 },
    { beta: 0.9, form: 'sigmoid' },
    { form: 'sigmoid', divideBy: 'weights' },
    { form: 'focal' },
    { form: 'focal', gamma: 0.5 },
  ])('is the weighted sum, %j', (options) => {
    const loss = still(new ClassBalancedLoss(3, 4, { ...options, classCounts }), 1);
    const { form = 'softmax', gamma = 1, beta = 0.9999, divideBy = 'rows' } = options;
    const features = randomFeatures(5, 4, 2);
    const weights = inRows(loss.linear.weight);
    const biases = arrayOf(loss.linear.bias!);
    const rows = inRows(features).map((x, i) => {
      const logits = weights.map((w, k) => dot(w, x) + biases[k]!);
      if (form === 'softmax') return logSumExp(logits) - logits[labels[i]!]!;
      const binary = logits.map((l, k) => {
        const z = k === labels[i] ? l : -l;
        return (1 / (1 + Math.exp(z))) ** (form === 'focal' ? gamma : 0) * softplus(-z);
      });
      return binary.reduce((a, b) => a + b);
    });
    const raw = classCounts.map((n) => (1 - beta) / (1 - beta ** n));
    const w = labels.map((y) => (3 * raw[y]!) / raw.reduce((a, b) => a + b));
    const sum = rows.reduce((total, row, i) => total + w[i]! * row, 0);
    const expected = sum / (divideBy === 'rows' ? 5 : w.reduce((a, b) => a + b));
    // The weights are kept in float32.
    expectClose(loss.forward(features, int64(labels)).total.item(), expected, { rtol: 1e-6 });
  });

  it('does not overflow with sigmoids far out', () => {
    const loss = still(new ClassBalancedLoss(3, 1, { classCounts, form: 'focal', bias: false }), 1);
    const features = randomFeatures(3, 1).detach().mul(1e6);
    features.requiresGrad = true;
    const { total } = loss.forward(features, int64([0, 1, 2]));
    total.backward();
    expect(Number.isFinite(total.item())).toBe(true);
    expect(arrayOf(features.grad!).every(Number.isFinite)).toBe(true);
  });

  it('keeps its weights in the state dict, and starts sigmoids at 1/K', () => {
    const loss = new ClassBalancedLoss(3, 2, { classCounts, form: 'sigmoid' });
    expect(Object.keys(loss.stateDict())).toEqual(['class_weights', 'linear.weight', 'linear.bias']);
    expectClose(arrayOf(loss.linear.bias!), new Array(3).fill(-Math.log(2)), { rtol: 1e-6 });
    expect(loss.parameterGroups(0.1, 0.01).map(({ weightDecay }) => weightDecay)).toEqual([0.01, 0]);
    const softmax = new ClassBalancedLoss(3, 2, { classCounts });
    expect(softmax.parameterGroups(0.1, 0.01).map(({ weightDecay }) => weightDecay)).toEqual([0.01]);
  });

  it('refuses bad options', () => {
    const bad = (options: object) => () => new ClassBalancedLoss(3, 2, { classCounts, ...options });
    expect(bad({ beta: 1.1 })).toThrow('ClassBalancedLoss: beta: expected a number from 0 to 1, got 1.1');
    expect(bad({ form: 'ce' })).toThrow('form: expected one of "softmax", "sigmoid", "focal", got "ce"');
    expect(bad({ divideBy: 'n' })).toThrow('divideBy: expected one of "rows", "weights", got "n"');
    expect(bad({ classCounts: [3, 0, 1] })).toThrow('got 0 for class 1');
  });
});
