/** Training on each kind of loader: what an interruption must not change. */
import { rmSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AnyDataset,
  createLoader,
  datasetFromBytes,
  type ImageFolderLoaderOptions,
  loadImageFolder,
} from '../../lib/data/index.ts';
import { CrossEntropyLoss } from '../../lib/losses/index.ts';
import { Backbone } from '../../lib/models/index.ts';
import * as nn from '../../lib/nn/index.ts';
import { SGD } from '../../lib/optim/index.ts';
import { manualSeed, memory, type Tensor } from '../../lib/tensor/index.ts';
import { evaluate, type FitState, fit, trainEpoch } from '../../lib/train/index.ts';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeImage, put } from '../support/images.ts';

const size = 12;

class Tiny extends Backbone {
  readonly featureDim = 5;
  readonly inputShape = [3, size, size] as const;
  readonly layers = new nn.Sequential(new nn.Conv2d(3, 4, 3), new nn.Flatten(), new nn.Linear(400, 5));

  forward(images: Tensor): Tensor {
    return this.layers.forward(images);
  }
}

function network() {
  manualSeed(0);
  const model = new Tiny();
  const loss = new CrossEntropyLoss(2, model.featureDim);
  const optimizer = new SGD([...model.parameters(), ...loss.parameters()], { lr: 0.01, momentum: 0.9 });
  return { model, loss, optimizer };
}

const weights = ({ model, loss }: ReturnType<typeof network>) =>
  [...Object.values(model.stateDict()), ...Object.values(loss.stateDict())].flatMap((value) => [
    ...(value.detach().toTypedArray() as Float32Array),
  ]);

const inMemory: AnyDataset = datasetFromBytes(
  {
    images: Uint8Array.from({ length: 30 * 3 * size * size }, (_, i) => (i * 37) % 256),
    labels: Uint8Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  },
  { name: 'stripes', numClasses: 2, shape: [3, size, size], mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] },
);

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});
let pictures: Buffer[];
beforeAll(async () => {
  pictures = await Promise.all(Array.from({ length: 16 }, (_, i) => makeImage(i, 20 + i, 30 - i)));
});

/** 8 images of each of two classes, of which 1 is held out, and one of each to test. */
async function onDisk(more = {}) {
  pictures.forEach((picture, i) => {
    put(folder, `train/${i % 2 === 0 ? 'even' : 'odd'}/${i}.jpg`, picture);
  });
  put(folder, 'val/even/0.jpg', pictures[0]!);
  put(folder, 'val/odd/1.jpg', pictures[1]!);
  return loadImageFolder(folder, { size, ...more });
}

const cases: [string, () => Promise<AnyDataset> | AnyDataset, ImageFolderLoaderOptions][] = [
  ['cropped and mirrored', () => inMemory, { batchSize: 5, seed: 2, augment: 'crop-flip' }],
  ['class-aware', () => inMemory, { batchSize: 5, seed: 2, sampler: 'class-aware' }],
  [
    'class-balanced',
    () => inMemory,
    { batchSize: 5, seed: 2, sampler: 'class-balanced', augment: 'crop-flip' },
  ],
  [
    'in files',
    async () => (await onDisk()).train,
    { batchSize: 3, seed: 2, augment: 'resized-crop-flip', sampler: 'class-aware', dropLast: true },
  ],
];

describe.each(cases)('training on images %s', (_, make, options) => {
  async function train(dataset: AnyDataset, stops: number[]) {
    const training = network();
    let state: FitState | undefined;
    for (const stopAfter of [...stops, Number.POSITIVE_INFINITY]) {
      // A loader of its own for each part, as in a process of its own.
      const workers = 1 + (stops.length % 2);
      const loader = createLoader(dataset, { ...options, workers });
      const controller = new AbortController();
      let steps = 0;
      state = await fit({
        ...training,
        loader: {
          batchSize: loader.batchSize,
          length: loader.length,
          epoch: (number) => {
            const batches = loader.epoch(number);
            return {
              batch: (i) => {
                if (++steps === stopAfter) controller.abort();
                return batches.batch(i);
              },
              dispose: () => batches.dispose(),
            };
          },
        },
        validation: dataset,
        epochs: 3,
        state,
        signal: controller.signal,
      });
    }
    return { training, state: state! };
  }

  it('goes on after interruptions as if there had been none', async () => {
    const dataset = await make();
    const whole = await train(dataset, []);
    expect(whole.state.epoch).toBe(4);
    for (const stops of [[1], [4], [2, 3, 5]]) {
      const parts = await train(dataset, stops);
      expect(weights(parts.training)).toEqual(weights(whole.training));
      expect({ ...parts.state, seconds: 0 }).toEqual({ ...whole.state, seconds: 0 });
    }
  });

  it('leaves no tensors behind', async () => {
    const dataset = await make();
    const training = network();
    const loader = createLoader(dataset, options);
    await trainEpoch({ ...training, loader, epoch: 1 });
    await evaluate(training, dataset);
    const before = memory.tensors;
    await trainEpoch({ ...training, loader, epoch: 2 });
    await evaluate(training, dataset);
    expect(memory.tensors).toBe(before);
  });
});

describe('images in files that cannot be decoded', () => {
  it('stop the epoch with their name', async () => {
    const { train } = await onDisk();
    rmSync(train.files[4]!);
    const loader = createLoader(train, { batchSize: 5 });
    await expect(trainEpoch({ ...network(), loader, epoch: 1 })).rejects.toThrow(train.files[4]);
    await expect(evaluate(network(), train)).rejects.toThrow(train.files[4]);
  });

  it('count for nothing where they are skipped', async () => {
    const { train } = await onDisk({ skipCorrupt: true });
    writeFileSync(train.files.at(-1)!, 'no image');
    const training = network();
    const sums = await trainEpoch({ ...training, loader: createLoader(train, { batchSize: 5 }), epoch: 1 });
    expect([sums.steps, sums.images]).toEqual([3, 14]);
    const { count, labels, features, confusion } = await evaluate(training, train, { features: true });
    expect([count, labels.length, features.length]).toEqual([14, 14, 70]);
    expect(confusion.flat().reduce((a, b) => a + b)).toBe(14);
    expect([...train.skipped!.keys()]).toEqual([train.files.at(-1)]);
    const none = { ...train, files: [train.files.at(-1)!], labels: train.labels.narrow(0, 13, 1) };
    await expect(evaluate(training, none)).rejects.toThrow(
      'evaluate: dataset: expected at least one image, got none of 1 that could be decoded',
    );
  });
});
