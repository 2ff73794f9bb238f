import {
  type Augmentation,
  absoluteDataName,
  augmentations,
  type DataName,
  dataNames,
  isDataName,
  isFolderName,
  samplers,
} from '../data/index.ts';
import { type LossName, type LossOptions, lossNames } from '../losses/index.ts';
import { type ModelName, modelNames } from '../models/index.ts';
import { describeValue, Tensor } from '../tensor/index.ts';

export const optimizers = ['adam', 'adamw', 'sgd'] as const;
export const schedules = ['one-cycle', 'constant', 'cosine', 'multi-step'] as const;
/** float16 is not among them: its gradients vanish unless the loss is scaled. */
export const autocasts = ['bfloat16'] as const;
export const selections = ['validation', 'test'] as const;

/**
 * To be said wherever a figure of a run is told whose epoch was chosen on the test set, as much published code does:
 * the choice has seen what it is measured on. Such a run holds nothing out, and trains on all training images.
 */
export const parityNote = 'chosen on the test set: a parity figure, not an estimate';

/** Everything that decides what a run computes; `config.json` of its folder. The defaults are `trainDefaults`. */
export interface TrainConfig {
  /** The network; it has to take the images of the data set. Default 'mnist-2d'. */
  model: ModelName;
  /** The loss, which is also the last layer. Default 'icu'. */
  loss: LossName;
  /** Of this loss, which checks them. Default: the loss's own. */
  lossOptions: LossOptions[LossName];
  /** Default 'mnist'; `trainRun` takes 'drawn-digits' where MNIST cannot be had. */
  data: DataName;
  /** How training varies the images; null: as is usual for the data set. Default null. */
  augment: Augmentation | null;
  /** Which images make up an epoch. Default 'shuffle'. */
  sampler: (typeof samplers)[number];
  /** Of the held-out images, and of the images of a long-tailed subset: not of the run. Default 0. */
  dataSeed: number;
  /** Leave out images in files that cannot be decoded, instead of stopping at the first. Default false. */
  skipCorrupt: boolean;
  /**
   * Threads that decode images in files; null: one for each core. They change nothing in what is computed. Default
   * null.
   */
  workers: number | null;
  /** How many times the network sees the training images. Default 8. */
  epochs: number;
  /** Images in a step, at least 2. A last batch that is not full is left out. Default 128. */
  batchSize: number;
  /** Default 'adam'. */
  optimizer: (typeof optimizers)[number];
  /**
   * The highest learning rate of the network: the top of the one cycle, and what the other schedules begin with.
   * Default 0.01.
   */
  lr: number;
  /** L2 penalty on the network (with AdamW decoupled decay); a loss decides for its own parameters. Default 0.001. */
  weightDecay: number;
  /** Of SGD. Default 0.9. */
  momentum: number;
  /** Nesterov's momentum, of SGD. Default false. */
  nesterov: boolean;
  /** How the learning rate goes over the steps, see `createScheduler`. Default 'one-cycle'. */
  schedule: (typeof schedules)[number];
  /**
   * The epochs after which 'multi-step' multiplies the learning rate, from the beginning of training; may be fractions.
   * Default: none.
   */
  milestones: readonly number[];
  /** What it multiplies by. Default 0.1. */
  milestoneFactor: number;
  /** Epochs, or fractions, in which the learning rate rises linearly to what the schedule begins with. Default 0. */
  warmupEpochs: number;
  /** It rises from this share of it, at the first step. Default 0. */
  warmupStart: number;
  /** What chooses the epoch. 'test' is a parity mode: see `parityNote`. Default 'validation'. */
  selectOn: (typeof selections)[number];
  /** α of mixup, which mixes the images of a batch in shares of Beta(α, α); 0: no mixing. Default 0. */
  mixup: number;
  /**
   * Mixed precision: the type that the network's forward pass is computed in while it trains, by `autocast`. Weights,
   * loss, evaluation and what is saved stay float32. Default null: float32 throughout.
   */
  autocast: (typeof autocasts)[number] | null;
  /** Of initialisation, shuffling and all else that is random in a run. Default 0. */
  seed: number;
  /** 'cpu' or 'cuda:0'. Default 'cpu'. */
  device: string;
  /** CPU threads of an operator; null leaves it to LibTorch. Default null. */
  threads: number | null;
  /** Train on the first so many images only, of an image folder on each class's share; null: all. Default null. */
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
  optimizer: 'adam',
  lr: 0.01,
  weightDecay: 0.001,
  momentum: 0.9,
  nesterov: false,
  schedule: 'one-cycle',
  milestones: [],
  milestoneFactor: 0.1,
  warmupEpochs: 0,
  warmupStart: 0,
  selectOn: 'validation',
  mixup: 0,
  autocast: null,
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
const atLeast0: Check = [
  'a finite number of at least 0',
  (value) => Number.isFinite(value) && (value as number) >= 0,
];
const boolean: Check = ['true or false', (value) => typeof value === 'boolean'];
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
  skipCorrupt: boolean,
  workers: orNull(integer(1)),
  epochs: integer(1),
  batchSize: integer(2),
  optimizer: oneOf(optimizers),
  lr: ['a finite number above 0', (value) => Number.isFinite(value) && (value as number) > 0],
  weightDecay: atLeast0,
  momentum: atLeast0,
  nesterov: boolean,
  schedule: oneOf(schedules),
  milestones: ['an array of increasing numbers above 0', isIncreasing],
  milestoneFactor: atLeast0,
  warmupEpochs: atLeast0,
  warmupStart: ['a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1],
  selectOn: oneOf(selections),
  mixup: atLeast0,
  autocast: orNull(oneOf(autocasts)),
  seed: integer(0),
  device: ["'cpu', 'cuda' or 'cuda:0'", (value) => /^(cpu|cuda(:\d+)?)$/.test(String(value))],
  threads: orNull(integer(1)),
  limitTrain: orNull(integer(1)),
};

function isIncreasing(value: unknown): boolean {
  return (
    Array.isArray(value) && value.every((x, i) => Number.isFinite(x) && x > (i === 0 ? 0 : value[i - 1]))
  );
}

/** What settings ask of each other. One that nothing would heed is an error. */
function checkTogether(config: TrainConfig): void {
  const { data, optimizer, momentum, nesterov, schedule, milestones, warmupEpochs, epochs } = config;
  const require = (name: keyof TrainConfig, holds: boolean, expected: string): void => {
    if (holds) return;
    const value = config[name];
    const got = Array.isArray(value) ? `[${value.join(', ')}]` : describeValue(value);
    throw new TypeError(`train: ${name}: expected ${expected}, got ${got}`);
  };
  const requireDefault = (name: keyof TrainConfig, reason: string): void =>
    require(name, config[name] === trainDefaults[name], `${trainDefaults[name]} ${reason}`);

  if (!isFolderName(data)) {
    requireDefault('skipCorrupt', `with data '${data}', as only image folders have files to decode`);
    requireDefault('workers', `with data '${data}', as only image folders have files to decode`);
  }

  if (optimizer !== 'sgd') {
    requireDefault('momentum', `with optimizer '${optimizer}', as only 'sgd' has it`);
    requireDefault('nesterov', `with optimizer '${optimizer}', as only 'sgd' has it`);
  }
  require('momentum', !nesterov || momentum > 0, 'a number above 0 with nesterov');

  if (schedule === 'one-cycle')
    requireDefault('warmupEpochs', "with schedule 'one-cycle', which has its own");
  require('warmupEpochs', warmupEpochs < epochs, `less than the ${epochs} epochs`);
  if (warmupEpochs === 0) requireDefault('warmupStart', 'without warmupEpochs');

  if (schedule === 'multi-step') {
    require('milestones', milestones.length > 0, "at least one with schedule 'multi-step'");
    require('milestones', milestones[0]! > warmupEpochs, `them after the ${warmupEpochs} epochs of warm-up`);
    require('milestones', milestones.at(-1)! < epochs, `them before the end of the ${epochs} epochs`);
  } else {
    require('milestones', milestones.length === 0, `none with schedule '${schedule}'`);
    requireDefault('milestoneFactor', `with schedule '${schedule}'`);
  }
}

/** Options of a loss as `config.json` has them: arrays of numbers in place of typed arrays and tensors. */
const asWritten = (options: TrainConfig['lossOptions']): TrainConfig['lossOptions'] =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => {
      if (value instanceof Tensor) return [name, value.toArray()];
      return [name, ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value];
    }),
  );

/**
 * The configuration with defaults where nothing is given.
 * @throws TypeError naming the setting, what was expected and what came; also where settings do not go together
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
  checkTogether(config);
  // A run may be taken up from another working directory.
  return {
    ...config,
    lossOptions: asWritten(config.lossOptions),
    milestones: [...config.milestones],
    data: absoluteDataName(config.data),
  };
}
