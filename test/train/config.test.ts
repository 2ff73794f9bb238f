import { describe, expect, it } from 'vitest';
import { resolveConfig, type TrainConfig, trainDefaults } from '../../lib/train/index.ts';

type Given = Partial<Record<keyof TrainConfig, unknown>>;
const resolve = (given: Given) => resolveConfig(given as Partial<TrainConfig>);

describe('the settings of optimiser and schedule', () => {
  it('have the defaults of runs that were made before there were any', () => {
    expect(resolve({ epochs: 3, lr: 0.02 })).toEqual({ ...trainDefaults, epochs: 3, lr: 0.02 });
    expect(trainDefaults).toMatchObject({
      optimizer: 'adam',
      momentum: 0.9,
      nesterov: false,
      schedule: 'one-cycle',
      milestones: [],
      milestoneFactor: 0.1,
      warmupEpochs: 0,
      warmupStart: 0,
      selectOn: 'validation',
    });
  });

  it('do not share their milestones with who gave them', () => {
    const milestones = [1, 2.5];
    const config = resolve({ schedule: 'multi-step', milestones });
    milestones.push(1);
    expect(config.milestones).toEqual([1, 2.5]);
    expect(resolve({}).milestones).not.toBe(trainDefaults.milestones);
  });

  it.each<Given>([
    { optimizer: 'sgd', momentum: 0 },
    { optimizer: 'sgd', momentum: 0.5, nesterov: true, schedule: 'constant', warmupEpochs: 7.9 },
    { optimizer: 'adamw', schedule: 'cosine', warmupEpochs: 0.1, warmupStart: 1 },
    { model: 'resnet50', data: 'folder:/photos', workers: 2, skipCorrupt: true },
    { optimizer: 'adam', momentum: 0.9, nesterov: false, warmupStart: 0 },
    { epochs: 200, schedule: 'multi-step', milestones: [120, 160], milestoneFactor: 0.01, warmupEpochs: 5 },
  ])('%o is a configuration', (given) => {
    expect(resolve(given)).toMatchObject(given);
  });

  const increasing = 'expected an array of increasing numbers above 0';
  it.each<[Given, string]>([
    [{ optimizer: 'lion' }, 'optimizer: expected one of adam, adamw, sgd, got string "lion"'],
    [{ momentum: -1 }, 'momentum: expected a finite number of at least 0, got number -1'],
    [{ nesterov: 1 }, 'nesterov: expected true or false, got number 1'],
    [{ schedule: 'step' }, 'schedule: expected one of one-cycle, constant, cosine, multi-step, got'],
    [{ milestones: 120 }, `milestones: ${increasing}, got number 120`],
    [{ milestones: [0, 1] }, `milestones: ${increasing}, got`],
    [{ milestones: [2, 2] }, `milestones: ${increasing}, got`],
    [{ milestones: [1, Number.NaN] }, `milestones: ${increasing}, got`],
    [{ milestones: ['1'] }, `milestones: ${increasing}, got`],
    [{ milestoneFactor: '0.1' }, 'milestoneFactor: expected a finite number of at least 0, got string'],
    [{ warmupEpochs: -1 }, 'warmupEpochs: expected a finite number of at least 0, got number -1'],
    [{ warmupStart: 1.5 }, 'warmupStart: expected a number from 0 to 1, got number 1.5'],
    [{ selectOn: 'train' }, 'selectOn: expected one of validation, test, got string "train"'],
    // What does not go together.
    [{ momentum: 0.5 }, "momentum: expected 0.9 with optimizer 'adam', as only 'sgd' has it, got number 0.5"],
    [
      { data: 'cifar-10', skipCorrupt: true },
      "skipCorrupt: expected false with data 'cifar-10', as only image folders have files to decode, got boolean",
    ],
    [{ workers: 2 }, "workers: expected null with data 'mnist', as only image folders have files to decode"],
    [
      { optimizer: 'adamw', nesterov: true },
      "nesterov: expected false with optimizer 'adamw', as only 'sgd'",
    ],
    [
      { optimizer: 'sgd', momentum: 0, nesterov: true },
      'momentum: expected a number above 0 with nesterov, got number 0',
    ],
    [
      { warmupEpochs: 1 },
      "warmupEpochs: expected 0 with schedule 'one-cycle', which has its own, got number 1",
    ],
    [{ schedule: 'cosine', warmupEpochs: 8 }, 'warmupEpochs: expected less than the 8 epochs, got number 8'],
    [
      { schedule: 'constant', warmupStart: 0.5 },
      'warmupStart: expected 0 without warmupEpochs, got number 0.5',
    ],
    [{ schedule: 'multi-step' }, "milestones: expected at least one with schedule 'multi-step', got []"],
    [{ milestones: [3, 4] }, "milestones: expected none with schedule 'one-cycle', got [3, 4]"],
    [
      { schedule: 'multi-step', milestones: [1, 3], warmupEpochs: 1 },
      'milestones: expected them after the 1 epochs of warm-up, got [1, 3]',
    ],
    [
      { schedule: 'multi-step', milestones: [5, 8] },
      'milestones: expected them before the end of the 8 epochs, got [5, 8]',
    ],
    [
      { schedule: 'cosine', milestoneFactor: 0.2 },
      "milestoneFactor: expected 0.1 with schedule 'cosine', got number 0.2",
    ],
  ])('%o is refused', (given, message) => {
    expect(() => resolve(given)).toThrow(TypeError);
    expect(() => resolve(given)).toThrow(`train: ${message}`);
  });
});
