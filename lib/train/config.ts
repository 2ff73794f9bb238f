import {
  type Augmentation,
  absoluteDataName,
  augmentations,
  type DataName,
  dataNames,
  isDataName,
  samplers,
} from '../data/index.ts';
import { type LossName, type LossOptions, lossNames } from '../losses/index.ts';
import { type ModelName, modelNames } from '../models/index.ts';
import { describeValue } from '../tensor/index.ts';

/** Everything that decides what a run computes; `config.json` of its folder. */
export interface TrainConfig {
  model: ModelName;
  loss: LossName;
  lossOptions: LossOptions[LossName];
  data: DataName;
  /** How training varies the images; null: as is usual for the data set. */
  augment: Augmentation | null;
  /** Which images make up an epoch. */
  sampler: (typeof samplers)[number];
  /** Of the held-out images, and of the images of a long-tailed subset: not of the run. */
  dataSeed: number;
  /** Leave out images in files that cannot be decoded, instead of stopping at the first. */
  skipCorrupt: boolean;
  /** Threads that decode images in files; null: one for each core. They change nothing in what is computed. */
  workers: number | null;
  epochs: number;
  batchSize: number;
  /** The highest learning rate of the one-cycle schedule. */
  lr: number;
  /** L2 penalty on the network; a loss decides for its own parameters. */
  weightDecay: number;
  /** α of mixup, which mixes the images of a batch in shares of Beta(α, α); 0: no mixing. */
  mixup: number;
  seed: number;
  /** 'cpu' or 'cuda:0' */
  device: string;
  /** CPU threads of an operator; null leaves it to LibTorch. */
  threads: number | null;
  /** Train on the first so many images only; null: all. */
  limitTrain: number | null;
}

/**
 * The paper's settings (section 4.1): Adam, learning rate 0.01, weight decay 0.001, batches of 128. What it does not
 * state is filled in: 8 epochs of a one-cycle schedule over all steps.
 */
export const trainDefaults: Readonly<TrainConfig> = {
  model: 'mnist-2d',
  loss: 'icu',
  lossOptions: {},
  data: 'mnist',
  augment: null,
  sampler: 'shuffle',
  dataSeed: 0,
  skipCorrupt: false,
  workers: null,
  epochs: 8,
  batchSize: 128,
  lr: 0.01,
  weightDecay: 0.001,
  mixup: 0,
  seed: 0,
  device: 'cpu',
  threads: null,
  limitTrain: null,
};

type Check = [expected: string, holds: (value: unknown) => boolean];

const oneOf = (names: readonly string[]): Check => [
  `one of ${names.join(', ')}`,
  (value) => names.includes(value as string),
];
const integer = (least: number): Check => [
  `an integer of at least ${least}`,
  (value) => Number.isSafeInteger(value) && (value as number) >= least,
];
const orNull = ([expected, holds]: Check): Check => [
  `${expected}, or null`,
  (value) => value === null || holds(value),
];

const checks: Record<keyof TrainConfig, Check> = {
  model: oneOf(modelNames),
  loss: oneOf(lossNames),
  lossOptions: ['an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
  data: [`one of ${dataNames.join(', ')}`, isDataName],
  augment: orNull(oneOf(augmentations)),
  sampler: oneOf(samplers),
  dataSeed: integer(0),
  skipCorrupt: ['true or false', (value) => typeof value === 'boolean'],
  workers: orNull(integer(1)),
  epochs: integer(1),
  batchSize: integer(2),
  lr: ['a finite number above 0', (value) => Number.isFinite(value) && (value as number) > 0],
  weightDecay: ['a finite number of at least 0', (value) => Number.isFinite(value) && (value as number) >= 0],
  mixup: ['a finite number of at least 0', (value) => Number.isFinite(value) && (value as number) >= 0],
  seed: integer(0),
  device: ["'cpu', 'cuda' or 'cuda:0'", (value) => /^(cpu|cuda(:\d+)?)$/.test(String(value))],
  threads: orNull(integer(1)),
  limitTrain: orNull(integer(1)),
};

/**
 * The configuration with defaults where nothing is given.
 * @throws TypeError naming the setting, what was expected and what came
 */
export function resolveConfig(given: Partial<TrainConfig> = {}): TrainConfig {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`train: expected an object of settings, got ${describeValue(given)}`);
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(checks, name)) {
      throw new TypeError(
        `train: there is no setting '${name}'; there are ${Object.keys(checks).join(', ')}`,
      );
    }
  }
  const stated = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const config: TrainConfig = { ...trainDefaults, ...stated };
  for (const [name, [expected, holds]] of Object.entries(checks)) {
    const value = config[name as keyof TrainConfig];
    if (!holds(value))
      throw new TypeError(`train: ${name}: expected ${expected}, got ${describeValue(value)}`);
  }
  // A run may be taken up from another working directory.
  return { ...config, data: absoluteDataName(config.data) };
}
