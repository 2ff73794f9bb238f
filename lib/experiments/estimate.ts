import { performance } from 'node:perf_hooks';
import { createLoss } from '../losses/index.ts';
import { createModel, type ModelName } from '../models/index.ts';
import { SGD } from '../optim/index.ts';
import { manualSeed, noGrad, scope, setNumThreads, type Tensor, torch } from '../tensor/index.ts';
import type { TrainConfig } from '../train/index.ts';
import type { Experiment } from './recipe.ts';

/** Seconds for one image. */
export interface Pace {
  train: number;
  evaluate: number;
}

export interface PaceOptions {
  device?: string;
  threads?: number | null;
  /** Told of a network before it is timed, which takes a minute for a large one. */
  onTiming?: (network: ModelName) => void;
}

/**
 * Times a few steps of the experiment's network on images of noise. What a step costs depends little on the loss and
 * not on the images, so nothing is loaded; decoding of files is not in it.
 */
export function measurePace(
  experiment: Experiment,
  { device = 'cpu', threads = null, onTiming }: PaceOptions = {},
): Pace {
  const network = experiment.settings.model.value;
  onTiming?.(network);
  if (threads !== null) setNumThreads(threads);
  return scope(() => {
    manualSeed(0);
    const model = createModel(network);
    const loss = createLoss('ce', 10, model.featureDim);
    model.to({ device, memoryFormat: 'channels_last' });
    loss.to({ device });
    const [channels, height, width] = model.inputShape;
    // A large network's step takes minutes; a part of the batch tells the same.
    const most = Math.max(2, Math.floor(2e6 / (channels * height * width)));
    const batch = Math.min(experiment.settings.batchSize.value, most);
    const images = torch
      .randn([batch, channels, height, width], { device })
      .contiguous({ memoryFormat: 'channels_last' });
    const labels = torch.zeros([batch], { dtype: 'int64', device });
    const optimizer = new SGD([{ params: [...model.parameters(), ...loss.parameters()] }], { lr: 1e-6 });
    const step = () =>
      scope(() => {
        optimizer.zeroGrad();
        const { total } = loss.forward(model.forward(images), labels);
        total.backward();
        optimizer.step();
        wait(total.detach());
      });
    const test = () => noGrad(() => scope(() => wait(loss.logits(model.forward(images)))));
    model.train();
    const train = timed(step) / batch;
    model.eval();
    return { train, evaluate: timed(test) / batch };
  });
}

/** Reading a value waits for the device. */
const wait = (values: Tensor): number => values.flatten().narrow(0, 0, 1).item();

/** The quickest of three, in seconds, after one to warm up. */
function timed(work: () => void): number {
  const times = [0, 1, 2, 3].map(() => {
    const start = performance.now();
    work();
    return (performance.now() - start) / 1000;
  });
  return Math.min(...times.slice(1));
}

/** Seconds for so many epochs and the test at their end. Where the test set chooses the epoch nothing is held out. */
export function secondsOf(
  { images }: Experiment,
  pace: Pace,
  epochs: number,
  selectOn: TrainConfig['selectOn'] = 'validation',
): number {
  const [train, validation] =
    selectOn === 'test' ? [images.whole, images.test] : [images.train, images.validation];
  return epochs * (train * pace.train + validation * pace.evaluate) + 2 * images.test * pace.evaluate;
}

/**
 * How many epochs each experiment may take so that all runs fit into a budget: the same share of every recipe's own,
 * at least 1 and at most the recipe's.
 * @param runs the number of runs of each experiment, and how long one would take in full
 * @returns the epochs by experiment, and the seconds that all runs take then: more than the budget where one epoch each does
 */
export function epochsWithin(
  budget: number,
  runs: readonly { experiment: Experiment; count: number; pace: Pace }[],
  selectOn?: TrainConfig['selectOn'],
): { epochs: Map<string, number>; seconds: number } {
  const full = ({ settings }: Experiment) => settings.epochs.value;
  const cost = (share: number) =>
    runs.reduce(
      (sum, { experiment, count, pace }) =>
        sum + count * secondsOf(experiment, pace, shared(full(experiment), share), selectOn),
      0,
    );
  // The cost rises with the share in steps: halve the range until the steps are told apart.
  let [low, high] = [0, 1];
  if (cost(1) <= budget) low = 1;
  for (let i = 0; i < 40 && low < 1; i++) {
    const middle = (low + high) / 2;
    if (cost(middle) <= budget) low = middle;
    else high = middle;
  }
  const epochs = runs.map(({ experiment }) => [experiment.name, shared(full(experiment), low)] as const);
  return { epochs: new Map(epochs), seconds: cost(low) };
}

const shared = (epochs: number, share: number): number => Math.max(1, Math.floor(epochs * share + 1e-9));

/**
 * '10m', '1.5h', '90s' → seconds.
 * @throws TypeError if it is no such time above 0
 */
export function parseBudget(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? [];
  const seconds = Number(amount) * { s: 1, m: 60, h: 3600 }[(unit ?? 's') as 's' | 'm' | 'h'];
  if (!(seconds > 0)) throw new TypeError(`budget: expected a time such as 90s, 10m or 2h, got '${text}'`);
  return seconds;
}
