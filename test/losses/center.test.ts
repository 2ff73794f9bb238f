import { describe, expect, it } from 'vitest';
import { CenterLoss, type CenterOptions } from '../../lib/losses/index.ts';
import { Buffer, Parameter } from '../../lib/nn/index.ts';
import { manualSeed, noGrad, tensor } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import {
  arrayOf,
  dot,
  inRows,
  int64,
  logSumExp,
  mean,
  norm,
  randomFeatures,
  rowsOf,
  still,
} from './problem.ts';

const labels = [0, 2, 2, 1, 0];
const make = (options: CenterOptions = {}) => {
  manualSeed(1);
  return new CenterLoss(3, 4, options);
};

describe('CenterLoss', () => {
  it.each(['delta', 'autograd'] as const)('is softmax and half the squared distance, %s', (update) => {
    const loss = still(make({ update, weight: 0.3 }));
    const features = randomFeatures(5, 4, 2);
    const rows = inRows(features);
    const { total, classification, regularizer } = loss.forward(features, int64(labels));
    const weights = inRows(loss.linear.weight);
    const biases = arrayOf(loss.linear.bias!);
    const logits = rows.map((x) => weights.map((w, k) => dot(w, x) + biases[k]!));
    const softmax = mean(logits.map((row, i) => logSumExp(row) - row[labels[i]!]!));
    const centers = inRows(loss.centers);
    const squared = rows.map((x, i) => norm(x.map((value, d) => value - centers[labels[i]!]![d]!)) ** 2);
    expectClose(classification.item(), softmax, { rtol: 1e-12 });
    expectClose(regularizer!.item(), (0.3 * mean(squared)) / 2, { rtol: 1e-12 });
    expectClose(total.item(), softmax + (0.3 * mean(squared)) / 2, { rtol: 1e-12 });
    expectClose(arrayOf(loss.logits(features)), logits.flat(), { rtol: 1e-12 });
  });

  it('moves centres by the rule Δ = Σ (c − x)/(1 + n), after the loss, whatever the weight', () => {
    const moved = [0, 0.01, 200].map((weight) => {
      const loss = new CenterLoss(3, 2, { weight, centerLr: 0.25 });
      noGrad(() => loss.centers.copy_(tensor([1, 1, 2, 2, 3, 3]).view([3, 2])));
      const features = rowsOf([
        [4, 0],
        [0, 4],
        [6, 6],
        [9, 9],
      ]).to({ dtype: 'float32' });
      const { regularizer } = loss.forward(features, int64([0, 0, 1, -100]));
      // |x − c|² with the centres as they were: 10, 10, 32
      expectClose(regularizer!.item(), (weight * (10 + 10 + 32)) / 3 / 2, { rtol: 1e-6 });
      return arrayOf(loss.centers);
    });
    // class 0: n = 2, Σ(c − x) = (2 − 4, 2 − 4) = (−2, −2); class 1: n = 1, (−4, −4); class 2: none
    const expected = [1 + 0.25 * (2 / 3), 1 + 0.25 * (2 / 3), 2 + 0.25 * 2, 2 + 0.25 * 2, 3, 3];
    for (const centers of moved) expectClose(centers, expected, { rtol: 1e-6 });
  });

  it('moves them in training only, with no gradient and no optimizer', () => {
    const loss = make();
    expect(loss.centers).toBeInstanceOf(Buffer);
    expect(Object.keys(loss.stateDict())).toEqual(['centers', 'linear.weight', 'linear.bias']);
    const features = randomFeatures(5, 4).detach().to({ dtype: 'float32' });
    const before = arrayOf(loss.centers);
    loss.eval().forward(features, int64(labels));
    expect(arrayOf(loss.centers)).toEqual(before);
    loss.train().forward(features, int64(labels)).total.backward();
    expect(arrayOf(loss.centers)).not.toEqual(before);
    expect(loss.centers.grad).toBeNull();
    expect(loss.parameterGroups(0.1, 0.01).map(({ name }) => name)).toEqual(['linear']);
  });

  it('arrives at the means of its classes', () => {
    const loss = make();
    const features = randomFeatures(5, 4, 3).detach().to({ dtype: 'float32' });
    for (let i = 0; i < 200; i++) loss.forward(features, int64(labels));
    const rows = inRows(features);
    const means = [0, 1, 2].map((k) => {
      const own = rows.filter((_, i) => labels[i] === k);
      return [0, 1, 2, 3].map((d) => mean(own.map((x) => x[d]!)));
    });
    expectClose(arrayOf(loss.centers), means.flat(), { rtol: 1e-4, atol: 1e-5 });
  });

  it('moves mixed labels by their shares', () => {
    const loss = new CenterLoss(2, 1, { centerLr: 1 });
    noGrad(() => loss.centers.copy_(tensor([[0], [10]])));
    const features = tensor([[4]]);
    loss.forwardMixed(features, { labels: int64([0]), otherLabels: int64([1]), lambda: 0.25 });
    expectClose(arrayOf(loss.centers), [0 + (0.25 * 4) / 2, 10 - (0.75 * 6) / 2], { rtol: 1e-6 });
  });

  it('gives centres the gradient of weight 1 with autograd', () => {
    const features = randomFeatures(5, 4, 2);
    for (const weight of [0.25, 8]) {
      const loss = still(make({ update: 'autograd', weight }));
      expect(loss.centers).toBeInstanceOf(Parameter);
      const centers = inRows(loss.centers);
      const rows = inRows(features);
      features.grad = null;
      loss.forward(features, int64(labels)).total.backward();
      // dL/dc_k = (1/N) Σ_{y = k} (c_k − x)
      const expected = centers.map((c, k) =>
        c.map((value, d) => rows.reduce((sum, x, i) => sum + (labels[i] === k ? (value - x[d]!) / 5 : 0), 0)),
      );
      expectClose(arrayOf(loss.centers.grad!), expected.flat(), { rtol: 1e-12, atol: 1e-15 });
    }
  });

  it('has a group for the centres with autograd', () => {
    const loss = make({ update: 'autograd', centerLr: 5, centerDecay: 0.5 });
    expect(loss.parameterGroups(0.1, 0.01)[1]).toEqual({
      ...{ name: 'centers', params: [loss.centers], lr: 0.5, weightDecay: 0.005 },
    });
    const plain = make({ update: 'autograd' }).parameterGroups(0.1, 0.01)[1]!;
    expect([plain.lr, plain.weightDecay]).toEqual([1, 0]);
  });

  it('refuses bad options', () => {
    expect(() => make({ update: 'ema' as 'delta' })).toThrow(
      'update: expected one of "delta", "autograd", got "ema"',
    );
    expect(() => make({ centerLr: 1.5 })).toThrow(
      'CenterLoss: centerLr: expected a number from 0 to 1 with update "delta", got 1.5',
    );
    expect(() => make({ centerLr: 0 })).toThrow('centerLr: expected a finite number above 0, or null, got 0');
    expect(() => make({ weight: Number.NaN })).toThrow(
      'weight: expected a finite number of at least 0, got NaN',
    );
  });
});
