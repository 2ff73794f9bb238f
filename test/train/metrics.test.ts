import { describe, expect, it } from 'vitest';
import { manualSeed, noGrad, scope, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';
import {
  accuracyByClass,
  calibration,
  confusionMatrix,
  judge,
  noVerdicts,
  rankCorrelation,
  shotAccuracy,
  topAccuracy,
  type Verdicts,
} from '../../lib/train/index.ts';
import { expectClose } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

/** Verdicts over rows of logits. */
function verdictsOf(logits: number[][], labels: number[]): Verdicts {
  const verdicts = noVerdicts(labels.length);
  verdicts.labels.set(labels);
  judge(Float64Array.from(logits.flat()), logits[0]!.length, verdicts, 0);
  return verdicts;
}

describe('judge', () => {
  it('agrees with LibTorch on predictions, places and probabilities', () => {
    manualSeed(1);
    scope(() =>
      noGrad(() => {
        const [N, K] = [400, 12];
        // Coarse values: many are equal.
        const logits = torch.randn([N, K]).mul(3).round();
        const labels = torch.randint(0, K, [N], { dtype: 'int64' });
        const verdicts = noVerdicts(N);
        verdicts.labels.set(Int32Array.from(labels.toTypedArray() as BigInt64Array, Number));
        const values = logits.toTypedArray() as Float32Array;
        // In two batches.
        judge(values.subarray(0, 100 * K), K, verdicts, 0);
        judge(values.subarray(100 * K), K, verdicts, 100);

        const numbers = (t: Tensor) => [...t.toTypedArray()].map(Number);
        expect([...verdicts.predicted]).toEqual(numbers(logits.argmax(1)));
        expectClose(verdicts.confidence, numbers(logits.to({ dtype: 'float64' }).softmax(1).amax([1])), {
          rtol: 1e-12,
        });
        expect([...verdicts.ownLogit]).toEqual(numbers(logits.gather(1, labels.unsqueeze(1))));
        // In the stable order from the highest logit down, where is the label?
        const order = logits.argsort({ stable: true, dim: 1, descending: true });
        expect([...verdicts.rank]).toEqual(
          numbers(order.eq(labels.unsqueeze(1)).to({ dtype: 'int64' }).argmax(1)),
        );
      }),
    );
  });

  it.skipIf(!hasTorch)('gives the top-1 and top-5 accuracies of torch.topk', () => {
    manualSeed(2);
    const logits = torch.randn([300, 20]);
    const labels = torch.randint(0, 20, [300], { dtype: 'int64' });
    const given = {
      logits: [...(logits.toTypedArray() as Float32Array)],
      labels: [...labels.toTypedArray()].map(Number),
    };
    const expected = runPython<[number, number]>(
      `
logits, labels = torch.tensor(given['logits']).reshape(300, 20), torch.tensor(given['labels'])
hits = logits.topk(5).indices == labels[:, None]
result = [hits[:, :k].any(1).double().mean().item() for k in (1, 5)]`,
      given,
    );
    const verdicts = noVerdicts(300);
    verdicts.labels.set(given.labels);
    judge(Float32Array.from(given.logits), 20, verdicts, 0);
    expectClose(
      [1, 5].map((k) => topAccuracy(verdicts.rank, k)),
      expected,
      { rtol: 1e-12 },
    );
  });

  it('takes the first of equals, NaN as the greatest, and does not overflow', () => {
    const { predicted, rank, confidence } = verdictsOf(
      [
        [2, 2, 1],
        [2, 2, 1],
        [0, Number.NaN, 5],
        [0, Number.NaN, 5],
        [1e4, -1e4, 0],
        [-1e30, -1e30, -1e30],
        [Number.NEGATIVE_INFINITY, 3, Number.NEGATIVE_INFINITY],
      ],
      [0, 1, 1, 2, 1, 2, 1],
    );
    expect([...predicted]).toEqual([0, 0, 1, 1, 0, 0, 1]);
    expect([...rank]).toEqual([0, 1, 0, 1, 2, 2, 0]);
    expectClose(confidence[0]!, 1 / (2 + Math.exp(-1)), { rtol: 1e-12 });
    expect([...confidence].slice(2)).toEqual([Number.NaN, Number.NaN, 1, 1 / 3, 1]);
    for (let i = 0; i < rank.length; i++)
      expect(rank[i] === 0).toBe(predicted[i] === [0, 1, 1, 2, 1, 2, 1][i]);
  });
});

describe('accuracies', () => {
  const labels = Int32Array.of(0, 0, 0, 1, 1, 3);
  const predicted = Int32Array.of(0, 2, 0, 1, 0, 3);
  const confusion = confusionMatrix(labels, predicted, 4);

  it('by class, from the confusion matrix', () => {
    expect(confusion).toEqual([
      [2, 0, 1, 0],
      [1, 1, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 1],
    ]);
    expect(accuracyByClass(confusion)).toEqual([2 / 3, 1 / 2, null, 1]);
  });

  it('top-k is NaN without images', () => {
    expect(topAccuracy(new Int32Array(0), 1)).toBeNaN();
    expect(topAccuracy(Int32Array.of(0, 4, 5, 9), 5)).toBe(0.5);
  });

  it('by shots: above 100, 20 to 100, below 20; null where a group is empty', () => {
    const byClass = [0.9, 0.8, 0.7, 0.6, 0.5, null];
    expect(shotAccuracy(byClass, [101, 100, 20, 19, 0, 500])).toEqual({
      many: 0.9,
      medium: (0.8 + 0.7) / 2,
      few: (0.6 + 0.5) / 2,
    });
    expect(shotAccuracy(byClass, [500, 300, 200, 150, 101, 3])).toEqual({
      many: (0.9 + 0.8 + 0.7 + 0.6 + 0.5) / 5,
      medium: null,
      few: null,
    });
  });
});

describe('calibration', () => {
  it.skipIf(!hasTorch)('is numpy.digitize(right=True) in fifteen bins', () => {
    manualSeed(4);
    const confidence = scope(() => torch.rand([500], { dtype: 'float64' }).mul(0.95).add(0.05));
    const values = [...(confidence.toTypedArray() as Float64Array)];
    const hits = values.map((value, i) => ((i * 7919) % 100) / 100 < value * value);
    const expected = runPython<{ ece: number; mce: number; counts: number[] }>(
      `
import numpy as np
confidence, hits = np.array(given['values']), np.array(given['hits'])
place = np.digitize(confidence, np.linspace(0, 1, 16), right=True)
gaps, counts = [], []
for b in range(1, 16):
    inside = place == b
    counts.append(int(inside.sum()))
    gaps.append(abs(hits[inside].mean() - confidence[inside].mean()) if inside.any() else 0.0)
result = dict(ece=float(np.dot(counts, gaps) / len(hits)), mce=float(max(gaps)), counts=counts)`,
      { values, hits },
    );
    const rank = Int32Array.from(hits, (hit) => (hit ? 0 : 3));
    const { ece, mce, bins } = calibration(Float64Array.from(values), rank);
    expectClose([ece, mce], [expected.ece, expected.mce], { rtol: 1e-12 });
    expect(bins.map(({ count }) => count)).toEqual(expected.counts);
  });

  it('closes the bins on the right', () => {
    const edges = Array.from({ length: 15 }, (_, b) => (b + 1) / 15);
    const { bins } = calibration(Float64Array.from(edges), new Int32Array(15));
    expect(bins.map(({ count }) => count)).toEqual(new Array(15).fill(1));
    for (const [b, edge] of edges.entries()) {
      const above = edge * (1 + Number.EPSILON);
      const [bin] = calibration(Float64Array.of(above), Int32Array.of(0))
        .bins.map(({ count }, i) => (count === 1 ? i : -1))
        .filter((i) => i >= 0);
      expect(bin).toBe(Math.min(b + 1, 14));
    }
  });

  it('is the gap of a sure and wrong classifier, 0 of an honest one, NaN where there is a NaN', () => {
    const wrong = calibration(new Float64Array(4).fill(1), new Int32Array(4).fill(1));
    expect([wrong.ece, wrong.mce]).toEqual([1, 1]);
    const honest = calibration(new Float64Array(4).fill(0.75), Int32Array.of(0, 0, 0, 1));
    expect([honest.ece, honest.mce]).toEqual([0, 0]);
    expect(honest.bins[11]).toEqual({
      count: 4,
      from: 11 / 15,
      to: 12 / 15,
      accuracy: 0.75,
      confidence: 0.75,
    });
    expect(honest.bins[0]).toMatchObject({ count: 0, accuracy: null, confidence: null });
    const broken = calibration(Float64Array.of(Number.NaN, 0.5), Int32Array.of(0, 0));
    expect([broken.ece, broken.mce, broken.bins[7]!.count]).toEqual([Number.NaN, Number.NaN, 1]);
    // Two bins, 3 of 4 images in one: the mean of the gaps weighs by images, the maximum does not.
    const two = calibration(Float64Array.of(0.9, 0.9, 0.9, 0.3), Int32Array.of(0, 0, 1, 0));
    expectClose(two.ece, (3 * (0.9 - 2 / 3) + 0.7) / 4, { rtol: 1e-12 });
    expectClose(two.mce, 0.7, { rtol: 1e-12 });
  });
});

describe('rankCorrelation', () => {
  it("is Spearman's", () => {
    expect(rankCorrelation([1, 2, 3, 4], [10, 100, 1000, 10_000])).toBe(1);
    expect(rankCorrelation([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
    // Without ties 1 − 6 Σd² / (n (n² − 1)): d = 1, 1, 1, 3, 2.
    expectClose(rankCorrelation([3, 1, 4, 5, 2], [4, 2, 5, 2.5, 1])!, 1 - (6 * 8) / 120, { rtol: 1e-12 });
    expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBeNull();
    expect(rankCorrelation([], [])).toBeNull();
  });

  it('gives equals the mean of their ranks: the Pearson correlation of 1.5, 1.5, 3, 4 and 1, 2, 3, 4', () => {
    const [x, y] = [
      tensor([1.5, 1.5, 3, 4], { dtype: 'float64' }),
      tensor([1, 2, 3, 4], { dtype: 'float64' }),
    ];
    const expected = torch.corrcoef(torch.stack([x, y])).toArray() as number[][];
    expectClose(rankCorrelation([5, 5, 6, 9], [0, 1, 2, 3])!, expected[0]![1]!, { rtol: 1e-12 });
  });
});
