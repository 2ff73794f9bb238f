import { describe, expect, it } from 'vitest';
import { DataLoader, type Dataset, datasetFromBytes, type Sampler } from '../../lib/data/index.ts';
import { tensor } from '../../lib/tensor/index.ts';

/** Classes of 1,200, 300, 0 and 100 images, all mixed. */
const sizes = [1200, 300, 0, 100];
const total = 1600;
const labels = Uint8Array.from({ length: total }, (_, i) => {
  const place = (i * 7) % total;
  return place < 1200 ? 0 : place < 1500 ? 1 : 3;
});
const dataset: Dataset = datasetFromBytes(
  { images: new Uint8Array(total), labels },
  { name: 'uneven', numClasses: 4, shape: [1, 1, 1], mean: 0, std: 1 },
);

const order = (sampler: Sampler, seed = 0, epoch = 1) =>
  Array.from(
    new DataLoader(dataset, { batchSize: 100, seed, sampler }).order(epoch).toTypedArray() as BigInt64Array,
    Number,
  );
const countsOf = (places: number[]) =>
  sizes.map((_, k) => places.filter((place) => labels[place] === k).length);

const samplers: [string, Sampler][] = [
  ['shuffle', 'shuffle'],
  ['class-aware', 'class-aware'],
  ['class-balanced', 'class-balanced'],
  ['weights', { weights: [1, 2, 3, 4] }],
];

describe.each(samplers)('the sampler %s', (_, sampler) => {
  it('gives as many images as there are, the same for a seed and an epoch, others for others', () => {
    const places = order(sampler);
    expect(places).toHaveLength(total);
    expect(places.every((place) => place >= 0 && place < total)).toBe(true);
    expect(order(sampler)).toEqual(places);
    expect(order(sampler, 0, 2)).not.toEqual(places);
    expect(order(sampler, 1, 1)).not.toEqual(places);
  });
});

describe('samplers', () => {
  it('class-aware: no images of no class', () => {
    const empty = datasetFromBytes(
      { images: new Uint8Array(0), labels: new Uint8Array(0) },
      { name: 'empty', numClasses: 4, shape: [1, 1, 1], mean: 0, std: 1 },
    );
    const loader = new DataLoader(empty, { batchSize: 100, seed: 0, sampler: 'class-aware' });
    expect(loader.order(1).shape).toEqual([0]);
  });

  it('shuffle: every image once', () => {
    expect(new Set(order('shuffle')).size).toBe(total);
  });

  it('class-aware: the classes take turns, and a class goes through all its images before any comes again', () => {
    const places = order('class-aware');
    for (let round = 0; round + 3 <= total; round += 3) {
      const classes = places.slice(round, round + 3).map((place) => labels[place]);
      expect([...classes].sort()).toEqual([0, 1, 3]);
    }
    for (const k of [0, 1, 3]) {
      const own = places.filter((place) => labels[place] === k);
      for (let start = 0; start + sizes[k]! <= own.length; start += sizes[k]!) {
        expect(new Set(own.slice(start, start + sizes[k]!)).size).toBe(sizes[k]);
      }
    }
    // Not the same order again.
    const last = places.filter((place) => labels[place] === 3);
    expect(last.slice(0, 100)).not.toEqual(last.slice(100, 200));
  });

  // Within five standard deviations of a binomial: √(1600 · ⅓ · ⅔) = 18.9.
  it('class-balanced: every class equally often', () => {
    const counts = countsOf(order('class-balanced'));
    for (const k of [0, 1, 3]) expect(Math.abs(counts[k]! - total / 3)).toBeLessThan(95);
    expect(counts[2]).toBe(0);
  });

  it('weights: images as often as the weight of their class says', () => {
    const counts = countsOf(order({ weights: [1, 0, 5, 12] }));
    expect(Math.abs(counts[0]! - 800)).toBeLessThan(100);
    expect(counts[1]).toBe(0);
    expect(counts[0]! + counts[3]!).toBe(total);
  });

  it.each<[unknown, string]>([
    ['random', 'expected one of shuffle, class-aware, class-balanced, or { weights }, got string "random"'],
    [null, 'expected one of shuffle, class-aware, class-balanced, or { weights }, got null'],
    [{ weights: [1, 2] }, 'expected a weight for each of 4 classes, got 2'],
    [{ weights: [1, 2, -1, 0] }, 'expected finite weights of at least 0, got number -1 at 2'],
    [{ weights: [1, 2, Number.NaN, 0] }, 'expected finite weights of at least 0, got number NaN at 2'],
  ])('%o is refused', (sampler, message) => {
    expect(() => new DataLoader(dataset, { batchSize: 4, seed: 0, sampler: sampler as Sampler })).toThrow(
      `DataLoader: sampler: ${message}`,
    );
  });

  it('class-aware: names a label that is no class', () => {
    const stray = { ...dataset, labels: tensor([0n, 1n, 7n, 1n]) };
    const loader = new DataLoader(stray, { batchSize: 2, seed: 1, sampler: 'class-aware' });
    expect(() => loader.epoch(1)).toThrow('DataLoader: labels: expected classes from 0 to 3, got 7 at 2');
  });

  it('need a seed, and a class that has images', () => {
    expect(() => new DataLoader(dataset, { batchSize: 4, sampler: 'class-aware' })).toThrow(
      'DataLoader: sampler: expected a seed beside it, got none',
    );
    expect(() => order({ weights: [0, 0, 1, 0] })).toThrow(
      /expected a weight above 0 for a class that has images/,
    );
    const empty = { ...dataset, labels: tensor(BigInt64Array.of()) };
    expect(new DataLoader(empty, { batchSize: 4, seed: 0 }).length).toBe(0);
  });
});
