import { describe, expect, it, vi } from 'vitest';
import { RingLoss, type RingOptions } from '../../lib/losses/index.ts';
import { noGrad } from '../../lib/tensor/index.ts';
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
const penalties: Record<string, (u: number, nu: number) => number> = {
  l2: (u) => u ** 2 / 2,
  'smooth-l1': (u) => (Math.abs(u) < 1 ? u ** 2 / 2 : Math.abs(u) - 0.5),
  ratio: (u, nu) => (u / nu) ** 2 / 2,
};

describe('RingLoss', () => {
  it.each<[RingOptions, number]>([
    [{}, 0.01],
    [{ form: 'smooth-l1' }, 0.01],
    [{ form: 'ratio' }, 1],
    [{ form: 'ratio', weight: 0.3 }, 0.3],
    [{ weight: 0 }, 0],
  ])('is softmax and the ring, %j', (options, weight) => {
    const loss = still(new RingLoss(3, 4, options), 1);
    noGrad(() => loss.radius.fill_(2.5));
    const features = randomFeatures(5, 4, 2);
    const rows = inRows(features);
    const { total, classification, regularizer, diagnostics } = loss.forward(features, int64(labels));
    const weights = inRows(loss.linear.weight);
    const biases = arrayOf(loss.linear.bias!);
    const logits = rows.map((x) => weights.map((w, k) => dot(w, x) + biases[k]!));
    const softmax = mean(logits.map((row, i) => logSumExp(row) - row[labels[i]!]!));
    const lengths = rows.map(norm);
    const nu = Math.max(mean(lengths), 0.5);
    const ring = weight * mean(lengths.map((length) => penalties[options.form ?? 'l2']!(length - 2.5, nu)));
    expectClose(classification.item(), softmax, { rtol: 1e-12 });
    expectClose(regularizer!.item(), ring, { rtol: 1e-12 });
    expectClose(total.item(), softmax + ring, { rtol: 1e-12 });
    expectClose((diagnostics.featureNorm as { item(): number }).item(), mean(lengths), { rtol: 1e-12 });
    expectClose(arrayOf(loss.logits(features)), logits.flat(), { rtol: 1e-12 });
  });

  it('holds the divisor of the ratio constant, which is at least 0.5', () => {
    const loss = still(new RingLoss(2, 2, { form: 'ratio', weight: 1 }));
    noGrad(() => {
      loss.radius.fill_(2);
      for (const parameter of loss.linear.parameters()) parameter.fill_(0);
    });
    const features = rowsOf([
      [3, 4],
      [0, 1],
    ]);
    loss.forward(features, int64([0, 1])).total.backward();
    // ν = 3; d/dx = (1/N)·(|x| − R)/ν²·x/|x|
    expectClose(arrayOf(features.grad!), [(0.5 * 3 * 0.6) / 9, (0.5 * 3 * 0.8) / 9, 0, (-0.5 * 1) / 9], {
      rtol: 1e-12,
      atol: 1e-15,
    });
    expectClose(loss.radius.grad!.item(), (-0.5 * (3 - 1)) / 9, { rtol: 1e-12 });
    const small = rowsOf([[0.1, 0]]);
    expectClose(loss.forward(small, int64([0])).regularizer!.item(), ((0.1 - 2) / 0.5) ** 2 / 2, {
      rtol: 1e-12,
    });
  });

  it('takes its radius from the first batch in training', () => {
    const loss = new RingLoss(3, 2);
    const first = rowsOf([
      [3, 4],
      [0, 1],
      [100, 0],
    ]).to({ dtype: 'float32' });
    const y = int64([0, 1, -100]);
    expect(loss.radius.item()).toBe(-1);
    // In evaluation it stands in for the radius, but stays no part of the state.
    expectClose(loss.eval().forward(first, y).regularizer!.item(), 0.01 * (2 ** 2 / 2), { rtol: 1e-6 });
    expect(loss.radius.item()).toBe(-1);
    loss.train();
    loss.forward(first, int64([-100, -100, -100]));
    expect(loss.radius.item()).toBe(-1);
    const { regularizer } = loss.forward(first, y);
    expect(loss.summary()).toEqual({ radius: 3 });
    expectClose(regularizer!.item(), 0.01 * (2 ** 2 / 2), { rtol: 1e-6 });
    loss.forward(first.mul(7), y);
    expect(loss.radius.item()).toBe(3);
    const copy = new RingLoss(3, 2);
    copy.loadStateDict(loss.stateDict());
    copy.forward(first.mul(7), y);
    expect(copy.radius.item()).toBe(3);
  });

  it('takes no radius from a batch that fails', () => {
    const loss = new RingLoss(3, 2);
    vi.spyOn(loss, 'logits').mockImplementation(() => {
      throw new Error('out of memory');
    });
    const features = rowsOf([[3, 4]]).to({ dtype: 'float32' });
    expect(() => loss.forward(features, int64([0]))).toThrow('out of memory');
    expect(loss.radius.item()).toBe(-1);
  });

  it('has rates of its own, and refuses bad options', () => {
    const loss = new RingLoss(3, 2, { radiusLr: 2, radiusDecay: 0.5, bias: false });
    expect(loss.linear.bias).toBeNull();
    const [linear, radius] = loss.parameterGroups(0.1, 0.01);
    expect(linear).toEqual({ name: 'linear', params: [loss.linear.weight], lr: 0.1, weightDecay: 0.01 });
    expect(radius).toEqual({ name: 'radius', params: [loss.radius], lr: 0.2, weightDecay: 0.005 });
    expect(new RingLoss(3, 2).parameterGroups(0.1, 0.01)[1]!.weightDecay).toBe(0);
    expect(() => new RingLoss(3, 2, { form: 'l1' as 'l2' })).toThrow(
      'RingLoss: form: expected one of "l2", "smooth-l1", "ratio", got "l1"',
    );
    expect(() => new RingLoss(3, 2, { weight: -1 })).toThrow(
      'RingLoss: weight: expected a finite number of at least 0, or null, got -1',
    );
  });
});
