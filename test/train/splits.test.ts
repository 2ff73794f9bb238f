import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AnyDataset, DataFileError, type Dataset, sizeOf } from '../../lib/data/index.ts';
import { findSplits, loadSplits, loadTest } from '../../lib/train/splits.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});
beforeEach(() => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe('findSplits', () => {
  it('draws digits where MNIST is neither there nor to be downloaded, and says so', async () => {
    const told: string[] = [];
    const { data, splits } = await findSplits({ limitTrain: 300 }, folder, (message) => told.push(message));
    expect(data).toBe('drawn-digits');
    expect(splits.train.name).toBe('drawn-digits');
    expect(sizeOf(splits.train)).toBe(300);
    expect(sizeOf(splits.test)).toBe(10_000);
    expect(told).toHaveLength(1);
    for (const text of [
      'MNIST is not here',
      'no network',
      'drawn digits',
      'no MNIST accuracies',
      '--data-dir',
    ]) {
      expect(told[0]).toContain(text);
    }
  });

  it('does not pass over a damaged file', async () => {
    mkdirSync(join(folder, 'mnist'));
    writeFileSync(join(folder, 'mnist', 'train-images-idx3-ubyte.gz'), 'damaged');
    await expect(findSplits({ limitTrain: null }, folder, () => {})).rejects.toThrow(DataFileError);
  });

  it('gives the same test images alone', async () => {
    const { test } = await loadSplits({ data: 'drawn-digits', limitTrain: 1 });
    const alone = await loadTest('drawn-digits');
    const imagesOf = (dataset: AnyDataset) => (dataset as Dataset).images;
    expect(imagesOf(alone).equal(imagesOf(test))).toBe(true);
    expect(alone.labels.equal(test.labels)).toBe(true);
    await expect(loadTest('mnist', folder)).rejects.toThrow(/could not download .*t10k/);
  });

  it('is not asked where the data set is named', async () => {
    await expect(loadSplits({ data: 'mnist', limitTrain: null }, folder)).rejects.toThrow(
      /could not download/,
    );
  });
});
