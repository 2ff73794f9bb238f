import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  type CifarFiles,
  cifar10,
  cifar100,
  loadCifar,
  loadCifarPart,
  loadLongTailedCifar,
} from '../../lib/data/cifar.ts';
import {
  classCountsOf,
  DataFileError,
  DataMissingError,
  type Dataset,
  dataDirectory,
  loadCifar10,
  longTailCounts,
  sizeOf,
} from '../../lib/data/index.ts';
import type { Tensor } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeTar } from '../support/tar.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

/** CIFAR-100 with 400 images to train and 100 to test. */
const small: CifarFiles = {
  ...cifar100,
  train: [{ name: 'train.bin', records: 400 }],
  test: [{ name: 'test.bin', records: 100 }],
};
const recordSize = 3074;

/** Records i = 0, 1, …: coarse label ⌊k / 5⌋, fine label k = i mod 100, pixels i + j mod 251. */
function records(count: number): Buffer {
  const bytes = Buffer.alloc(count * recordSize);
  for (let i = 0; i < count; i++) {
    const record = bytes.subarray(i * recordSize, (i + 1) * recordSize);
    record[0] = Math.floor((i % 100) / 5);
    record[1] = i % 100;
    for (let j = 0; j < 3072; j++) record[2 + j] = (i + j) % 251;
  }
  return bytes;
}

const own = () => join(folder, 'cifar-100');
function unpacked(train = records(400), test = records(100), below = 'cifar-100-binary'): void {
  mkdirSync(join(own(), below), { recursive: true });
  writeFileSync(join(own(), below, 'train.bin'), train);
  writeFileSync(join(own(), below, 'test.bin'), test);
}
function archived(change: (bytes: Buffer) => Uint8Array = (bytes) => bytes): void {
  mkdirSync(own(), { recursive: true });
  const tar = makeTar([
    { name: 'cifar-100-binary/', data: null },
    { name: 'cifar-100-binary/fine_label_names.txt', data: Buffer.from('apple\n') },
    { name: 'cifar-100-binary/train.bin', data: records(400) },
    { name: 'cifar-100-binary/test.bin', data: records(100) },
  ]);
  writeFileSync(join(own(), 'cifar-100-binary.tar.gz'), change(gzipSync(tar)));
}

const options = () => ({ dataDir: folder, download: false });
const labelsOf = ({ labels }: Dataset) => Array.from(labels.toTypedArray() as BigInt64Array, Number);
const counts = classCountsOf;

describe('CIFAR-100', () => {
  it.each([
    ['unpacked', () => unpacked()],
    ['unpacked without the inner folder', () => unpacked(records(400), records(100), '.')],
    ['in its archive', () => archived()],
  ])('is read %s', async (_, make) => {
    make();
    const { train, validation, test } = await loadCifar(small, options());
    expect([train, validation, test].map(sizeOf)).toEqual([360, 40, 100]);
    expect(test.numClasses).toBe(100);
    expect(test.images.shape).toEqual([100, 3, 32, 32]);
    expect(labelsOf(test)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    const pixels = test.images.toTypedArray() as Uint8Array;
    expect([0, 1, 3071, 3072].map((at) => pixels[at])).toEqual([0, 1, 3071 % 251, 1]);
    expect(test.augment).toBe('crop-flip');
  });

  it('holds nothing out where it is told not to', async () => {
    unpacked();
    const { train, validation, test } = await loadCifar(small, { ...options(), holdOut: false });
    expect(labelsOf(train)).toEqual(Array.from({ length: 400 }, (_, i) => i % 100));
    expect(validation).toBe(test);
    expect(sizeOf(test)).toBe(100);
    const tail = await loadLongTailedCifar(
      small,
      { ratio: 4 },
      { ...options(), classes: 'coarse', holdOut: false },
    );
    expect(counts(tail.train)).toEqual(longTailCounts(20, 20, 4));
    expect(tail.train.name).toBe('cifar-100-lt-4');
    expect(tail.validation).toBe(tail.test);
    // In the files' order, as the other is: its first images are not of one class.
    expect(new Set(labelsOf(tail.train).slice(0, 20)).size).toBeGreaterThan(1);
  });

  it('has coarse labels too', async () => {
    unpacked();
    const { train, test } = await loadCifar(small, { ...options(), classes: 'coarse' });
    expect(test.numClasses).toBe(20);
    expect(labelsOf(test)).toEqual(Array.from({ length: 100 }, (_, i) => Math.floor(i / 5)));
    // 400 images, 20 classes of 20 each, of which a tenth is held out.
    expect(counts(train)).toEqual(new Array(20).fill(18));
  });

  it('is made long-tailed, the test images as they were', async () => {
    unpacked(records(400), records(100));
    const tail = await loadLongTailedCifar(
      { ...small, labels: cifar100.labels },
      { ratio: 4 },
      { ...options(), classes: 'coarse' },
    );
    expect(tail.train.name).toBe('cifar-100-lt-4');
    // 20 of each class in all; a twenty-fifth is held out, which only the first class has to give up.
    expect(counts(tail.validation)).toEqual(new Array(20).fill(1));
    expect(counts(tail.train)[0]).toBe(19);
    expect(counts(tail.train).at(-1)).toBe(5);
    expect(counts(tail.test)).toEqual(new Array(20).fill(5));
  });

  it.each<[string, () => void, RegExp]>([
    [
      'a file cut off in a record',
      () => unpacked(records(400).subarray(0, 399 * recordSize + 7)),
      /train\.bin: at offset 1226533: expected 400 records of 3074 bytes, got 1226533 bytes/,
    ],
    [
      'a file cut off between records',
      () => unpacked(records(399)),
      /train\.bin: at offset 1226526: expected 400 records/,
    ],
    [
      'too many records',
      () => unpacked(records(401)),
      /train\.bin: at offset 1229600: expected 400 records of 3074 bytes, got 1232674 bytes/,
    ],
    [
      'a label that is no class',
      () => {
        const bytes = records(400);
        bytes[3 * recordSize + 1] = 100;
        unpacked(bytes);
      },
      /train\.bin: at offset 9223, record 3: expected a fine label from 0 to 99, got 100/,
    ],
    [
      'a coarse label that is no class',
      () => {
        const bytes = records(400);
        bytes[3 * recordSize] = 20;
        unpacked(bytes);
      },
      /at offset 9222, record 3: expected a coarse label from 0 to 19, got 20/,
    ],
    [
      'an archive cut off',
      () => archived((bytes) => bytes.subarray(0, 500)),
      /tar\.gz: the gzip stream of 500/,
    ],
    [
      'what is no archive',
      () => archived(() => Buffer.alloc(1024, 'no archive')),
      /cifar-100-binary\.tar\.gz: at offset 0: expected the header/,
    ],
    [
      'an archive without a file',
      () => archived(() => gzipSync(makeTar([{ name: 'train.bin', data: records(400) }]))),
      /tar\.gz: there is no cifar-100-binary\/train\.bin in it/,
    ],
  ])('names the file and the offset of %s', async (_, make, message) => {
    make();
    const loading = loadCifar(small, options());
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow(DataFileError);
  });

  it('says what is missing', async () => {
    const loading = loadCifar(small, options());
    await expect(loading).rejects.toThrow(DataMissingError);
    await expect(loading).rejects.toThrow(`${join(own(), 'cifar-100-binary.tar.gz')} is missing`);
  });

  it('says which file a checksum does not fit', async () => {
    unpacked();
    const train = [{ name: 'train.bin', records: 400, md5: 'c32a1d4ab5d03f1284b67883e8d87530' }];
    await expect(loadCifar({ ...small, train }, options())).rejects.toThrow(
      /train\.bin: expected the official file with MD5 c32a1d4a.*, got one with [0-9a-f]{32}/,
    );
  });
});

const here = existsSync(join(dataDirectory(), 'cifar-10'));

describe.skipIf(!here)('CIFAR-10', () => {
  it('is the official one: numbers, classes and moments', async () => {
    const { train, validation, test } = await loadCifar10({ download: false });
    expect([train, validation, test].map(sizeOf)).toEqual([45_000, 5000, 10_000]);
    expect(counts(train)).toEqual(new Array(10).fill(4500));
    expect(counts(validation)).toEqual(new Array(10).fill(500));
    expect(counts(test)).toEqual(new Array(10).fill(1000));
    // The first test images: cat, ship, ship, airplane, frog.
    expect(labelsOf(test).slice(0, 5)).toEqual([3, 8, 8, 0, 6]);
  });

  it('has the moments that the constants say', async () => {
    const all = await loadCifarPart(cifar10, 'test', { download: false });
    const pixels = all.images.to({ dtype: 'float32' }).div(255);
    const values = (moments: Tensor) => [...(moments.toTypedArray() as Float32Array)];
    // Those of the training images, of which the test images are further draws.
    expectClose(values(pixels.mean([0, 2, 3])), all.mean as number[], { atol: 4e-3 });
    // Over all pixels, and, as the recipes have it, the mean of the deviations within an image.
    expectClose(values(pixels.permute([1, 0, 2, 3]).reshape([3, -1]).std([1])), [0.247, 0.2435, 0.2616], {
      atol: 4e-3,
    });
    expectClose(values(pixels.reshape([-1, 3, 1024]).std([2]).mean([0])), all.std as number[], {
      atol: 4e-3,
    });
  });
});
