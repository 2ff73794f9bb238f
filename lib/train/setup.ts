import {
  type AnyDataset,
  classCountsOf,
  createLoader,
  imageShape,
  type Loader,
  Mixup,
  type Splits,
} from '../data/index.ts';
import { createLoss, lacksClassCounts } from '../losses/index.ts';
import { createModel, inputShapeOf, type ModelName, modelsFor } from '../models/index.ts';
import type { Module } from '../nn/index.ts';
import type { LRScheduler, Optimizer } from '../optim/index.ts';
import { cuda, manualSeed, scope, setNumThreads } from '../tensor/index.ts';
import type { TrainConfig } from './config.ts';
import type { Classifier } from './evaluate.ts';
import { createOptimizer, createScheduler } from './optimization.ts';

/** What a configuration describes, ready to train. */
export interface Training extends Classifier {
  optimizer: Optimizer;
  scheduler: LRScheduler;
  loader: Loader;
  mixup: Mixup | null;
  autocast: TrainConfig['autocast'];
}

/**
 * The configuration with the number of training images of each class among its loss's options, where the loss needs
 * that and the configuration does not say.
 */
export function withClassCounts(config: TrainConfig, train: AnyDataset): TrainConfig {
  if (!lacksClassCounts(config.loss, config.lossOptions)) return config;
  return { ...config, lossOptions: { ...config.lossOptions, classCounts: classCountsOf(train) } };
}

/**
 * Throws unless every parameter of the network and its loss that requires a gradient is in a group of the optimiser.
 * @throws Error listing those that are not
 */
export function requireOptimized({ model, loss }: Classifier, optimizer: Optimizer): void {
  const named = (prefix: string, module: Module) =>
    module.namedParameters().map(([name, parameter]) => [`${prefix}.${name}`, parameter] as const);
  optimizer.requireAll([...named('model', model), ...named('loss', loss)]);
}

/**
 * The network and its loss for the images and classes of a data set, initialised from the seed, on the configured
 * device.
 * @throws TypeError if the network takes images of another shape; Error if there is no such device
 */
export function buildClassifier(config: TrainConfig, dataset: AnyDataset): Classifier {
  checkShape(config.model, dataset);
  manualSeed(config.seed);
  return createClassifier(config, dataset.numClasses);
}

/**
 * The network and its loss on the configured device, initialised from the default generator.
 * @throws Error if there is no such device
 */
export function createClassifier(config: TrainConfig, numClasses: number): Classifier {
  if (config.threads !== null) setNumThreads(config.threads);
  if (config.device !== 'cpu' && !cuda.isAvailable()) {
    throw new Error(
      `device '${config.device}': no GPU is to be had; \`npx intraclass doctor\` says what is missing`,
    );
  }
  return scope(() => {
    const model = createModel(config.model);
    const loss = createLoss(config.loss, numClasses, model.featureDim, config.lossOptions);
    // Channels last is what convolutions compute in.
    model.to({ device: config.device, memoryFormat: 'channels_last' });
    loss.to({ device: config.device });
    return { model, loss };
  });
}

/**
 * All of it. The loss decides about the learning rate and decay of its own parameters.
 * @throws Error if the loss leaves one of its parameters without an optimiser
 */
export function buildTraining(config: TrainConfig, { train }: Splits<AnyDataset>): Training {
  const { model, loss } = buildClassifier(withClassCounts(config, train), train);
  const { lr, weightDecay, batchSize, seed, device } = config;
  const groups = [
    { name: 'network', params: model.parameters(), lr, weightDecay },
    ...loss.parameterGroups(lr, weightDecay),
  ].filter(({ params }) => params.length > 0);
  const optimizer = createOptimizer(config, groups);
  requireOptimized({ model, loss }, optimizer);
  const loader = createLoader(train, {
    batchSize,
    seed,
    device,
    dropLast: true,
    augment: config.augment ?? train.augment ?? 'none',
    sampler: config.sampler,
  });
  if (loader.length === 0) {
    throw new TypeError(
      `train: batchSize: expected at most ${train.labels.shape[0]}, the number of training images, got ${batchSize}`,
    );
  }
  const scheduler = createScheduler(config, optimizer, loader.length);
  const mixup = config.mixup > 0 ? new Mixup({ alpha: config.mixup, seed }) : null;
  return { model, loss, optimizer, scheduler, loader, mixup, autocast: config.autocast };
}

function checkShape(name: ModelName, dataset: AnyDataset): void {
  const shape = imageShape(dataset);
  const inputShape = inputShapeOf(name);
  if (String(shape) === String(inputShape)) return;
  const fitting = modelsFor(shape);
  throw new TypeError(
    `train: model: ${name} takes images of ${inputShape.join('×')}, and those of ${dataset.name} are ${shape.join('×')}; ` +
      (fitting.length === 0 ? 'no network takes these' : `networks for these are ${fitting.join(', ')}`),
  );
}
