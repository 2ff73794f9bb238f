import { describe, expect, it } from 'vitest';
import { Parameter } from '../../lib/nn/index.ts';
import { Adam, AdamW, OneCycleLR, type Optimizer, SGD } from '../../lib/optim/index.ts';
import { torch } from '../../lib/tensor/index.ts';
import { createOptimizer, createScheduler, resolveConfig, type TrainConfig } from '../../lib/train/index.ts';
import { expectClose } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

type Given = Partial<TrainConfig>;

/** Two groups, the second at a tenth of the learning rate and without decay, as a loss's would be. */
function optimizerOf(given: Given): Optimizer {
  const config = resolveConfig(given);
  const { lr, weightDecay } = config;
  return createOptimizer(config, [
    { name: 'network', params: [new Parameter(torch.ones([2]))], lr, weightDecay },
    { name: 'loss', params: [new Parameter(torch.ones([2]))], lr: lr / 10, weightDecay: 0 },
  ]);
}

/** The learning rates of both groups at each step, and after the last. */
function rates(given: Given, stepsPerEpoch: number): number[][] {
  const config = resolveConfig(given);
  const optimizer = optimizerOf(given);
  const scheduler = createScheduler(config, optimizer, stepsPerEpoch);
  const rows = [scheduler.lrs];
  for (let t = 0; t < config.epochs * stepsPerEpoch; t++) {
    scheduler.step();
    rows.push(scheduler.lrs);
  }
  return rows;
}

const steps = 7;
/** The published schedule of long-tailed CIFAR. */
const longTailed: Given = {
  optimizer: 'sgd',
  lr: 0.02,
  epochs: 200,
  schedule: 'multi-step',
  milestones: [120, 160],
  milestoneFactor: 0.01,
  warmupEpochs: 5,
  warmupStart: 1 / 3,
};

/** The share of the learning rate at step t, by the definition of each; and PyTorch's schedule. */
const cases: { name: string; given: Given; share: (t: number) => number; python: string }[] = [
  {
    name: 'the published multi-step schedule of long-tailed CIFAR',
    given: longTailed,
    share: (t) => {
      if (t < 35) return 1 / 3 + (2 / 3) * (t / 35);
      return t < 840 ? 1 : t < 1120 ? 1e-2 : 1e-4;
    },
    python:
      'S.SequentialLR(o, [S.LinearLR(o, 1/3, total_iters=35), S.MultiStepLR(o, [805, 1085], gamma=0.01)], milestones=[35])',
  },
  {
    name: 'the same in a fortieth of the epochs',
    given: { ...longTailed, epochs: 5, milestones: [3, 4], warmupEpochs: 0.125 },
    // 7/8 of a step is one step.
    share: (t) => (t < 1 ? 1 / 3 : t < 21 ? 1 : t < 28 ? 1e-2 : 1e-4),
    python:
      'S.SequentialLR(o, [S.LinearLR(o, 1/3, total_iters=1), S.MultiStepLR(o, [20, 27], gamma=0.01)], milestones=[1])',
  },
  {
    name: 'multi-step without warm-up, at fractions of an epoch',
    // 2.1 epochs of 7 steps are 14.7 steps.
    given: { epochs: 4, schedule: 'multi-step', milestones: [1, 2.1] },
    share: (t) => (t < 7 ? 1 : t < 15 ? 0.1 : 0.01),
    python: 'S.MultiStepLR(o, [7, 15])',
  },
  {
    name: 'constant',
    given: { epochs: 3, schedule: 'constant', optimizer: 'adamw' },
    share: () => 1,
    python: 'S.ConstantLR(o, 1, total_iters=1)',
  },
  {
    name: 'constant after a warm-up from 0',
    given: { epochs: 3, schedule: 'constant', warmupEpochs: 1.5 },
    share: (t) => Math.min(1, t / 11),
    // Its LinearLR does not begin at 0.
    python: 'S.LambdaLR(o, lambda t: min(1, t / 11))',
  },
  {
    name: 'cosine',
    given: { epochs: 4, schedule: 'cosine', optimizer: 'sgd' },
    share: (t) => Math.cos((Math.PI / 2) * (t / 28)) ** 2,
    python: 'S.CosineAnnealingLR(o, 28)',
  },
  {
    name: 'cosine after a warm-up',
    given: { epochs: 4, schedule: 'cosine', warmupEpochs: 1, warmupStart: 0.1 },
    share: (t) => (t < 7 ? 0.1 + 0.9 * (t / 7) : Math.cos((Math.PI / 2) * ((t - 7) / 21)) ** 2),
    python:
      'S.SequentialLR(o, [S.LinearLR(o, 0.1, total_iters=7), S.CosineAnnealingLR(o, 21)], milestones=[7])',
  },
];

// One process for all cases: Python takes seconds to load torch.
const theirs = hasTorch
  ? runPython<number[][][]>(
      `
import warnings; warnings.simplefilter('ignore')
import torch.optim.lr_scheduler as S
def run(lr, steps, make):
    p = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    o = torch.optim.SGD([dict(params=[p[0]]), dict(params=[p[1]], lr=lr / 10)], lr=lr)
    s = make(o)
    rows = [[g['lr'] for g in o.param_groups]]
    for _ in range(steps):
        o.step(); s.step(); rows.append([g['lr'] for g in o.param_groups])
    return rows
makes = [${cases.map(({ python }) => `lambda o: ${python}`).join(', ')}]
result = [run(lr, steps, make) for (lr, steps), make in zip(given, makes)]`,
      cases.map(({ given }) => [resolveConfig(given).lr, resolveConfig(given).epochs * steps]),
    )
  : [];

describe('createScheduler', () => {
  it.each(cases)('$name: each step as it is defined', ({ given, share }) => {
    const { lr } = resolveConfig(given);
    const ours = rates(given, steps);
    const expected = ours.map((_, t) => [lr * share(t), (lr / 10) * share(t)]);
    expectClose(ours.flat(), expected.flat(), { atol: 1e-16, rtol: 1e-12 });
  });

  it.skipIf(!hasTorch).each(cases.map((each, i) => ({ ...each, i })))(
    '$name: each step as in PyTorch',
    ({ given, i }) => {
      expect(theirs[i]).toHaveLength(resolveConfig(given).epochs * steps + 1);
      expectClose(rates(given, steps).flat(), theirs[i]!.flat(), { atol: 1e-15, rtol: 1e-10 });
    },
  );

  it('a cosine ends at 0 itself', () => {
    for (const more of [{}, { warmupEpochs: 0.4, warmupStart: 0.5 }]) {
      expect(rates({ epochs: 3, schedule: 'cosine', ...more }, steps).at(-1)).toEqual([0, 0]);
    }
    // A warm-up that rounding makes as long as the training leaves nothing to fall in.
    const short: Given = { epochs: 1, schedule: 'cosine', warmupEpochs: 0.5, warmupStart: 0.5 };
    expect(rates(short, 1)).toEqual([
      [0.005, 0.0005],
      [0.01, 0.001],
    ]);
  });

  it('rounds epochs to the nearest step', () => {
    // 0.07 · 100 is 7.000000000000001, and is not to be reached a step late.
    const [before, after] = rates({ epochs: 1, schedule: 'multi-step', milestones: [0.07] }, 100).slice(6, 8);
    expectClose([before![0]!, after![0]!], [0.01, 0.001], { atol: 1e-15 });
  });

  it('goes through one cycle by default, with the momentum of Adam only', () => {
    const run = (given: Given): { lrs: number[][]; momenta: number[] } => {
      const optimizer = optimizerOf(given);
      const scheduler = createScheduler(resolveConfig(given), optimizer, steps);
      expect(scheduler).toBeInstanceOf(OneCycleLR);
      const result: { lrs: number[][]; momenta: number[] } = { lrs: [], momenta: [] };
      for (let t = 0; t < 8 * steps; t++) {
        const { betas, momentum } = optimizer.paramGroups[0] as { betas?: number[]; momentum?: number };
        result.lrs.push(scheduler.lrs);
        result.momenta.push(betas?.[0] ?? momentum!);
        scheduler.step();
      }
      return result;
    };
    const adam = run({});
    expect(adam.lrs[0]![0]).toBeCloseTo(0.01 / 25, 12);
    expect(Math.max(...adam.lrs.map(([lr]) => lr!))).toBeCloseTo(0.01, 4);
    expect(Math.min(...adam.momenta)).toBeCloseTo(0.85, 3);
    const sgd = run({ optimizer: 'sgd', momentum: 0.8 });
    expect(sgd.lrs).toEqual(adam.lrs);
    expect(new Set(sgd.momenta)).toEqual(new Set([0.8]));
  });
});

describe('createOptimizer', () => {
  it('is the one that is configured, with its settings in each group', () => {
    const [adam, adamw] = [optimizerOf({}), optimizerOf({ optimizer: 'adamw', weightDecay: 0.2 })];
    expect([adam instanceof Adam, adam instanceof AdamW, adamw instanceof AdamW]).toEqual([
      true,
      false,
      true,
    ]);
    expect(adamw.paramGroups.map(({ lr, weightDecay }) => [lr, weightDecay])).toEqual([
      [0.01, 0.2],
      [0.001, 0],
    ]);
    const sgd = optimizerOf({ optimizer: 'sgd', momentum: 0.7, nesterov: true, lr: 1 });
    expect(sgd).toBeInstanceOf(SGD);
    expect(sgd.paramGroups).toMatchObject([
      { name: 'network', lr: 1, weightDecay: 0.001, momentum: 0.7, nesterov: true, dampening: 0 },
      { name: 'loss', lr: 0.1, weightDecay: 0, momentum: 0.7, nesterov: true, dampening: 0 },
    ]);
    expect(optimizerOf({ optimizer: 'sgd' }).paramGroups).toMatchObject([
      { momentum: 0.9 },
      { momentum: 0.9 },
    ]);
  });
});
