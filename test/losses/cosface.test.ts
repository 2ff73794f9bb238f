import { describe, expect, it } from 'vitest';
import { CosFaceLoss } from '../../lib/losses/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, dot, inRows, int64, logSumExp, mean, norm, randomFeatures, still } from './problem.ts';

describe('CosFaceLoss', () => {
  it.each([{}, { scale: 7, margin: 0.2 }, { margin: 0 }])('is the formula, %j', (options) => {
    const { scale: s = 30, margin: m = 0.35 }: { scale?: number; margin?: number } = options;
    const loss = still(new CosFaceLoss(3, 4, options), 1);
    const features = randomFeatures(5, 4, 2);
    const labels = [0, 2, 2, 1, 0];
    const weights = inRows(loss.weight);
    const cosines = inRows(features).map((x) => weights.map((w) => dot(w, x) / (norm(w) * norm(x))));
    const rows = cosines.map((row, i) => {
      const logits = row.map((c, k) => s * (c - (k === labels[i] ? m : 0)));
      return logSumExp(logits) - logits[labels[i]!]!;
    });
    expectClose(loss.forward(features, int64(labels)).total.item(), mean(rows), { rtol: 1e-12 });
    expectClose(
      arrayOf(loss.logits(features)),
      cosines.flat().map((c) => s * c),
      { rtol: 1e-12 },
    );
  });

  it('does not depend on the lengths of features and weights', () => {
    const loss = still(new CosFaceLoss(3, 4), 1);
    const features = randomFeatures(5, 4, 2);
    const labels = int64([0, 2, 2, 1, 0]);
    const before = loss.forward(features, labels).total.item();
    expectClose(loss.forward(features.mul(1e-5), labels).total.item(), before, { rtol: 1e-10 });
    expectClose(loss.forward(features.mul(1e5), labels).total.item(), before, { rtol: 1e-10 });
  });

  it('refuses bad options', () => {
    expect(() => new CosFaceLoss(3, 2, { scale: 0 })).toThrow(
      'CosFaceLoss: scale: expected a finite number above 0, got 0',
    );
    expect(() => new CosFaceLoss(3, 2, { margin: -1 })).toThrow(
      'CosFaceLoss: margin: expected a finite number of at least 0, got -1',
    );
  });
});
