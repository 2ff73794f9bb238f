// Our cases of the training benchmark; peer.py has the same, and starts from what is written here into settings.folder:
//   images.u8, labels.i64   the dataset
//   order.i64               the order of the first epoch
//   parameters.f32          those of the network, then those of the loss
//   meta.json               shapes, normalisation, optimiser's groups, the loss's options
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataLoader, loadMnist } from '../../../dist/data/index.js';
import { createLoss } from '../../../dist/losses/index.js';
import { createModel } from '../../../dist/models/index.js';
import { Adam } from '../../../dist/optim/index.js';
import { autocast, Generator, manualSeed, scope, torch } from '../../../dist/tensor/index.js';
import { endless } from '../endless.mjs';

const LR = 0.01;
const WEIGHT_DECAY = 1e-3;

/** Noise in the shape of MNIST: time does not depend on what the images show. */
function randomImages(count) {
  const generator = new Generator(0);
  return {
    name: `${count} random images (MNIST was not found; INTRACLASS_DATA may name a folder that has it)`,
    images: torch.randint(0, 256, [count, 1, 28, 28], { generator, dtype: 'uint8' }).keep(),
    labels: torch.randint(0, 10, [count], { generator }).keep(),
    numClasses: 10,
    mean: 0.1307,
    std: 0.3081,
  };
}

async function dataset(imagesAtMost) {
  if (imagesAtMost === undefined) {
    try {
      return (await loadMnist({ download: false })).train;
    } catch (error) {
      if (error.name !== 'DataMissingError') throw error;
    }
  }
  return randomImages(imagesAtMost ?? 12_800);
}

const bytesOf = (tensor) => {
  const array = tensor.detach().contiguous().toTypedArray();
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
};

function writeStart({ folder, batch }, { data, loader, network, loss, groups }) {
  const file = (name) => join(folder, name);
  if (!existsSync(file('images.u8'))) {
    writeFileSync(file('images.u8'), bytesOf(data.images));
    writeFileSync(file('labels.i64'), bytesOf(data.labels));
  }
  writeFileSync(
    file('order.i64'),
    scope(() => bytesOf(loader.order(1))),
  );
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
    lossOptions: loss.options ?? {},
  };
  writeFileSync(file('meta.json'), JSON.stringify(meta));
}

export async function train(settings) {
  const data = await dataset(settings.images);
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
    ? (images) => autocast(() => network.forward(images), mixed).to({ dtype: 'float32' })
    : (images) => network.forward(images);
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
