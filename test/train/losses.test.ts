/** Training with each of the losses: what it fills in, what it insists on, and that it can be interrupted. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Splits } from '../../lib/data/index.ts';
import { type CenterLoss, type LdamLoss, type LossName, lossNames } from '../../lib/losses/index.ts';
import { Adam } from '../../lib/optim/index.ts';
import {
  buildTraining,
  type EpochMetrics,
  fit,
  loadTraining,
  requireOptimized,
  resolveConfig,
  saveTraining,
  type TrainConfig,
  type Training,
  withClassCounts,
} from '../../lib/train/index.ts';
import { digits } from '../support/digits.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const splits: Splits = { train: digits(64, 1), validation: digits(20, 2), test: digits(20, 3) };
const config = (more: Partial<TrainConfig>) =>
  resolveConfig({ data: 'drawn-digits', epochs: 2, batchSize: 16, threads: 1, ...more });

const weights = ({ model, loss }: Training) =>
  [...Object.values(model.stateDict()), ...Object.values(loss.stateDict())].flatMap((value) =>
    Array.from(value.detach().toTypedArray(), Number),
  );
const timeless = ({ seconds: _, imagesPerSecond: __, ...line }: EpochMetrics) => line;

/** Trains, and stops after so many steps. */
async function train(settings: TrainConfig, { from, stopAfter }: { from?: string; stopAfter?: number } = {}) {
  const training = buildTraining(settings, splits);
  const state = from === undefined ? undefined : await loadTraining(from, training);
  const controller = new AbortController();
  const lines: EpochMetrics[] = [];
  const { loss } = training;
  const wrap = <Name extends 'forward' | 'forwardMixed'>(name: Name) => {
    const call = loss[name].bind(loss) as (...args: unknown[]) => ReturnType<typeof loss.forward>;
    loss[name] = ((...args: unknown[]) => {
      if (--left === 0) controller.abort();
      return call(...args);
    }) as (typeof loss)[Name];
  };
  let left = stopAfter ?? Infinity;
  wrap(settings.mixup > 0 ? 'forwardMixed' : 'forward');
  const end = await fit({
    ...training,
    ...{ validation: splits.validation, epochs: settings.epochs, state, signal: controller.signal },
    onEpoch: (line) => {
      lines.push(line);
    },
  });
  return { training, lines, end };
}

describe.each<[LossName, Partial<TrainConfig>]>([
  ...lossNames.map((name): [LossName, Partial<TrainConfig>] => [name, {}]),
  ['center', { lossOptions: { update: 'autograd' } }],
  ['l-gm', { lossOptions: { alphaGrowth: 2, alphaInterval: 3 } }],
  ['ldam', { lossOptions: { reweightFrom: 0.5 } }],
  ['icu', { lossOptions: { logPrior: 'counts' }, mixup: 0.4 }],
  ['l-softmax', { mixup: 1 }],
  ['center', { mixup: 1 }],
  ['icu', { autocast: 'bfloat16' }],
  ['ce', { autocast: 'bfloat16', mixup: 0.4 }],
])('%s %j', (loss, more) => {
  it('trains, and goes on after an interruption as if there had been none', async () => {
    const settings = config({ loss, ...more });
    const whole = await train(settings);
    expect(whole.lines).toHaveLength(2);
    for (const value of whole.lines.flatMap(Object.values)) expect(Number.isFinite(value)).toBe(true);
    // 4 steps an epoch: within the second
    const path = join(folder, 'last.safetensors');
    const first = await train(settings, { stopAfter: 6 });
    await saveTraining(path, first.training, first.end);
    const second = await train(settings, { from: path });
    expect(weights(second.training)).toEqual(weights(whole.training));
    expect([...first.lines, ...second.lines].map(timeless)).toEqual(whole.lines.map(timeless));
  });
});

describe('class counts', () => {
  const counts = Array.from({ length: 10 }, (_, k) =>
    (splits.train.labels.toTypedArray() as BigInt64Array).reduce((n, y) => n + (Number(y) === k ? 1 : 0), 0),
  );

  it('are those of the training images, where the loss needs them', () => {
    const filled = withClassCounts(config({ loss: 'ldam', lossOptions: { scale: 20 } }), splits.train);
    expect(filled.lossOptions).toEqual({ scale: 20, classCounts: counts });
    expect((buildTraining(config({ loss: 'ldam' }), splits).loss as LdamLoss).options.classCounts).toEqual(
      counts,
    );
    const icu = withClassCounts(config({ lossOptions: { logPrior: 'counts' } }), splits.train);
    expect(icu.lossOptions).toEqual({ logPrior: 'counts', classCounts: counts });
  });

  it('are left alone where they are given, or not needed', () => {
    const given = config({ loss: 'ldam', lossOptions: { classCounts: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } });
    expect(withClassCounts(given, splits.train)).toBe(given);
    const other = config({ loss: 'focal' });
    expect(withClassCounts(other, splits.train)).toBe(other);
  });

  it('that are 0 are an error which names the class', () => {
    const labels = splits.train.labels.clampMax(8);
    const without = { ...splits, train: { ...splits.train, labels } };
    expect(() => buildTraining(config({ loss: 'class-balanced' }), without)).toThrow(
      'ClassBalancedLoss: classCounts: expected integers of at least 1, got 0 for class 9',
    );
  });
});

describe('parameters', () => {
  it.each(lossNames)('of %s are all in a group of the optimiser', (loss) => {
    const training = buildTraining(config({ loss }), splits);
    expect(() => requireOptimized(training, training.optimizer)).not.toThrow();
  });

  it('that are in none are an error when training begins', async () => {
    const { loss, model, loader } = buildTraining(
      config({ loss: 'center', lossOptions: { update: 'autograd' } }),
      splits,
    );
    const optimizer = new Adam([{ params: [...model.parameters(), (loss as CenterLoss).linear.weight] }]);
    const training = fit({ model, loss, loader, optimizer, validation: splits.validation, epochs: 1 });
    await expect(training).rejects.toThrow(
      'Adam: no group has the parameters loss.centers, loss.linear.bias; add them, or set requiresGrad to false',
    );
  });

  it('that a loss keeps back from the optimiser are an error when a training is built', () => {
    const { loss } = buildTraining(config({ loss: 'ring' }), splits);
    const prototype = Object.getPrototypeOf(loss);
    const { parameterGroups } = prototype;
    prototype.parameterGroups = function (lr: number) {
      return parameterGroups.call(this, lr).slice(0, 1);
    };
    try {
      expect(() => buildTraining(config({ loss: 'ring' }), splits)).toThrow(
        'Adam: no group has the parameters loss.radius',
      );
    } finally {
      prototype.parameterGroups = parameterGroups;
    }
  });

  it('that are frozen need no group', () => {
    const { loss, model } = buildTraining(config({ loss: 'ce' }), splits);
    for (const parameter of loss.parameters()) parameter.requiresGrad = false;
    const optimizer = new Adam(model.parameters());
    expect(() => requireOptimized({ model, loss }, optimizer)).not.toThrow();
  });
});

describe('mixup', () => {
  it('counts as accuracy the share of an image that is of the predicted class', async () => {
    const { lines } = await train(config({ loss: 'ce', mixup: 1, epochs: 1 }));
    expect(lines[0]!.accuracy).toBeGreaterThan(0);
    expect(lines[0]!.accuracy).toBeLessThan(1);
    // Hits alone would be a whole number of the 64 images.
    expect(Number.isInteger(lines[0]!.accuracy * 64)).toBe(false);
  });

  it('is off by default, and refused below 0', () => {
    expect(buildTraining(config({ loss: 'ce' }), splits).mixup).toBeNull();
    expect(buildTraining(config({ loss: 'ce', mixup: 0.2, seed: 3 }), splits).mixup).toMatchObject({
      ...{ alpha: 0.2, seed: 3 },
    });
    expect(() => config({ mixup: -1 })).toThrow(
      'train: mixup: expected a finite number of at least 0, got number -1',
    );
  });
});
