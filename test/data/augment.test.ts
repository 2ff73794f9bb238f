import { describe, expect, it } from 'vitest';
import { type Crops, cropImages, crops, drawCrops } from '../../lib/data/augment.ts';
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
function expected({ padding }: Crops, pixels: Uint8Array, b: number, draw: number): number[] {
  const places = 2 * padding + 1;
  const [top, left] = [Math.floor(draw / places) % places, draw % places];
  const result: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const row = top + y - padding;
        const column = left + (draw >= places * places ? width - 1 - x : x) - padding;
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        result.push(inside ? pixels[((b * channels + c) * height + row) * width + column]! : 0);
      }
    }
  }
  return result;
}

describe('cropImages', () => {
  // Every corner, the middle, and some between, plain and where they are mirrored. The middle is the image itself.
  it.each([
    ['crop', [0, 4, 20, 24, 12, 3, 17, 12], { middle: 4 }],
    ['crop-flip', [0, 8, 40, 72, 80, 81, 121, 161], { middle: 2, mirrored: 6 }],
  ] as const)('%s: crops the padded image, and mirrors it, as drawn', (name, some, same) => {
    const pixels = images().images;
    const draws = Array.from({ length: count }, (_, i) => some[i % 8]!);
    const result = cropImages(crops[name], pixels, tensor(BigInt64Array.from(draws.map(BigInt))));
    expect(result.dtype).toBe('uint8');
    expect(result.shape).toEqual([count, channels, height, width]);
    const bytes = pixels.toTypedArray() as Uint8Array;
    expect([...(result.toTypedArray() as Uint8Array)]).toEqual(
      draws.flatMap((draw, b) => expected(crops[name], bytes, b, draw)),
    );
    expect(result.select(0, same.middle).equal(pixels.select(0, same.middle))).toBe(true);
    if ('mirrored' in same) {
      expect(result.select(0, same.mirrored).equal(pixels.select(0, same.mirrored).flip([2]))).toBe(true);
    }
  });

  it.each([
    ['crop', 25],
    ['crop-flip', 162],
  ] as const)('%s: draws every one of its %i crops equally often', (name, kinds) => {
    const draws = drawCrops(crops[name], 100 * kinds, new Generator(1));
    const counts = torch.bincount(draws).toArray() as number[];
    expect(counts).toHaveLength(kinds);
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

  it.each(['crop', 'crop-flip'] as const)(
    '%s: keeps the order and the labels of one that does not',
    (kind) => {
      const dataset = images();
      const batches = (augment: 'none' | typeof kind) =>
        run(new DataLoader(dataset, { ...options, augment }), 1);
      const [varied, plain] = [batches(kind), batches('none')];
      expect(varied.map(({ labels }) => labels.toArray())).toEqual(
        plain.map(({ labels }) => labels.toArray()),
      );
      expect(values(varied)).not.toEqual(values(plain));
    },
  );

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
      'DataLoader: augment: expected none, crop or crop-flip for images in memory, got string "resized-crop-flip"',
    );
    expect(() => new DataLoader(dataset, { batchSize: 4, augment: 'crop-flip' })).toThrow(
      'DataLoader: augment: expected a seed beside it, got none',
    );
  });
});
