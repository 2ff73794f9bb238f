import { describe, expect, it } from 'vitest';
import { Parameter } from '../../lib/nn/index.ts';
import {
  Adam,
  CosineAnnealingLR,
  LinearWarmup,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  SGD,
} from '../../lib/optim/index.ts';
import { torch } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

const steps = 20;
const groups = () => [
  { params: [new Parameter(torch.zeros([1]))] },
  { params: [new Parameter(torch.zeros([1]))], lr: 0.02 },
];
const sgd = () => new SGD(groups(), { lr: 0.1, momentum: 0.9 });
const adam = () => new Adam(groups(), { lr: 0.1 });

const cases: { name: string; make: () => LRScheduler; python: string; optimizer?: string }[] = [
  {
    name: 'MultiStepLR',
    make: () => new MultiStepLR(sgd(), { milestones: [5, 12], gamma: 0.3 }),
    python: 'S.MultiStepLR(o, [5, 12], gamma=0.3)',
  },
  {
    name: 'CosineAnnealingLR',
    make: () => new CosineAnnealingLR(sgd(), { tMax: 20, etaMin: 0.001 }),
    python: 'S.CosineAnnealingLR(o, 20, eta_min=0.001)',
  },
  {
    name: 'OneCycleLR',
    make: () => new OneCycleLR(adam(), { maxLr: [0.1, 0.02], totalSteps: 21 }),
    python: 'S.OneCycleLR(o, [0.1, 0.02], total_steps=21)',
    optimizer: 'adam',
  },
  {
    name: 'OneCycleLR with settings',
    make: () =>
      new OneCycleLR(sgd(), {
        maxLr: 0.5,
        totalSteps: 30,
        pctStart: 0.4,
        divFactor: 10,
        finalDivFactor: 100,
        baseMomentum: 0.8,
        maxMomentum: 0.9,
      }),
    python:
      'S.OneCycleLR(o, 0.5, total_steps=30, pct_start=0.4, div_factor=10, final_div_factor=100, base_momentum=0.8, max_momentum=0.9)',
  },
  {
    name: 'LinearWarmup before MultiStepLR',
    make: () => {
      const optimizer = sgd();
      const next = new MultiStepLR(optimizer, { milestones: [6, 9] });
      return new LinearWarmup(optimizer, { steps: 5, startFactor: 0.2, next });
    },
    python:
      'S.SequentialLR(o, [S.LinearLR(o, 0.2, total_iters=5), S.MultiStepLR(o, [6, 9])], milestones=[5])',
  },
];

type OptimizerGroups = { momentum?: number; betas?: [number, number] }[];
const momentum = (scheduler: LRScheduler): number[] =>
  (scheduler.optimizer.paramGroups as OptimizerGroups).map((group) => group.betas?.[0] ?? group.momentum!);

function run(scheduler: LRScheduler): number[][] {
  const rows = [[...scheduler.lrs, ...momentum(scheduler)]];
  for (let i = 0; i < steps; i++) {
    scheduler.step();
    rows.push([...scheduler.lrs, ...momentum(scheduler)]);
  }
  return rows;
}

// One process for all cases: Python takes seconds to load torch.
const theirs = hasTorch
  ? runPython<number[][][]>(`
import warnings; warnings.simplefilter('ignore')
import torch.optim.lr_scheduler as S
def run(make_optimizer, make):
    p = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    o = make_optimizer([dict(params=[p[0]]), dict(params=[p[1]], lr=0.02)])
    s = make(o)
    row = lambda: [g['lr'] for g in o.param_groups] + [g['betas'][0] if 'betas' in g else g['momentum'] for g in o.param_groups]
    rows = [row()]
    for _ in range(${steps}):
        o.step(); s.step(); rows.append(row())
    return rows
sgd = lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9)
adam = lambda groups: torch.optim.Adam(groups, lr=0.1)
result = [run(*case) for case in [${cases.map((each) => `(${each.optimizer ?? 'sgd'}, lambda o: ${each.python})`).join(', ')}]]`)
  : [];

describe('schedules', () => {
  it.skipIf(!hasTorch).each(cases.map((each, i) => ({ ...each, i })))('$name: as PyTorch', ({ make, i }) => {
    expectClose(run(make()).flat(), theirs[i]!.flat(), { atol: 1e-12 });
  });

  it.each(cases)('$name: resume() puts it where the steps would have', ({ make }) => {
    const stepped = run(make());
    for (const at of [0, 3, 5, 8, steps]) {
      const scheduler = make();
      scheduler.resume(at);
      expect([...scheduler.lrs, ...momentum(scheduler)]).toEqual(stepped[at]);
      expect(scheduler.lastStep).toBe(at);
    }
  });

  it('half a cosine passes the middle', () => {
    const scheduler = new CosineAnnealingLR(sgd(), { tMax: 10 });
    for (let i = 0; i < 5; i++) scheduler.step();
    expectClose(scheduler.lrs, [0.05, 0.01], { atol: 1e-15 });
  });

  it('have finite rates where a part of the cycle has no steps', () => {
    const rates = (pctStart: number, totalSteps: number): number[] => {
      const scheduler = new OneCycleLR(sgd(), { maxLr: 0.5, totalSteps, pctStart, divFactor: undefined });
      return Array.from({ length: totalSteps }, () => {
        const [lr] = scheduler.lrs;
        scheduler.step();
        return lr!;
      }).concat(scheduler.lrs[0]!);
    };
    // The rise is its first step alone, which is the peak.
    const falling = rates(0.1, 10);
    expect(falling[0]).toBe(0.5);
    expect(falling.slice(0, 10)).toEqual(falling.slice(0, 10).sort((a, b) => b - a));
    // The rise is all there is, until the step behind the last.
    const rising = rates(1, 4);
    expect(rising[0]).toBeCloseTo(0.5 / 25);
    expect(rising[3]).toBe(0.5);
    expect(rising[4]).toBe(0.5 / 25 / 1e4);
  });

  it.each([
    ['CosineAnnealingLR', (optimizer: SGD) => new CosineAnnealingLR(optimizer, { tMax: 5 })],
    ['OneCycleLR', (optimizer: SGD) => new OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 5 })],
  ])('%s leaves a group alone that the optimiser got later', (_, make) => {
    const optimizer = sgd();
    const schedule = make(optimizer);
    const late = { ...optimizer.paramGroups[0]!, params: [new Parameter(torch.zeros([1]))], lr: 0.5 };
    optimizer.paramGroups.push(late);
    const { momentum } = late;
    schedule.step();
    expect([late.lr, late.momentum]).toEqual([0.5, momentum]);
    expect(optimizer.paramGroups[0]!.lr).not.toBe(0.1);
  });

  it('count no step that they refuse', () => {
    const schedule = new OneCycleLR(sgd(), { maxLr: 0.1, totalSteps: 2 });
    schedule.step();
    schedule.step();
    expect(() => schedule.step()).toThrow(/beyond the cycle/);
    expect(schedule.lastStep).toBe(2);
  });

  it('name what is wrong with their arguments', () => {
    expect(() => new OneCycleLR(sgd(), { maxLr: [0.1], totalSteps: 5 })).toThrow(
      "OneCycleLR: argument 'maxLr' expected 2 numbers, got 1",
    );
    expect(() => new OneCycleLR(sgd(), { maxLr: 0.1, totalSteps: 0 })).toThrow(
      /'totalSteps' expected an integer/,
    );
    expect(() => new CosineAnnealingLR(sgd(), { tMax: 0 })).toThrow(/'tMax'/);
    // As in PyTorch, a milestone of 0 counts from the first step on.
    const optimizer = sgd();
    const base = optimizer.paramGroups[0]!.lr;
    new MultiStepLR(optimizer, { milestones: [0, 2] });
    expect(optimizer.paramGroups[0]!.lr).toBeCloseTo(base / 10, 12);
    expect(() => new MultiStepLR(sgd(), { milestones: 3 as unknown as number[] })).toThrow(/'milestones'/);
    const cycle = (options: object) => () =>
      new OneCycleLR(sgd(), { maxLr: 0.1, totalSteps: 10, ...options } as never);
    expect(cycle({ divFactor: 0 })).toThrow(
      "OneCycleLR: argument 'divFactor' expected a finite number above 0, got number 0",
    );
    expect(cycle({ finalDivFactor: Number.NaN })).toThrow(/'finalDivFactor'/);
    expect(cycle({ pctStart: 1.1 })).toThrow(/'pctStart' expected a number from 0 to 1, got number 1.1/);
    expect(cycle({ baseMomentum: 'x' })).toThrow(/'baseMomentum' expected .*, got string "x"/);
    expect(cycle({ cycleMomentum: 1 })).toThrow(/'cycleMomentum' expected true or false/);
    expect(cycle({ pctstart: 0.1 })).toThrow(
      /OneCycleLR: there is no option "pctstart"; the options are maxLr/,
    );
    expect(() => new CosineAnnealingLR(5 as never, { tMax: 10 })).toThrow(
      "CosineAnnealingLR: argument 'optimizer' expected an Optimizer, got number 5",
    );
    expect(() => new CosineAnnealingLR(sgd(), undefined as never)).toThrow(
      "CosineAnnealingLR: argument 'options' expected an object, got undefined",
    );
    expect(() => new MultiStepLR(sgd(), { milestones: [1, 'a' as never] })).toThrow(
      /'milestones' expected an array of finite numbers, got \[number 1, string "a"\]/,
    );
    expect(() => new LinearWarmup(sgd(), { steps: 1, next: 5 as never })).toThrow(
      /'next' expected a schedule/,
    );
    const [first, second] = [sgd(), sgd()];
    const next = new CosineAnnealingLR(second, { tMax: 10 });
    expect(() => new LinearWarmup(first, { steps: 1, next })).toThrow(
      "LinearWarmup: argument 'next' expected a schedule of the same optimiser, got one of another",
    );
    expect(first.paramGroups[0]!.lr).toBe(0.1);
    expect(new LinearWarmup(second, { steps: 1, next }).optimizer).toBe(second);
    const half = new CosineAnnealingLR(sgd(), { tMax: 10 });
    expect(() => half.resume(Number.NaN)).toThrow(/'lastStep' expected .*, got number NaN/);
    expect(half.lrs).toEqual([0.1, 0.02]);
    const once = new OneCycleLR(sgd(), { maxLr: 0.1, totalSteps: 1 });
    once.step();
    expect(() => once.step()).toThrow(/beyond the cycle's 1 steps/);
  });
});
