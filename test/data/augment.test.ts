import { describe, expect, it } from 'vitest';
import { cropFlip, drawCrops } from '../../lib/data/augment.ts';
import { DataLoader, type Dataset } from '../../lib/data/index.ts';
import { Generator, memory, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';

const [count, channels, height, width] = [40, 3, 6, 8];

function images(): Dataset {
  const generator = new Generator(5);
  return {
    name: 'noise',
    images: torch.randint(1, 256, [count, channels, height, width], { generator, dtype: 'uint8' }),
    labels: torch.arange(count, { dtype: 'int64' }),
    numClasses: count,
    mean: [0.4, 0.5, 0.6],
    std: [0.2, 0.25, 0.3],
  };
}

/** One image at a time, pixel by pixel. */
function expected(pixels: Uint8Array, b: number, draw: number): number[] {
  const [top, left] = [Math.floor(draw / 9) % 9, draw % 9];
  const result: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const row = top + y - 4;
        const column = left + (draw >= 81 ? width - 1 - x : x) - 4;
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        result.push(inside ? pixels[((b * channels + c) * height + row) * width + column]! : 0);
      }
    }
  }
  return result;
}

describe('cropFlip', () => {
  it('crops the padded image and mirrors it, as drawn', () => {
    const pixels = images().images;
    // Every corner, the middle, and some between, plain and mirrored.
    const draws = Array.from({ length: count }, (_, i) => [0, 8, 40, 72, 80, 81, 121, 161][i % 8]!);
    const result = cropFlip(pixels, tensor(BigInt64Array.from(draws.map(BigInt))));
    expect(result.dtype).toBe('uint8');
    expect(result.shape).toEqual([count, channels, height, width]);
    const bytes = pixels.toTypedArray() as Uint8Array;
    expect([...(result.toTypedArray() as Uint8Array)]).toEqual(
      draws.flatMap((draw, b) => expected(bytes, b, draw)),
    );
    // 40 is the crop in the middle: the image itself.
    expect(result.select(0, 2).equal(pixels.select(0, 2))).toBe(true);
    expect(result.select(0, 6).equal(pixels.select(0, 6).flip([2]))).toBe(true);
  });

  it('draws every crop equally often', () => {
    const draws = drawCrops(16_200, new Generator(1));
    const counts = torch.bincount(draws).toArray() as number[];
    expect(counts).toHaveLength(162);
    // 100 each, within six standard deviations.
    expect(Math.min(...counts)).toBeGreaterThan(40);
    expect(Math.max(...counts)).toBeLessThan(160);
  });
});

describe('a loader that augments', () => {
  const run = (loader: DataLoader, number: number, from = 0) => {
    const epoch = loader.epoch(number);
    const batches = Array.from({ length: loader.length - from }, (_, i) => epoch.batch(from + i));
    epoch.dispose();
    return batches;
  };
  const values = (batches: { images: Tensor }[]) =>
    batches.map(({ images: batch }) => [...(batch.toTypedArray() as Float32Array)]);
  const options = { batchSize: 16, seed: 3, augment: 'crop-flip' } as const;

  it('normalises each channel, the padding as black', () => {
    const dataset = images();
    const [means, stds] = [dataset.mean as number[], dataset.std as number[]];
    const plain = run(
      new DataLoader(dataset, { batchSize: count }),
      1,
    )[0]!.images.toTypedArray() as Float32Array;
    const bytes = dataset.images.toTypedArray() as Uint8Array;
    const plane = height * width;
    plain.forEach((value, i) => {
      const c = Math.floor(i / plane) % channels;
      expect(value).toBeCloseTo((bytes[i]! / 255 - means[c]!) / stds[c]!, 5);
    });
    const black = means.map((mean, c) => Math.fround(-mean / stds[c]!));
    for (const { images: batch } of run(new DataLoader(dataset, options), 1)) {
      // No pixel of the images is 0, so that black is padding.
      const least = batch.amin([0, 2, 3]).toArray() as number[];
      least.forEach((value, c) => {
        expect(value).toBeCloseTo(black[c]!, 5);
      });
    }
  });

  it('gives the same batches for a seed and an epoch, wherever it begins', () => {
    const dataset = images();
    const all = values(run(new DataLoader(dataset, options), 2));
    expect(values(run(new DataLoader(dataset, options), 2))).toEqual(all);
    expect(values(run(new DataLoader(dataset, options), 2, 1))).toEqual(all.slice(1));
    expect(values(run(new DataLoader(dataset, options), 3))).not.toEqual(all);
    expect(values(run(new DataLoader(dataset, { ...options, seed: 4 }), 2))).not.toEqual(all);
  });

  it('keeps the order and the labels of one that does not', () => {
    const dataset = images();
    const labels = (augment: 'none' | 'crop-flip') =>
      run(new DataLoader(dataset, { ...options, augment }), 1).map((batch) => batch.labels.toArray());
    expect(labels('crop-flip')).toEqual(labels('none'));
  });

  it('leaves nothing behind', () => {
    const loader = new DataLoader(images(), options);
    const before = memory.tensors;
    const epoch = loader.epoch(1);
    const batch = epoch.batch(2);
    batch.images.dispose();
    batch.labels.dispose();
    epoch.dispose();
    expect(memory.tensors).toBe(before);
  });

  it('names what does not go together', () => {
    const dataset = images();
    expect(() => new DataLoader(dataset, { ...options, augment: 'resized-crop-flip' })).toThrow(
      'DataLoader: augment: expected none or crop-flip for images in memory, got string "resized-crop-flip"',
    );
    expect(() => new DataLoader(dataset, { batchSize: 4, augment: 'crop-flip' })).toThrow(
      'DataLoader: augment: expected a seed beside it, got none',
    );
  });
});
