import { describe, expect, it } from 'vitest';
import { IcuAuthorsLoss, type IcuAuthorsOptions } from '../../lib/losses/index.ts';
import { manualSeed, noGrad } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, inRows, int64, logSumExp, mean, randomFeatures, rowsOf, still } from './problem.ts';

const labels = [0, 2, 2, 1, 0];
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

/** The classifier as its code has it, x² included, which the loss leaves out where it cancels. */
function inFull(
  loss: IcuAuthorsLoss,
  features: number[][],
  epsilon: number,
  margin?: { labels: number[]; alpha: number; gamma: number },
): number[][] {
  const means = inRows(loss.means);
  const A = inRows(loss.inverseSigmas);
  return features.map((x, i) => {
    const common = sum(A.map((a) => sum(x.map((value, d) => value ** 2 * a[d]! ** 2))));
    return means.map((mu, k) => {
      const a = A[k]!;
      const cross = sum(x.map((value, d) => value * mu[d]! * a[d]! ** 2));
      const own = sum(mu.map((value, d) => (value * a[d]!) ** 2));
      const lnA = sum(a.map((value) => Math.log(value + epsilon)));
      const isTarget = margin !== undefined && margin.labels[i] === k;
      const distance = -0.5 * (common - 2 * cross + own) + 0.5 * lnA * (isTarget ? 1 + margin.gamma : 1);
      return isTarget ? distance * (1 + margin.alpha) : distance;
    });
  });
}

describe('IcuAuthorsLoss', () => {
  it.each<IcuAuthorsOptions>([
    {},
    { gamma: 0.3 },
    { alpha: 0.2, gamma: 0.1, gpus: 4 },
    { lambdaMean: 0.5, lambdaVar: 0 },
  ])('is what the code computes, %j', (options) => {
    const loss = still(new IcuAuthorsLoss(3, 4, options), 1);
    const { alpha = 0, gamma = 1e-4, lambdaMean = 0.1, lambdaVar = 0.1, gpus = 1 } = options;
    const features = randomFeatures(5, 4, 2);
    const rows = inRows(features);
    const logits = inFull(loss, rows, 1e-10, { labels, alpha, gamma });
    const softmax = mean(logits.map((row, i) => logSumExp(row) - row[labels[i]!]!));
    const means = inRows(loss.means);
    const A = inRows(loss.inverseSigmas);
    const squared = rows.flatMap((x, i) => x.map((value, d) => (means[labels[i]!]![d]! - value) ** 2));
    const variances = labels.flatMap((y) => A[y]!.map((a) => 1 / a ** 2));
    const apart = squared.map((value, j) => Math.abs(value - variances[j]!));
    const regularizer = gpus * (lambdaMean * mean(squared) + lambdaVar * mean(apart));
    const output = loss.forward(features, int64(labels));
    expectClose(output.classification.item(), softmax, { rtol: 1e-11 });
    expectClose(output.regularizer!.item(), regularizer, { rtol: 1e-11 });
    expectClose(output.total.item(), softmax + regularizer, { rtol: 1e-11 });
  });

  it('is a linear classifier without labels, and leaks them only when asked to', () => {
    const loss = still(new IcuAuthorsLoss(3, 4, { gamma: 0.5 }), 1);
    const features = randomFeatures(5, 4, 2);
    const full = inFull(loss, inRows(features), 0);
    const logits = inRows(loss.logits(features));
    // The same up to a constant for each row.
    for (const [i, row] of logits.entries()) {
      expectClose(
        row.map((l) => l - row[0]!),
        full[i]!.map((l) => l - full[i]![0]!),
        { rtol: 1e-10, atol: 1e-12 },
      );
    }
    const leaked = inRows(loss.leakedLogits(features, int64(labels)));
    const lnA = inRows(loss.inverseSigmas).map((a) => sum(a.map(Math.log)));
    leaked.forEach((row, i) => {
      const moved = row.map((l, k) => l - logits[i]![k]!);
      const expected = lnA.map((ln, k) => (k === labels[i] ? 0.25 * ln : 0));
      expectClose(moved, expected, { rtol: 1e-6, atol: 1e-8 });
    });
  });

  it('is not finite once a step has taken 1/σ across 0', () => {
    const loss = new IcuAuthorsLoss(2, 2);
    noGrad(() => loss.inverseSigmas.fill_(-0.1));
    const features = rowsOf([[1, 2]]).to({ dtype: 'float32' });
    expect(loss.forward(features, int64([0])).total.item()).toBeNaN();
  });

  it('starts with σ = 1, and decays with the network unless told not to', () => {
    manualSeed(1);
    const loss = new IcuAuthorsLoss(3, 2);
    expect(arrayOf(loss.inverseSigmas)).toEqual(new Array(6).fill(1));
    expect(loss.summary()).toEqual({ sigmaMean: 1, sigmaMin: 1, sigmaMax: 1 });
    expect(Object.keys(loss.stateDict())).toEqual(['means', 'inverse_sigmas']);
    expect(loss.parameterGroups(0.1, 0.01)).toEqual([
      { name: 'loss', params: [loss.means, loss.inverseSigmas], lr: 0.1, weightDecay: 0.01 },
    ]);
    const [other] = new IcuAuthorsLoss(3, 2, { ownLr: 2, ownDecay: 0 }).parameterGroups(0.1, 0.01);
    expect([other!.lr, other!.weightDecay]).toEqual([0.2, 0]);
  });

  it('refuses bad options', () => {
    const bad = (options: object) => () => new IcuAuthorsLoss(3, 2, options);
    expect(bad({ gpus: 0 })).toThrow('IcuAuthorsLoss: gpus: expected an integer of at least 1, got 0');
    expect(bad({ alpha: -1 })).toThrow('alpha: expected a finite number of at least 0, got -1');
  });
});
