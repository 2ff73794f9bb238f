import { describe, expect, it } from 'vitest';
import { type FocalTerm, sigmoidFocalRows, softmaxFocalRows } from '../../lib/losses/focal-rows.ts';
import { FocalLoss, type FocalOptions } from '../../lib/losses/index.ts';
import { type Tensor, tensor } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, dot, inRows, int64, logSumExp, mean, randomFeatures, rowsOf, still } from './problem.ts';

const labels = [0, 2, 2, 1, 0];
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

/** The loss of a row as printed: powers of probabilities. */
function printed(logits: number[], y: number, { form, gamma = 2, alpha = null }: FocalOptions): number {
  if (form !== 'sigmoid') {
    const p = Math.exp(logits[y]! - logSumExp(logits));
    return -((1 - p) ** gamma) * Math.log(p);
  }
  const terms = logits.map((l, k) => {
    const p = k === y ? sigmoid(l) : 1 - sigmoid(l);
    const a = alpha === null ? 1 : k === y ? alpha : 1 - alpha;
    return -a * (1 - p) ** gamma * Math.log(p);
  });
  return terms.reduce((sum, term) => sum + term, 0);
}

describe('FocalLoss', () => {
  it.each<FocalOptions>([
    {},
    { gamma: 0 },
    { gamma: 0.5 },
    { gamma: 5, detach: true },
    { form: 'sigmoid' },
    { form: 'sigmoid', gamma: 0 },
    { form: 'sigmoid', gamma: 1, alpha: 0.25 },
  ])('is the formula, %j', (options) => {
    const loss = still(new FocalLoss(3, 4, options), 1);
    const features = randomFeatures(5, 4, 2);
    const weights = inRows(loss.linear.weight);
    const biases = arrayOf(loss.linear.bias!);
    const logits = inRows(features).map((x) => weights.map((w, k) => dot(w, x) + biases[k]!));
    const rows = logits.map((row, i) => printed(row, labels[i]!, options));
    expectClose(loss.forward(features, int64(labels)).total.item(), mean(rows), { rtol: 1e-11 });
    expectClose(arrayOf(loss.logits(features)), logits.flat(), { rtol: 1e-12 });
  });

  it('has, detached, the gradient of cross-entropy times the modulator', () => {
    const loss = still(new FocalLoss(3, 4, { gamma: 2, detach: true }), 1);
    const features = randomFeatures(5, 4, 2);
    loss.forward(features, int64(labels)).total.backward();
    const weights = inRows(loss.linear.weight);
    const biases = arrayOf(loss.linear.bias!);
    const expected = [0, 0, 0];
    for (const [i, x] of inRows(features).entries()) {
      const logits = weights.map((w, k) => dot(w, x) + biases[k]!);
      const p = logits.map((l) => Math.exp(l - logSumExp(logits)));
      const modulator = (1 - p[labels[i]!]!) ** 2;
      p.forEach((share, k) => {
        expected[k]! += (modulator * (share - (k === labels[i] ? 1 : 0))) / 5;
      });
    }
    expectClose(arrayOf(loss.linear.bias!.grad!), expected, { rtol: 1e-10 });
  });

  it('starts sigmoids at the probability 1/K, with a bias that does not decay', () => {
    const loss = new FocalLoss(10, 2, { form: 'sigmoid' });
    expectClose(arrayOf(loss.linear.bias!).map(sigmoid), new Array(10).fill(0.1), { rtol: 1e-6 });
    const [weight, bias] = loss.parameterGroups(0.1, 0.01);
    expect(weight).toEqual({ name: 'weight', params: [loss.linear.weight], lr: 0.1, weightDecay: 0.01 });
    expect(bias).toEqual({ name: 'bias', params: [loss.linear.bias], lr: 0.1, weightDecay: 0 });
    const softmax = new FocalLoss(10, 2);
    expect(softmax.parameterGroups(0.1, 0.01).map(({ params }) => params.length)).toEqual([2]);
    expect(arrayOf(new FocalLoss(1, 2, { form: 'sigmoid' }).linear.bias!).every((b) => b === 0)).toBe(true);
  });

  it('is 0 for one class, with softmax', () => {
    const loss = still(new FocalLoss(1, 2, { gamma: 0.5 }));
    const features = randomFeatures(3, 2);
    const { total } = loss.forward(features, int64([0, 0, 0]));
    total.backward();
    expect(total.item()).toBeCloseTo(0, 12);
    expect(arrayOf(features.grad!).every((slope) => slope === 0)).toBe(true);
  });

  it('refuses bad options', () => {
    const bad = (options: object) => () => new FocalLoss(3, 2, options);
    expect(bad({ gamma: -1 })).toThrow('FocalLoss: gamma: expected a finite number of at least 0, got -1');
    expect(bad({ form: 'binary' })).toThrow('form: expected one of "softmax", "sigmoid", got "binary"');
    expect(bad({ form: 'sigmoid', alpha: 2 })).toThrow(
      'alpha: expected a number from 0 to 1, or null, got 2',
    );
    expect(bad({ alpha: 0.25 })).toThrow('alpha: expected null with form "softmax", got 0.25');
    expect(bad({ detach: 0 })).toThrow('detach: expected true or false, got 0');
  });
});

describe.each([
  ['softmax', softmaxFocalRows],
  ['sigmoid', sigmoidFocalRows],
] as const)('focal rows by %s', (_, rowsOfForm) => {
  const gradient = (logits: Tensor, y: number[], term: FocalTerm): number[] => {
    logits.grad = null;
    rowsOfForm(logits, int64(y), term).sum().backward();
    return arrayOf(logits.grad!);
  };

  it.each([0, 0.01, 0.5, 0.99, 1, 2])('is finite at p = 1 and p = 0, γ = %d', (gamma) => {
    for (const dtype of ['float32', 'float64'] as const) {
      const logits = tensor(
        Float64Array.from([40, 0, -3, 800, -800, -800, -800, 800, 800, 1e4, 1e4, 1e4, -1e4, 1e4, -1e4]),
        { shape: [5, 3], dtype, requiresGrad: true },
      );
      const values = arrayOf(rowsOfForm(logits, int64([0, 0, 0, 0, 0]), { gamma, detach: false }));
      expect(
        values.every((value) => value >= 0 && Number.isFinite(value)),
        String(values),
      ).toBe(true);
      const slopes = gradient(logits, [0, 0, 0, 0, 0], { gamma, detach: false });
      expect(slopes.every(Number.isFinite), String(slopes)).toBe(true);
    }
  });

  it('tends to 0 with its gradient as p goes to 1, for γ below 1', () => {
    const term = { gamma: 0.5, detach: false };
    const sizes = [5, 10, 20, 40].map((l) => {
      const logits = rowsOf([[l, -l]]);
      return Math.max(...gradient(logits, [0], term).map(Math.abs));
    });
    sizes.slice(1).forEach((size, i) => {
      expect(size).toBeLessThan(sizes[i]! * 1e-2);
    });
  });

  it('is cross-entropy exactly at γ = 0, also where 1 − p is 0', () => {
    const logits = rowsOf([
      [1e3, -1e3, 0],
      [0.3, 0.1, -0.7],
    ]);
    const values = arrayOf(rowsOfForm(logits, int64([0, 1]), { gamma: 0, detach: false }));
    const softplus = (z: number) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
    const expected =
      rowsOfForm === softmaxFocalRows
        ? [0, logSumExp([0.3, 0.1, -0.7]) - 0.1]
        : [Math.log(2), softplus(-0.1) + softplus(0.3) + softplus(-0.7)];
    expectClose(values, expected, { rtol: 1e-12, atol: 1e-15 });
  });
});
