import { describe, expect, it } from 'vitest';
import { NormFaceLoss } from '../../lib/losses/index.ts';
import { manualSeed, noGrad } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, dot, inRows, int64, logSumExp, mean, norm, randomFeatures, still } from './problem.ts';

describe('NormFaceLoss', () => {
  it('is cross-entropy over cosines times a learned scale', () => {
    const loss = still(new NormFaceLoss(3, 4, { initialScale: 12 }));
    const features = randomFeatures(5, 4, 2);
    const labels = [0, 2, 2, 1, 0];
    const weights = inRows(loss.weight);
    const logits = inRows(features).map((x) => weights.map((w) => (12 * dot(w, x)) / (norm(w) * norm(x))));
    const { total } = loss.forward(features, int64(labels));
    expectClose(total.item(), mean(logits.map((row, i) => logSumExp(row) - row[labels[i]!]!)), {
      rtol: 1e-12,
    });
    expectClose(arrayOf(loss.logits(features)), logits.flat(), { rtol: 1e-12 });
    expect(loss.summary()).toEqual({ scale: 12 });
  });

  it('keeps the scale above its minimum, without holding it there', () => {
    const loss = new NormFaceLoss(3, 4);
    const features = randomFeatures(5, 4, 2).detach().to({ dtype: 'float32' });
    noGrad(() => loss.scale.fill_(-3));
    expectClose(loss.summary().scale!, 0.01, { rtol: 1e-6 });
    const [logits] = inRows(loss.logits(features));
    expect(logits!.some((l) => l !== 0)).toBe(true);
    loss.forward(features, loss.predict(features)).total.backward();
    expectClose(loss.scale.item(), 0.01, { rtol: 1e-6 });
    // Every row is classified rightly, so the scale is to grow.
    expect(loss.scale.grad!.item()).toBeLessThan(0);
  });

  it('starts with directions, and has rates and decays of its own', () => {
    manualSeed(1);
    const loss = new NormFaceLoss(50, 4, { weightLr: 100, scaleLr: 3, scaleDecay: 0.5 });
    expectClose(inRows(loss.weight).map(norm), new Array(50).fill(1), { rtol: 1e-6 });
    expect(loss.scale.item()).toBe(10);
    expect(Object.keys(loss.stateDict())).toEqual(['weight', 'scale']);
    const [weight, scale] = loss.parameterGroups(0.1, 0.02);
    expect(weight).toEqual({ name: 'weight', params: [loss.weight], lr: 10, weightDecay: 0 });
    expect(scale!.params).toEqual([loss.scale]);
    expectClose([scale!.lr, scale!.weightDecay], [0.3, 0.01], { rtol: 1e-12 });
    expect(new NormFaceLoss(3, 2).parameterGroups(0.1, 0.02).map((group) => group.weightDecay)).toEqual([
      0, 0,
    ]);
  });

  it('refuses bad options', () => {
    expect(() => new NormFaceLoss(3, 2, { initialScale: 0 })).toThrow(
      'NormFaceLoss: initialScale: expected a finite number above 0, got 0',
    );
    expect(() => new NormFaceLoss(3, 2, { initialScale: 1, minScale: 2 })).toThrow(
      'initialScale: expected a number of at least minScale (2), got 1',
    );
    expect(() => new NormFaceLoss(3, 2, { weightLr: 0 })).toThrow(
      'weightLr: expected a finite number above 0',
    );
  });
});
