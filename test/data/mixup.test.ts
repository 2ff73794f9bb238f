import { describe, expect, it } from 'vitest';
import { type Batch, Mixup } from '../../lib/data/index.ts';
import { memory, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';

const values = (t: Tensor): number[] => Array.from(t.toTypedArray(), Number);
const batch = (count = 8): Batch => ({
  images: torch.arange(count * 6, { dtype: 'float32' }).reshape([count, 1, 2, 3]),
  labels: torch.arange(count, { dtype: 'int64' }),
});
const lambdas = (alpha: number, count: number): number[] => {
  const mixup = new Mixup({ alpha, seed: 1 });
  const small = batch(1);
  return Array.from({ length: count }, (_, step) => mixup.mix(small, 1, step).lambda);
};

describe('Mixup', () => {
  it('mixes each image with another of the batch, in one share', () => {
    const { images, labels } = batch();
    const mixed = new Mixup({ alpha: 1, seed: 3 }).mix({ images, labels }, 2, 5);
    const others = values(mixed.otherLabels);
    expect([...others].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(others).not.toEqual(values(labels));
    expect(values(mixed.labels)).toEqual(values(labels));
    expect(mixed.images.shape).toEqual([8, 1, 2, 3]);
    const { lambda } = mixed;
    const expected = others.flatMap((other, i) =>
      [0, 1, 2, 3, 4, 5].map((j) => lambda * (6 * i + j) + (1 - lambda) * (6 * other + j)),
    );
    expectClose(values(mixed.images), expected, { rtol: 1e-5, atol: 1e-5 });
    expect(values(images)).toEqual(values(batch().images));
  });

  it('draws the same for the same seed, epoch and step, whatever was drawn before', () => {
    const draw = (seed: number, epoch: number, step: number) => {
      const { lambda, otherLabels } = new Mixup({ seed }).mix(batch(), epoch, step);
      return [lambda, ...values(otherLabels)].join();
    };
    const mixup = new Mixup({ seed: 4 });
    for (let step = 0; step < 3; step++) mixup.mix(batch(), 1, step);
    torch.randn([5]);
    const { lambda, otherLabels } = mixup.mix(batch(), 1, 7);
    expect([lambda, ...values(otherLabels)].join()).toBe(draw(4, 1, 7));
    const all = [0, 1, 4096, 2 ** 31].flatMap((seed) =>
      [1, 2, 3].flatMap((epoch) => [0, 1, 2].map((step) => draw(seed, epoch, step))),
    );
    expect(new Set(all).size).toBe(all.length);
  });

  it.each([0.2, 1, 4])('draws λ from Beta(α, α), α = %d', (alpha) => {
    const drawn = lambdas(alpha, 2000);
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    expectClose(mean, 0.5, { atol: 0.04 });
    expectClose(variance, 1 / (4 * (2 * alpha + 1)), { rtol: 0.1 });
    expect(drawn.every((lambda) => lambda >= 0 && lambda <= 1)).toBe(true);
  });

  it('has shares from 0 to 1 for any α', () => {
    for (const alpha of [1e-300, 1e-4, 1e8]) {
      expect(
        lambdas(alpha, 50).every((lambda) => lambda >= 0 && lambda <= 1),
        String(alpha),
      ).toBe(true);
    }
  });

  it('leaves no tensors behind but what it gives', () => {
    const mixup = new Mixup();
    const own = { images: torch.zeros([2, 1, 1, 1]), labels: tensor([0n, 1n]) };
    const before = memory.tensors;
    const mixed = mixup.mix(own, 1, 0);
    expect(memory.tensors).toBe(before + 2);
    mixed.images.dispose();
    mixed.otherLabels.dispose();
  });

  it('refuses bad options', () => {
    expect(() => new Mixup({ alpha: 0 })).toThrow(
      'Mixup: alpha: expected a finite number above 0, got number 0',
    );
    expect(() => new Mixup({ alpha: Number.NaN })).toThrow('Mixup: alpha');
    expect(() => new Mixup({ seed: -1 })).toThrow(
      'Mixup: seed: expected an integer of at least 0, got number -1',
    );
    expect(() => new Mixup({ alhpa: 1 } as object)).toThrow(
      'Mixup: there is no option "alhpa"; the options are alpha, seed',
    );
  });
});
