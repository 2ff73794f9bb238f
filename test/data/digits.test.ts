import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { drawDigits, loadDrawnDigits, sizeOf } from '../../lib/data/index.ts';
import { Linear } from '../../lib/nn/index.ts';
import { Adam } from '../../lib/optim/index.ts';
import { manualSeed, noGrad, scope, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';

const pixels = 784;

describe('drawn digits', () => {
  it('are the same for a seed, image by image, and others for another', () => {
    const long = drawDigits(200, 1);
    const short = drawDigits(50, 1);
    expect(short.images).toEqual(long.images.subarray(0, 50 * pixels));
    expect(short.labels).toEqual(long.labels.subarray(0, 50));
    const other = drawDigits(50, 2);
    expect(Buffer.compare(other.images, short.images)).not.toBe(0);
    expect(Buffer.compare(other.labels, short.labels)).not.toBe(0);
    const images = new Set(
      Array.from({ length: 200 }, (_, i) =>
        createHash('md5')
          .update(long.images.subarray(i * pixels, (i + 1) * pixels))
          .digest('hex'),
      ),
    );
    expect(images.size).toBe(200);
  });

  it('have every class equally often, in random order, and ink well inside the picture', () => {
    const { images, labels } = drawDigits(2000, 3);
    for (let k = 0; k < 10; k++) expect(labels.filter((label) => label === k)).toHaveLength(200);
    expect([...labels.subarray(0, 10)]).not.toEqual([...labels.subarray(10, 20)]);
    const ink = images.reduce((sum, value) => sum + value, 0) / images.length / 255;
    expect(ink).toBeGreaterThan(0.05);
    expect(ink).toBeLessThan(0.3);
    for (let i = 0; i < 2000; i++) {
      expect(Math.max(...images.subarray(i * pixels, (i + 1) * pixels))).toBeGreaterThan(100);
    }
  });

  it.each([-1, 1.5, Number.NaN])('cannot be %d', (count) => {
    expect(() => drawDigits(count, 0)).toThrow(
      `drawDigits: count: expected an integer of at least 0, got number ${count}`,
    );
    expect(() => drawDigits(1, count)).toThrow(/drawDigits: seed: expected an integer/);
  });

  it('come in the numbers of MNIST', () => {
    const { train, validation, test } = loadDrawnDigits();
    expect([train, validation, test].map(sizeOf)).toEqual([55000, 5000, 10000]);
    expect(train.images.shape).toEqual([55000, 1, 28, 28]);
  });

  it('are too hard for a linear classifier', () => {
    manualSeed(0);
    const float = (seed: number, count: number) => {
      const { images, labels } = drawDigits(count, seed);
      return {
        images: scope(() => tensor(images).to({ dtype: 'float32' }).div(255).reshape([count, pixels])),
        labels: scope(() => tensor(labels).to({ dtype: 'int64' })),
      };
    };
    const train = float(1, 20000);
    const test = float(2, 4000);
    const layer = new Linear(pixels, 10);
    const optimizer = new Adam(layer.parameters(), { lr: 3e-3 });
    const accuracy = (data: { images: Tensor; labels: Tensor }) =>
      noGrad(() =>
        scope(() =>
          layer.forward(data.images).argmax(1).eq(data.labels).to({ dtype: 'float32' }).mean().item(),
        ),
      );
    for (let step = 0; step < 1200; step++) {
      scope(() => {
        const from = (step * 500) % 20000;
        optimizer.zeroGrad();
        const logits = layer.forward(train.images.narrow(0, from, 500));
        torch.crossEntropyLoss(logits, train.labels.narrow(0, from, 500)).backward();
        optimizer.step();
      });
    }
    // It has learned what a linear classifier can, and that is not enough.
    expect(accuracy(train)).toBeGreaterThan(0.6);
    expect(accuracy(test)).toBeGreaterThan(0.6);
    expect(accuracy(test)).toBeLessThan(0.9);
  });
});
