import { describe, expect, it } from 'vitest';
import { BalancedSoftmaxLoss } from '../../lib/losses/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, dot, inRows, int64, logSumExp, mean, randomFeatures, still } from './problem.ts';

const classCounts = [70, 25, 5];
const labels = [0, 2, 2, 1, 0];

describe('BalancedSoftmaxLoss', () => {
  it.each([
    [1, 'training'],
    [0.5, 'training'],
    [0, 'training'],
    [1, 'test'],
    [2, 'test'],
  ] as const)('weighs the softmax by n^τ, τ = %d in %s', (tau, adjust) => {
    const loss = still(new BalancedSoftmaxLoss(3, 4, { classCounts, tau, adjust }), 1);
    const features = randomFeatures(5, 4, 2);
    const weights = inRows(loss.linear.weight);
    const biases = arrayOf(loss.linear.bias!);
    const logits = inRows(features).map((x) => weights.map((w, k) => dot(w, x) + biases[k]!));
    const rows = logits.map((row, i) => {
      if (adjust === 'test') return logSumExp(row) - row[labels[i]!]!;
      const shares = row.map((l, k) => classCounts[k]! ** tau * Math.exp(l));
      return -Math.log(shares[labels[i]!]! / shares.reduce((a, b) => a + b));
    });
    // The prior is kept in float32.
    expectClose(loss.forward(features, int64(labels)).total.item(), mean(rows), { rtol: 1e-6 });
    const prior = classCounts.map((n) => (adjust === 'test' ? tau * Math.log(n / 100) : 0));
    expectClose(
      arrayOf(loss.logits(features)),
      logits.flatMap((row) => row.map((l, k) => l - prior[k]!)),
      { rtol: 1e-6 },
    );
  });

  it('is softmax where all classes are of one size', () => {
    const features = randomFeatures(5, 4, 2);
    const [balanced, plain] = [{}, { tau: 0 }].map((options) =>
      still(new BalancedSoftmaxLoss(3, 4, { classCounts: [9, 9, 9], ...options }), 1)
        .forward(features, int64(labels))
        .total.item(),
    );
    expectClose(balanced!, plain!, { rtol: 1e-12 });
  });

  it('refuses bad options', () => {
    const bad = (options: object) => () => new BalancedSoftmaxLoss(3, 2, { classCounts, ...options });
    expect(bad({ tau: -1 })).toThrow(
      'BalancedSoftmaxLoss: tau: expected a finite number of at least 0, got -1',
    );
    expect(bad({ adjust: 'both' })).toThrow('adjust: expected one of "training", "test", got "both"');
  });
});
