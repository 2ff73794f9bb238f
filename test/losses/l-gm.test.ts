import { describe, expect, it } from 'vitest';
import { LgmLoss, type LgmOptions } from '../../lib/losses/index.ts';
import { Module } from '../../lib/nn/index.ts';
import { noGrad } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, inRows, int64, logSumExp, mean, randomFeatures, still } from './problem.ts';

const labels = [0, 2, 2, 1, 0];

/** Q, ln|Σ| and |x − μ|² of every row and class, from the parameters. */
function parts(loss: LgmLoss, features: number[][]) {
  const means = inRows(loss.means);
  const s = arrayOf(loss.logVariances);
  const D = means[0]!.length;
  const diagonal = s.length > means.length;
  const at = (k: number, d: number) => s[diagonal ? k * D + d : k]!;
  const dims = means[0]!.map((_, d) => d);
  const sum = (f: (d: number) => number) => dims.reduce((total, d) => total + f(d), 0);
  return features.map((x) =>
    means.map((mu, k) => ({
      Q: sum((d) => (x[d]! - mu[d]!) ** 2 / Math.exp(at(k, d))),
      lnDeterminant: sum((d) => at(k, d)),
      squared: sum((d) => (x[d]! - mu[d]!) ** 2),
    })),
  );
}

describe('LgmLoss', () => {
  it.each<LgmOptions>([
    {},
    { alpha: 1, lambda: 0.3 },
    { alpha: 0, lambda: 0 },
    { covariance: 'diagonal' },
    { form: 'official' },
    { form: 'official', learnVariances: true, covariance: 'diagonal', alpha: 0.5 },
  ])('is the formula, %j', (options) => {
    const loss = still(new LgmLoss(3, 4, options), 1);
    const { alpha = 0.1, lambda = 0.1, form = 'paper' } = options;
    const features = randomFeatures(5, 4, 2);
    const all = parts(loss, inRows(features));
    const lnDeterminant = (part: { lnDeterminant: number }) => (form === 'paper' ? part.lnDeterminant : 0);
    const logits = all.map((row) => row.map((part) => -0.5 * part.Q - 0.5 * lnDeterminant(part)));
    const softmax = all.map((row, i) => {
      const y = labels[i]!;
      const withMargin = row.map(
        (part, k) => -0.5 * (k === y ? 1 + alpha : 1) * part.Q - 0.5 * lnDeterminant(part),
      );
      return logSumExp(withMargin) - withMargin[y]!;
    });
    const likelihood = all.map((row, i) => {
      const part = row[labels[i]!]!;
      return form === 'paper' ? 0.5 * (part.Q + part.lnDeterminant) : 0.5 * part.squared;
    });
    const { total, classification, regularizer } = loss.forward(features, int64(labels));
    expectClose(classification.item(), mean(softmax), { rtol: 1e-11 });
    expectClose(regularizer!.item(), lambda * mean(likelihood), { rtol: 1e-11, atol: 1e-15 });
    expectClose(total.item(), mean(softmax) + lambda * mean(likelihood), { rtol: 1e-11 });
    expectClose(arrayOf(loss.logits(features)), logits.flat(), { rtol: 1e-11 });
  });

  it('has in its official form no ln|Σ|: a class that is wider is always nearer', () => {
    const loss = still(new LgmLoss(2, 2, { form: 'official' }));
    noGrad(() => {
      loss.means.fill_(0);
      loss.logVariances.select(0, 1).fill_(4);
    });
    const features = randomFeatures(20, 2);
    expect(arrayOf(loss.predict(features)).every((k) => k === 1)).toBe(true);
    const paper = still(new LgmLoss(2, 2));
    paper.loadStateDict(loss.stateDict());
    expect(new Set(arrayOf(paper.predict(features.mul(2)))).size).toBe(2);
  });

  it('learns its variances in the paper form, and in the official one if asked to', () => {
    const groups = (options: LgmOptions) =>
      new LgmLoss(3, 2, options)
        .parameterGroups(0.1, 0.01)
        .map(({ name, lr, weightDecay }) => [name, lr, weightDecay]);
    expect(groups({})).toEqual([
      ['means', 1, 0],
      ['logVariances', 1, 0],
    ]);
    expect(groups({ form: 'official', meanLr: 2 })).toEqual([['means', 0.2, 0]]);
    expect(groups({ form: 'official', learnVariances: true }).length).toBe(2);
    const fixed = new LgmLoss(3, 2, { form: 'official' });
    fixed.forward(randomFeatures(5, 2).to({ dtype: 'float32' }), int64(labels)).total.backward();
    expect(fixed.logVariances.grad).toBeNull();
    expect(Object.keys(fixed.stateDict())).toEqual(['means', 'log_variances', 'steps']);
  });

  it('lets α grow with the steps, and goes on where its state dict says', () => {
    const options: LgmOptions = { alpha: 0.1, alphaGrowth: 2, alphaInterval: 3, alphaMax: 0.3 };
    const loss = new LgmLoss(3, 2, options);
    const features = randomFeatures(5, 2).to({ dtype: 'float32' });
    const step = (of: LgmLoss) => {
      const { alpha } = of;
      of.forward(features, int64(labels));
      return alpha;
    };
    expect(Array.from({ length: 8 }, () => step(loss))).toEqual([0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.3, 0.3]);
    expect(loss.summary().alpha).toBe(0.3);
    const copy = new LgmLoss(3, 2, options);
    expect(copy.alpha).toBe(0.1);
    const earlier = new LgmLoss(3, 2, options);
    for (let i = 0; i < 4; i++) step(earlier);
    copy.loadStateDict(earlier.stateDict());
    expect([copy.alpha, step(copy), step(copy), step(copy)]).toEqual([0.2, 0.2, 0.2, 0.3]);
    loss.eval();
    const before = loss.steps.item();
    step(loss);
    expect(loss.steps.item()).toBe(before);
  });

  it('goes on likewise as part of a module whose state dict is loaded', () => {
    class Part extends Module {
      readonly loss = new LgmLoss(3, 2, { alpha: 0.1, alphaGrowth: 2, alphaInterval: 3 });
      override forward(): void {}
    }
    const [from, to] = [new Part(), new Part()];
    noGrad(() => from.loss.steps.fill_(4));
    to.loadStateDict(from.stateDict());
    expect([to.loss.alpha, to.loss.summary().alpha]).toEqual([0.2, 0.2]);
  });

  it('refuses bad options', () => {
    const bad = (options: object) => () => new LgmLoss(3, 2, options);
    expect(bad({ form: 'tf' })).toThrow('LgmLoss: form: expected one of "paper", "official", got "tf"');
    expect(bad({ alphaGrowth: 0.5 })).toThrow('alphaGrowth: expected a finite number of at least 1, got 0.5');
    expect(bad({ alphaInterval: 0 })).toThrow('alphaInterval: expected an integer of at least 1, got 0');
    expect(bad({ covariance: 'scalar' })).toThrow('covariance: expected one of "isotropic", "diagonal"');
    expect(bad({ initialSigma: 0 })).toThrow(
      'LgmLoss: initialSigma: expected a finite number above 0, got 0',
    );
    expect(bad({ meanLr: 'x' })).toThrow('LgmLoss: meanLr: expected a finite number above 0, got "x"');
  });
});
