import { describe, expect, it } from 'vitest';
import { LdamLoss } from '../../lib/losses/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, dot, inRows, int64, logSumExp, norm, randomFeatures, still } from './problem.ts';

const classCounts = [10_000, 625, 16];
const labels = [0, 2, 2, 1, 0];

describe('LdamLoss', () => {
  it('has margins that go with the fourth root, the largest for the smallest class', () => {
    const loss = new LdamLoss(3, 2, { classCounts });
    // n^(1/4) is 10, 5, 2
    expectClose(arrayOf(loss.margins), [0.1, 0.2, 0.5], { rtol: 1e-6 });
    expectClose(arrayOf(new LdamLoss(3, 2, { classCounts, maxMargin: 1 }).margins), [0.2, 0.4, 1], {
      rtol: 1e-6,
    });
  });

  it.each([false, true])('is the formula, weighted: %s', (reweighting) => {
    const loss = still(new LdamLoss(3, 4, { classCounts, scale: 20, beta: 0.999 }), 1);
    loss.reweighting = reweighting;
    const features = randomFeatures(5, 4, 2);
    const weights = inRows(loss.weight);
    const cosines = inRows(features).map((x) => weights.map((w) => dot(w, x) / (norm(w) * norm(x))));
    const margins = [0.1, 0.2, 0.5];
    const rows = cosines.map((row, i) => {
      const logits = row.map((c, k) => 20 * (c - (k === labels[i] ? margins[k]! : 0)));
      return logSumExp(logits) - logits[labels[i]!]!;
    });
    const w = labels.map((y) => (reweighting ? 0.001 / (1 - 0.999 ** classCounts[y]!) : 1));
    const sum = rows.reduce((total, row, i) => total + w[i]! * row, 0);
    // Margins and weights are kept in float32.
    expectClose(loss.forward(features, int64(labels)).total.item(), sum / w.reduce((a, b) => a + b), {
      rtol: 1e-5,
    });
    expectClose(
      arrayOf(loss.logits(features)),
      cosines.flat().map((c) => 20 * c),
      { rtol: 1e-12 },
    );
  });

  it('weights classes in the last part of the training', () => {
    const during = (epochs: number, reweightFrom?: number | null) => {
      const loss = new LdamLoss(3, 2, { classCounts, reweightFrom });
      expect(loss.reweighting).toBe(false);
      return Array.from({ length: epochs }, (_, i) => {
        loss.startEpoch(i + 1, epochs);
        return loss.reweighting;
      });
    };
    expect(during(200).indexOf(true) + 1).toBe(161);
    expect(during(10)).toEqual([...new Array(8).fill(false), true, true]);
    expect(during(1)).toEqual([false]);
    expect(during(3, 0)).toEqual([true, true, true]);
    expect(during(3, 1)).toEqual([false, false, false]);
    // 0.07 · 100 is 7.000000000000001.
    expect(during(100, 0.07).indexOf(true) + 1).toBe(8);
    expect(during(3, null)).toEqual([false, false, false]);
  });

  it('refuses bad options', () => {
    const bad = (options: object) => () => new LdamLoss(3, 2, { classCounts, ...options });
    expect(bad({ maxMargin: -1 })).toThrow(
      'LdamLoss: maxMargin: expected a finite number of at least 0, got -1',
    );
    expect(bad({ scale: 0 })).toThrow('scale: expected a finite number above 0, got 0');
    expect(bad({ reweightFrom: 160 })).toThrow(
      'reweightFrom: expected a number from 0 to 1, or null, got 160',
    );
    expect(bad({ classCounts: [1, 0, 1] })).toThrow('got 0 for class 1');
  });
});
