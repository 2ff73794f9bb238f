import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  classCountsOf,
  type Dataset,
  longTailCounts,
  longTailed,
  sizeOf,
  splitLongTailed,
} from '../../lib/data/index.ts';
import { tensor, torch } from '../../lib/tensor/index.ts';

/** A balanced data set, class by class, whose images are their number: place = class · size + place in the class. */
function balanced(numClasses: number, size: number): Dataset {
  const count = numClasses * size;
  const labels = BigInt64Array.from({ length: count }, (_, i) => BigInt(Math.floor(i / size)));
  return {
    name: 'balanced',
    images: torch.arange(count, { dtype: 'int64' }).reshape([count, 1, 1, 1]),
    labels: tensor(labels),
    numClasses,
    mean: 0,
    std: 1,
  };
}

const numbers = ({ images }: Dataset) => Array.from(images.toTypedArray() as BigInt64Array, Number);
const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
const counts = classCountsOf;
/** The published check of a subset: sha256 of the places as int32, its first 16 digits. */
const hash = (places: number[]) =>
  createHash('sha256').update(Int32Array.from(places)).digest('hex').slice(0, 16);

const cifar10 = balanced(10, 5000);
const cifar100 = balanced(100, 500);

describe('longTailCounts', () => {
  it.each([
    [10, [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500]],
    [50, [5000, 3237, 2096, 1357, 878, 568, 368, 238, 154, 100]],
    [100, [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]],
  ])('gives the published sizes of CIFAR-10-LT, ratio %i', (ratio, sizes) => {
    expect(longTailCounts(5000, 10, ratio)).toEqual(sizes);
  });

  it.each([
    [10, 19_573, 50],
    [50, 12_608, 10],
    [100, 10_847, 5],
  ])('gives the published number of images of CIFAR-100-LT, ratio %i', (ratio, total, least) => {
    const sizes = longTailCounts(500, 100, ratio);
    expect(sum(sizes)).toBe(total);
    expect([sizes[0], Math.min(...sizes)]).toEqual([500, least]);
  });

  it('gives what it is given where nothing is to be cut', () => {
    expect(longTailCounts(7, 3, 1)).toEqual([7, 7, 7]);
    expect(longTailCounts(7, 1, 100)).toEqual([7]);
  });
});

describe('longTailed', () => {
  it.each([
    ['CIFAR-10', cifar10, 100, 12_406, 'c03f850899e48c68'],
    ['CIFAR-10', cifar10, 50, 13_996, 'd5bcac8b5ebf6912'],
    ['CIFAR-10', cifar10, 10, 20_431, '60dd75125654d768'],
    ['CIFAR-100', cifar100, 100, 10_847, 'fe61b6ae641a619b'],
    ['CIFAR-100', cifar100, 50, 12_608, '814da07ae0218c33'],
    ['CIFAR-100', cifar100, 10, 19_573, '666ef52a26580af1'],
  ])('chooses the published images of %s-LT %#', (_, dataset, ratio, total, digits) => {
    const subset = longTailed(dataset, { ratio });
    expect(sizeOf(subset)).toBe(total);
    expect(hash(numbers(subset))).toBe(digits);
    expect(counts(subset)).toEqual(
      longTailCounts(sizeOf(dataset) / dataset.numClasses, dataset.numClasses, ratio),
    );
    // No image twice: a known fault of subsets drawn with replacement.
    expect(new Set(numbers(subset)).size).toBe(total);
  });

  it.each([
    [cifar10, 0, [398, 3833, 4836, 4572, 636, 2545]],
    [cifar10, 1, [597, 332, 521, 3935, 4800, 1102]],
    [cifar10, 9, [2204, 3816, 2206, 2507, 1926, 4765]],
    [cifar100, 0, [90, 254, 283, 445, 461, 15]],
    [cifar100, 1, [277, 307, 436, 88, 261, 57]],
    [cifar100, 99, [348, 153, 363, 361, 299]],
  ])('begins each class with the published images %#', (dataset, k, first) => {
    const subset = longTailed(dataset, { ratio: 100 });
    const size = sizeOf(dataset) / dataset.numClasses;
    const start = sum(longTailCounts(size, dataset.numClasses, 100).slice(0, k));
    expect(
      numbers(subset)
        .slice(start, start + first.length)
        .map((i) => i - k * size),
    ).toEqual(first);
  });

  it('keeps images and labels together, and goes by the labels wherever they lie', () => {
    const size = 40;
    const labels = BigInt64Array.from({ length: 3 * size }, (_, i) => BigInt((7 * i) % 3));
    const mixed = { ...balanced(3, size), labels: tensor(labels) };
    const subset = longTailed(mixed, { ratio: 4, seed: 3 });
    expect(counts(subset)).toEqual([40, 20, 10]);
    const own = Array.from(subset.labels.toTypedArray() as BigInt64Array);
    expect(own).toEqual(numbers(subset).map((i) => labels[i]));
  });

  it('has the same images in the order of the data set, sorted', () => {
    const [shuffled, sorted] = [false, true].map((flag) =>
      numbers(longTailed(cifar10, { ratio: 100, sorted: flag })),
    );
    expect(hash(shuffled!)).toBe('c03f850899e48c68');
    expect(sorted).toEqual(shuffled!.toSorted((a, b) => a - b));
  });

  it('depends on its seed', () => {
    const of = (seed: number) => hash(numbers(longTailed(cifar100, { ratio: 10, seed })));
    expect(of(1)).toBe(of(1));
    expect(of(1)).not.toBe(of(0));
  });

  it('names what is wrong', () => {
    for (const ratio of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => longTailed(cifar100, { ratio })).toThrow(
        `longTailed: ratio: expected a finite number of at least 1, got number ${ratio}`,
      );
    }
    expect(() => longTailed(cifar100, { ratio: 10, seed: 2 ** 32 })).toThrow(/seed: expected an integer/);
    expect(() => longTailed(cifar100, { ratio: 1000 })).toThrow(
      /expected at least 1 images of class 90, got 0/,
    );
    const uneven = {
      ...balanced(2, 4),
      labels: tensor(BigInt64Array.from([0n, 1n, 1n, 1n, 1n, 1n, 1n, 1n])),
    };
    expect(() => longTailed(uneven, { ratio: 2 })).toThrow(/expected at least 4 images of class 0, got 1/);
  });
});

describe('splitLongTailed', () => {
  it('holds out images that the subset does not have, and takes none from the tail', () => {
    const { train, validation } = splitLongTailed(cifar10, 200, { ratio: 100 });
    expect(counts(validation)).toEqual(new Array(10).fill(200));
    const published = longTailCounts(5000, 10, 100);
    expect(counts(train)).toEqual([4800, ...published.slice(1)]);
    const [kept, held] = [numbers(train), numbers(validation)];
    expect(new Set([...kept, ...held]).size).toBe(kept.length + held.length);
    const chosen = new Set(numbers(longTailed(cifar10, { ratio: 100 })));
    expect(kept.every((i) => chosen.has(i))).toBe(true);
    // In the order of the files, so that a part of it is a sample of all classes.
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
  });

  it('holds out the same images whatever the ratio', () => {
    const held = (ratio: number) => numbers(splitLongTailed(cifar100, 20, { ratio }).validation);
    expect(held(10)).toEqual(held(100));
  });

  it('names a number of held-out images that cannot be had', () => {
    for (const heldOut of [0, 1.5, 500]) {
      expect(() => splitLongTailed(cifar100, heldOut, { ratio: 10 })).toThrow(
        `splitLongTailed: heldOut: expected an integer from 1 to 499, got number ${heldOut}`,
      );
    }
  });
});
