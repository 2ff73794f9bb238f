// @ts-check
// Our cases of the training benchmark; peer.py has the same, and starts from what is written here into settings.folder:
//   images.u8, labels.i64   the dataset
//   order.i64               the order of the first epoch
//   parameters.f32          those of the network, then those of the loss
//   meta.json               shapes, normalisation, optimiser's groups, the loss's options
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataLoader, loadCifar10, loadMnist } from 'intraclass/data';
import { createLoss } from 'intraclass/losses';
import { createModel, inputShapeOf } from 'intraclass/models';
import { Adam } from 'intraclass/optim';
import { autocast, Generator, manualSeed, scope, torch } from 'intraclass/tensor';
import { endless } from '../endless.mjs';

const LR = 0.01;
const WEIGHT_DECAY = 1e-3;

/**
 * @typedef {import('intraclass/tensor').Tensor} Tensor
 * @typedef {ReturnType<typeof createModel>} Network
 * @typedef {ReturnType<typeof createLoss>} Loss
 * @typedef {{ params: Tensor[]; lr: number; weightDecay: number }} Group
 *
 * @typedef {object} Settings
 * @property {string} folder
 * @property {number} batch
 * @property {import('intraclass/models').ModelName} model
 * @property {Parameters<typeof createLoss>[0]} loss
 * @property {number} [images] as many random images, and no data set
 * @property {'bfloat16'} [autocast]
 */

/**
 * Noise: time does not depend on what the images show.
 * @param {number} count
 * @param {readonly number[]} shape
 */
function randomImages(count, shape) {
  const generator = new Generator(0);
  return {
    name: `${count} random images (no data set was found; INTRACLASS_DATA may name a folder that has it)`,
    images: torch.randint(0, 256, [count, ...shape], { generator, dtype: 'uint8' }).keep(),
    labels: torch.randint(0, 10, [count], { generator }).keep(),
    numClasses: 10,
    mean: 0.4,
    std: 0.3,
  };
}

/** MNIST, or CIFAR-10, as the network takes it. @param {Settings} settings */
async function dataset({ model, images: imagesAtMost }) {
  const shape = inputShapeOf(model);
  if (imagesAtMost === undefined) {
    try {
      const load = shape[0] === 1 ? loadMnist : loadCifar10;
      return (await load({ download: false })).train;
    } catch (error) {
      if (Object(error).name !== 'DataMissingError') throw error;
    }
  }
  return randomImages(imagesAtMost ?? 12_800, shape);
}

const bytesOf = (/** @type {Tensor} */ tensor) => {
  const array = tensor.detach().contiguous().toTypedArray();
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
};

/**
 * @param {Settings} settings
 * @param {{ data: Awaited<ReturnType<typeof dataset>>; loader: DataLoader; network: Network; loss: Loss; groups: Group[] }} start
 */
function writeStart({ folder, batch }, { data, loader, network, loss, groups }) {
  const file = (/** @type {string} */ name) => join(folder, name);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file('images.u8'))) {
    writeFileSync(file('images.u8'), bytesOf(data.images));
    writeFileSync(file('labels.i64'), bytesOf(data.labels));
  }
  writeFileSync(
    file('order.i64'),
    scope(() => bytesOf(loader.order(1))),
  );
  /** @type {Tensor[]} */
  const parameters = [...network.parameters(), ...loss.parameters()];
  writeFileSync(file('parameters.f32'), Buffer.concat(parameters.map(bytesOf)));
  const meta = {
    batch,
    images: data.images.shape,
    mean: data.mean,
    std: data.std,
    parameters: parameters.map(({ shape }) => shape),
    groups: groups.map(({ params, lr, weightDecay }) => ({
      lr,
      weightDecay,
      params: params.map((parameter) => parameters.indexOf(parameter)),
    })),
    lossOptions: 'options' in loss ? loss.options : {},
  };
  writeFileSync(file('meta.json'), JSON.stringify(meta));
}

/** @param {Settings} settings */
export async function train(settings) {
  const data = await dataset(settings);
  manualSeed(1);
  const network = createModel(settings.model);
  const loss = createLoss(settings.loss, data.numClasses, network.featureDim);
  const groups = [
    { params: network.parameters(), lr: LR, weightDecay: WEIGHT_DECAY },
    ...loss.parameterGroups(LR, WEIGHT_DECAY),
  ];
  const loader = new DataLoader(data, { batchSize: settings.batch, seed: 0, dropLast: true });
  const optimizer = new Adam(groups, { lr: LR });
  writeStart(settings, { data, loader, network, loss, groups });
  network.train();
  loss.train();

  const mixed = { dtype: settings.autocast };
  const forward = settings.autocast
    ? (/** @type {Tensor} */ images) =>
        autocast(() => network.forward(images), mixed).to({ dtype: 'float32' })
    : (/** @type {Tensor} */ images) => network.forward(images);
  const batches = endless(loader);
  const step = () => {
    const { images, labels } = batches.next();
    optimizer.zeroGrad();
    const { total } = loss.forward(forward(images), labels);
    total.backward();
    optimizer.step();
    return total;
  };
  const lossOf = () => scope(() => step().item());
  return {
    /** @param {number} iterations */
    run(iterations) {
      for (let i = 1; i < iterations; i++) {
        scope(() => {
          step();
        });
      }
      const last = lossOf();
      if (!Number.isFinite(last)) throw new Error(`the loss is ${last}`);
    },
    firstLosses: () => [lossOf(), lossOf()],
    about: () => ({ images: data.name }),
    close() {
      batches.dispose();
      for (const tensor of [data.images, data.labels]) tensor.dispose();
    },
  };
}

export const cases = { train };
