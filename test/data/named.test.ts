import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  absoluteDataName,
  classCountsOf,
  type DataName,
  dataDirectory,
  imageShape,
  isDataName,
  loadNamed,
  loadNamedTest,
  longTailCounts,
  sizeOf,
} from '../../lib/data/index.ts';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeImage, put } from '../support/images.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

describe('names of data sets', () => {
  it.each([
    'mnist',
    'fashion-mnist',
    'cifar-10',
    'cifar-100',
    'drawn-digits',
    'cifar-10-lt-100',
    'cifar-100-lt-12.5',
    'folder:images',
    'folder:/some where',
  ])('%s', (name) => {
    expect(isDataName(name)).toBe(true);
  });

  it.each([
    'imagenet',
    'cifar',
    'cifar-10-lt',
    'cifar-10-lt-',
    'cifar-10-lt-0.5',
    'cifar-10-lt-1e2',
    'cifar-20-lt-10',
    'mnist-lt-10',
    'folder:',
    'toString',
    '',
    null,
    3,
  ])('%s is none', async (name) => {
    expect(isDataName(name)).toBe(false);
    await expect(loadNamed(name as DataName)).rejects.toThrow(
      /data: expected one of mnist, .*folder:<path>, got /,
    );
  });

  it('of folders are made absolute', () => {
    expect(absoluteDataName('folder:images')).toBe(`folder:${join(process.cwd(), 'images')}`);
    expect(absoluteDataName('folder:/images')).toBe('folder:/images');
    expect(absoluteDataName('cifar-10-lt-3')).toBe('cifar-10-lt-3');
  });

  it.each<[DataName, string]>([
    ['fashion-mnist', 'fashion-mnist'],
    ['cifar-100', 'cifar-100'],
    ['cifar-100-lt-10', 'cifar-100'],
    ['cifar-10-lt-10', 'cifar-10'],
  ])('%s is looked for in the folder %s of the data directory', async (name, below) => {
    const options = { dataDir: folder, download: false };
    await expect(loadNamed(name, options)).rejects.toThrow(join(folder, below));
    await expect(loadNamedTest(name, options)).rejects.toThrow(/is missing/);
  });

  it('a folder of images is read', async () => {
    for (const name of ['train/a/1', 'train/a/2', 'train/b/1', 'val/b/1']) {
      put(folder, `${name}.jpg`, await makeImage(1, 20, 20));
    }
    const { train, validation, test } = await loadNamed(`folder:${folder}`, {
      skipCorrupt: true,
      workers: 1,
    });
    expect([train, validation, test].map(sizeOf)).toEqual([2, 1, 1]);
    expect(imageShape(train)).toEqual([3, 224, 224]);
    expect(train).toMatchObject({ skipped: new Map(), workers: 1, augment: 'resized-crop-flip' });
    expect((await loadNamedTest(`folder:${folder}`)).labels.toArray()).toEqual([1]);
    const whole = await loadNamed(`folder:${folder}`, { holdOut: false });
    expect([whole.train, whole.test].map(sizeOf)).toEqual([3, 1]);
    expect(whole.train.labels.toArray()).toEqual([0, 0, 1]);
    expect(whole.validation).toBe(whole.test);
  });
});

const here = existsSync(join(dataDirectory(), 'cifar-10'));

describe.skipIf(!here)('CIFAR-10-LT', () => {
  it('has the published sizes, less what the largest class gives up, and the whole test set', async () => {
    const load = (seed?: number) => loadNamed('cifar-10-lt-100', { seed, download: false });
    const { train, validation, test } = await load();
    expect(classCountsOf(train)).toEqual([4800, ...longTailCounts(5000, 10, 100).slice(1)]);
    expect(classCountsOf(validation)).toEqual(new Array(10).fill(200));
    expect(classCountsOf(test)).toEqual(new Array(10).fill(1000));
    expect([train.name, train.augment]).toEqual(['cifar-10-lt-100', 'crop-flip']);
    const other = await load(1);
    expect(classCountsOf(other.train)).toEqual(classCountsOf(train));
    expect(other.train.labels.equal(train.labels)).toBe(false);
  });

  it('is the whole published subset where nothing is held out', async () => {
    const splits = await loadNamed('cifar-10-lt-100', { holdOut: false, download: false });
    const { train, validation, test } = splits;
    expect(sizeOf(train)).toBe(12_406);
    expect(classCountsOf(train)).toEqual(longTailCounts(5000, 10, 100));
    expect(validation).toBe(test);
    expect([train.name, sizeOf(test)]).toEqual(['cifar-10-lt-100', 10_000]);
  });
});
