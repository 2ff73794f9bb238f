// @ts-check
// Our cases of the data benchmark; peer.py has the same. CIFAR is written into settings.folder for it:
//   cifar.u8, cifar.i64   images and labels
//   cifar.json            shape and normalisation
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLoader, loadCifar10, loadImageFolder } from 'intraclass/data';
import { Generator, scope, torch } from 'intraclass/tensor';
import { endless } from '../endless.mjs';

/**
 * @typedef {import('intraclass/tensor').Tensor} Tensor
 * @typedef {{ images: Tensor; labels: Tensor }} Batch
 * @typedef {Parameters<typeof createLoader>[0]} Dataset
 * @typedef {Parameters<typeof createLoader>[1]} Options
 * @typedef {{ folder: string; batch: number; workers: number }} Settings
 */

const cifarPixels = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };

/** CIFAR-10, or noise in its shape: time does not depend on what the images show. */
async function cifarImages() {
  try {
    return { ...(await loadCifar10({ download: false })).train, name: 'CIFAR-10' };
  } catch (error) {
    if (Object(error).name !== 'DataMissingError') throw error;
  }
  const generator = new Generator(0);
  return {
    name: '45000 random images (CIFAR-10 was not found; INTRACLASS_DATA may name a folder that has it)',
    images: torch.randint(0, 256, [45_000, 3, 32, 32], { generator, dtype: 'uint8' }).keep(),
    labels: torch.randint(0, 10, [45_000], { generator, dtype: 'int64' }).keep(),
    numClasses: 10,
    ...cifarPixels,
  };
}

/** @param {string} folder @param {Awaited<ReturnType<typeof cifarImages>>} dataset */
function writeCifar(folder, { images, labels, mean, std }) {
  const file = (/** @type {string} */ name) => join(folder, `cifar.${name}`);
  if (existsSync(file('json'))) return;
  writeFileSync(file('u8'), images.toTypedArray());
  writeFileSync(file('i64'), labels.toTypedArray());
  writeFileSync(file('json'), JSON.stringify({ shape: images.shape, mean, std }));
}

const discard = (/** @type {Batch} */ { images, labels }) => {
  images.dispose();
  labels.dispose();
};

/** Mean and deviation of each image, one after the other. @param {Tensor} images */
const moments = (images) => scope(() => torch.cat([images.mean([1, 2, 3]), images.std([1, 2, 3])]).toArray());

/**
 * `dataset` is what is timed, as `options` say; `plain` is looked at as it is.
 * @param {{ about: string; dataset: Dataset; plain?: Dataset; options: Options }} what
 */
function making({ about, dataset, plain = dataset, options }) {
  const batches = endless(createLoader(dataset, options));
  return {
    /** @param {number} iterations */
    async run(iterations) {
      for (let i = 0; i < iterations; i++) discard(await batches.next());
    },
    async plain() {
      const { batchSize, workers } = options;
      const epoch = createLoader(plain, { batchSize, workers }).epoch(1);
      const batch = await epoch.batch(0);
      const result = moments(batch.images);
      discard(batch);
      epoch.dispose();
      return result;
    },
    async varied() {
      const sums = { mean: 0, std: 0 };
      /** @type {readonly number[]} */
      let shape = [];
      for (let i = 0; i < 20; i++) {
        const batch = await batches.next();
        shape = batch.images.shape;
        scope(() => {
          sums.mean += batch.images.mean().item() / 20;
          sums.std += batch.images.std().item() / 20;
        });
        discard(batch);
      }
      return { shape, ...sums };
    },
    about: () => about,
    close: () => batches.dispose(),
  };
}

export const cases = {
  /** @param {Settings} settings */
  async cifar({ folder, batch }) {
    const dataset = await cifarImages();
    writeCifar(folder, dataset);
    return making({
      about: `${dataset.name}, the main thread`,
      dataset,
      options: { batchSize: batch, seed: 0, dropLast: true, augment: 'crop-flip' },
    });
  },

  /** @param {Settings} settings */
  async 'folder to train'({ folder, batch, workers }) {
    const { train, test } = await loadImageFolder(folder);
    return making({
      about: `${workers} threads`,
      dataset: train,
      plain: test,
      options: { batchSize: batch, seed: 0, dropLast: true, augment: 'resized-crop-flip', workers },
    });
  },

  /** @param {Settings} settings */
  async 'folder to test'({ folder, batch, workers }) {
    const { test } = await loadImageFolder(folder);
    return making({ about: `${workers} threads`, dataset: test, options: { batchSize: batch, workers } });
  },
};
