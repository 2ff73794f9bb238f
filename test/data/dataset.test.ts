import { describe, expect, it } from 'vitest';
import {
  classCountsOf,
  DataLoader,
  type Dataset,
  datasetFromBytes,
  firstOf,
  sizeOf,
  splitOff,
} from '../../lib/data/index.ts';
import { memory, type Tensor, tensor } from '../../lib/tensor/index.ts';

/** `count` images of 1×2×2 whose pixels are their number; class i % 3, with class 0 twice as often. */
function numbered(count: number): Dataset {
  const labels = Uint8Array.from({ length: count }, (_, i) => [0, 1, 0, 2][i % 4]!);
  const images = Uint8Array.from({ length: 4 * count }, (_, j) => Math.floor(j / 4));
  return datasetFromBytes(
    { images, labels },
    { name: 'numbered', numClasses: 3, shape: [1, 2, 2], mean: 0.25, std: 0.5 },
  );
}

const labelsOf = ({ labels }: Dataset) => [...(labels.toTypedArray() as BigInt64Array)].map(Number);
const numbersOf = ({ images }: { images: Tensor }) => {
  const pixels = images.toTypedArray() as Uint8Array;
  return Array.from({ length: pixels.length / 4 }, (_, i) => pixels[4 * i]!);
};

describe('a data set', () => {
  it('is made from bytes', () => {
    const data = numbered(8);
    expect(sizeOf(data)).toBe(8);
    expect(data.images.shape).toEqual([8, 1, 2, 2]);
    expect(data.images.dtype).toBe('uint8');
    expect(data.labels.dtype).toBe('int64');
    expect(labelsOf(firstOf(data, 3))).toEqual([0, 1, 0]);
    expect(sizeOf(firstOf(data, 100))).toBe(8);
    expect(() => firstOf(data, 0)).toThrow('firstOf: count: expected an integer of at least 1, got number 0');
  });

  it('counts its classes, those that have no images too', () => {
    expect(classCountsOf(numbered(9))).toEqual([5, 2, 2]);
    expect(classCountsOf({ ...numbered(3), numClasses: 5 })).toEqual([2, 1, 0, 0, 0]);
  });

  it('is split without loss, overlap or change of order, from each class its share', () => {
    const data = numbered(80);
    const [rest, held] = splitOff(data, 20, 5);
    expect(labelsOf(held).filter((k) => k === 0)).toHaveLength(10);
    expect(labelsOf(held).filter((k) => k === 1)).toHaveLength(5);
    const [kept, taken] = [numbersOf(rest), numbersOf(held)];
    expect([...kept, ...taken].sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => i));
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
    const labels = labelsOf(data);
    expect(labelsOf(rest)).toEqual(kept.map((i) => labels[i]));
  });

  it('is split without taking the only image of a class while others have more', () => {
    const labels = [0n, 1n, 2n, 2n, 2n, 2n, 2n, 2n];
    const data = { ...numbered(8), labels: tensor(labels) };
    // Of 8 the shares of 4 are 0.5, 0.5 and 3; of 7 no class has enough to spare.
    expect(labelsOf(splitOff(data, 4, 0)[1])).toEqual([2, 2, 2, 2]);
    expect(labelsOf(splitOff(data, 7, 0)[0])).toHaveLength(1);
  });

  it('is split by the seed: the same twice, another with another', () => {
    const data = numbered(80);
    const taken = (seed: number) => numbersOf(splitOff(data, 21, seed)[1]);
    expect(taken(1)).toHaveLength(21);
    expect(taken(1)).toEqual(taken(1));
    expect(taken(1)).not.toEqual(taken(2));
    expect(() => splitOff(data, 80, 0)).toThrow(
      'splitOff: count: expected an integer from 1 to 79, got number 80',
    );
    const stray = { ...numbered(4), labels: tensor([0n, -1n, 2n, 1n]) };
    expect(() => splitOff(stray, 1, 0)).toThrow(
      'splitOff: labels: expected classes from 0 to 2, got -1 at 1',
    );
    expect(() => splitOff({ ...data, numClasses: 0 }, 1, 0)).toThrow(
      'splitOff: numClasses: expected an integer of at least 1, got number 0',
    );
  });
});

describe('datasetFromBytes', () => {
  const make = (images: number, labels: number[]) =>
    datasetFromBytes(
      { images: new Uint8Array(images), labels: Uint8Array.from(labels) },
      { name: 'x', numClasses: 3, shape: [1, 2, 2], mean: 0, std: 1 },
    );

  it('names bytes that do not fit', () => {
    expect(() => make(7, [0, 1])).toThrow('datasetFromBytes: images: expected 8 bytes for 2 of 1×2×2, got 7');
    expect(() => make(8, [0, 3])).toThrow(
      'datasetFromBytes: labels: expected classes from 0 to 2, got 3 at 1',
    );
  });

  it.each<[object, string]>([
    [{ classes: ['a', 'b'] }, 'classes: expected 3 names, one for each class, got 2'],
    [{ std: 0 }, 'std: expected finite numbers above 0, got number 0'],
    [{ std: [Number.NaN] }, 'std: expected finite numbers above 0, got number NaN'],
    [{ std: [1, 1] }, 'std: expected a number, or one for each of 1 channels, got 2'],
    [{ mean: 'a' }, 'mean: expected finite numbers, got string "a"'],
    [{ mean: undefined }, 'mean: expected finite numbers, got undefined'],
    [{ numClasses: undefined }, 'numClasses: expected an integer of at least 1, got undefined'],
    [{ numClasses: Number.NaN }, 'numClasses: expected an integer of at least 1, got number NaN'],
  ])('names what is wrong with %o', (more, message) => {
    const description = { name: 'x', numClasses: 3, shape: [1, 2, 2] as const, mean: 0, std: 1, ...more };
    const bytes = { images: new Uint8Array(4), labels: Uint8Array.of(0) };
    expect(() => datasetFromBytes(bytes, description)).toThrow(`datasetFromBytes: ${message}`);
  });
});

describe('DataLoader', () => {
  const run = (loader: DataLoader, number: number) => {
    const epoch = loader.epoch(number);
    const batches = Array.from({ length: loader.length }, (_, i) => epoch.batch(i));
    epoch.dispose();
    return batches;
  };
  /** The images' numbers, from normalised pixels. */
  const seen = (loader: DataLoader, number: number) =>
    run(loader, number).flatMap(({ images }) => {
      const pixels = images.toTypedArray() as Float32Array;
      return Array.from({ length: pixels.length / 4 }, (_, i) =>
        Math.round((pixels[4 * i]! * 0.5 + 0.25) * 255),
      );
    });
  const inOrder = Array.from({ length: 50 }, (_, i) => i);

  it('gives normalised float32 images in order, the last batch smaller', () => {
    const loader = new DataLoader(numbered(50), { batchSize: 16 });
    const batches = run(loader, 1);
    expect(batches.map(({ images }) => images.shape)).toEqual([
      [16, 1, 2, 2],
      [16, 1, 2, 2],
      [16, 1, 2, 2],
      [2, 1, 2, 2],
    ]);
    expect(batches[0]!.images.dtype).toBe('float32');
    // (pixel / 255 − mean) / std
    expect((batches[1]!.images.toTypedArray() as Float32Array)[0]).toBeCloseTo((16 / 255 - 0.25) / 0.5, 6);
    expect(seen(loader, 1)).toEqual(inOrder);
  });

  it('leaves out a last batch that is not full where asked', () => {
    const loader = new DataLoader(numbered(50), { batchSize: 16, dropLast: true });
    expect(loader.length).toBe(3);
    expect(seen(loader, 1)).toHaveLength(48);
  });

  it('shuffles all images by seed and epoch', () => {
    const of = (seed: number, epoch: number) =>
      seen(new DataLoader(numbered(50), { batchSize: 7, seed }), epoch);
    const orders = [of(0, 1), of(0, 2), of(1, 1), of(1, 2)];
    for (const order of orders) expect([...order].sort((a, b) => a - b)).toEqual(inOrder);
    expect(new Set(orders.map(String)).size).toBe(4);
    expect(of(0, 2)).toEqual(orders[1]);
  });

  it("has other orders for seeds and epochs that are alike in PyTorch's 32 bits of a seed", () => {
    const data = numbered(50);
    const seeds = [0, 1, 4096, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52, Number.MAX_SAFE_INTEGER - 1];
    seeds.push(Number.MAX_SAFE_INTEGER);
    const orders = seeds.flatMap((seed) => {
      const loader = new DataLoader(data, { batchSize: 50, seed });
      return [1, 2, 2 ** 20, 2 ** 32 + 1].map((epoch) => String(loader.order(epoch).toTypedArray()));
    });
    expect(new Set(orders).size).toBe(orders.length);
  });

  it('keeps images and labels together', () => {
    const data = numbered(50);
    const labels = labelsOf(data);
    const loader = new DataLoader(data, { batchSize: 50, seed: 3 });
    const [batch] = run(loader, 1);
    expect([...(batch!.labels.toTypedArray() as BigInt64Array)].map(Number)).toEqual(
      seen(loader, 1).map((i) => labels[i]),
    );
  });

  it('leaves nothing behind', () => {
    const loader = new DataLoader(numbered(50), { batchSize: 16, seed: 0 });
    const before = memory.tensors;
    const epoch = loader.epoch(1);
    for (let i = 0; i < loader.length; i++) {
      const { images, labels } = epoch.batch(i);
      images.dispose();
      labels.dispose();
    }
    epoch.dispose();
    expect(memory.tensors).toBe(before);
  });

  it('names what is wrong with its arguments', () => {
    const data = numbered(8);
    expect(() => new DataLoader(data, { batchSize: 0 })).toThrow(
      'DataLoader: batchSize: expected an integer of at least 1, got number 0',
    );
    expect(() => new DataLoader(data, { batchSize: 4, seed: -1 })).toThrow(
      /seed: expected an integer of at least 0/,
    );
    expect(() => new DataLoader(data, { batchSize: 4, dropLast: 'no' as unknown as boolean })).toThrow(
      `DataLoader: argument 'dropLast' expected true or false, got string "no"`,
    );
    expect(() => new DataLoader(data, { batchSize: 4, shuffle: true } as { batchSize: number })).toThrow(
      'DataLoader: there is no option "shuffle"; the options are batchSize, seed',
    );
    expect(() => new DataLoader(data, undefined as unknown as { batchSize: number })).toThrow(
      "DataLoader: argument 'options' expected an object, got undefined",
    );
    for (const number of [0, 1.5, Number.NaN]) {
      expect(() => new DataLoader(data, { batchSize: 4 }).epoch(number)).toThrow(
        `DataLoader: epoch: expected an integer of at least 1, got number ${number}`,
      );
    }
    expect(() => new DataLoader(data, { batchSize: 4 }).epoch(1).batch(2)).toThrow(
      'DataLoader: batch: expected an integer from 0 to 1, got number 2',
    );
  });
});
