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

  it('holds nothing out where the test set chooses the epoch', async () => {
    const usual = await loadSplits({ data: 'drawn-digits', limitTrain: null });
    const { train, validation, test } = await loadSplits({
      data: 'drawn-digits',
      limitTrain: null,
      selectOn: 'test',
    });
    expect([train, test].map(sizeOf)).toEqual([60_000, 10_000]);
    expect(validation).toBe(test);
    expect(test.labels.equal(usual.test.labels)).toBe(true);
    // Those that were to train on, then those that were held out.
    const imagesOf = (dataset: AnyDataset) => (dataset as Dataset).images;
    expect(imagesOf(train).narrow(0, 0, 55_000).equal(imagesOf(usual.train))).toBe(true);
    expect(imagesOf(train).narrow(0, 55_000, 5000).equal(imagesOf(usual.validation))).toBe(true);
    expect(train.labels.narrow(0, 55_000, 5000).equal(usual.validation.labels)).toBe(true);
    const cut = await loadSplits({ data: 'drawn-digits', limitTrain: 7, selectOn: 'test' });
    expect(sizeOf(cut.train)).toBe(7);
    expect(cut.validation).toBe(cut.test);
  });

  it('is not asked where the data set is named', async () => {
    await expect(loadSplits({ data: 'mnist', limitTrain: null }, folder)).rejects.toThrow(
      /could not download/,
    );
  });
});
