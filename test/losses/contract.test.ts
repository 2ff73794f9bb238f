/** What every loss of the registry has to keep to. */
import { describe, expect, it } from 'vitest';
import {
  type ClassificationLoss,
  createLoss,
  GaussianLoss,
  type LossName,
  type LossOptions,
  lacksClassCounts,
  lossNames,
} from '../../lib/losses/index.ts';
import { Linear } from '../../lib/nn/index.ts';
import {
  autocast,
  autocastDtypes,
  manualSeed,
  memory,
  noGrad,
  scope,
  type Tensor,
  torch,
} from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { arrayOf, expectGradients, int64, randomFeatures, rowsOf, still } from './problem.ts';

const K = 4;
const D = 3;
const classCounts = [50, 20, 7, 2];

type Case = { [Name in LossName]: [Name, LossOptions[Name]] }[LossName];

/** Every loss by its defaults, and every form that it has. */
const cases: Case[] = [
  ['icu', {}],
  ['icu', { logPrior: 'counts', classCounts, alpha: 0.3 }],
  ['icu-authors', {}],
  ['icu-authors', { alpha: 0.2, gamma: 0.3, gpus: 4 }],
  ['ce', {}],
  ['l-softmax', {}],
  ...[1, 2, 3, 4].map((m): Case => ['l-softmax', { m, lambdaBase: 2 }]),
  ['a-softmax', {}],
  ...[1, 2, 3, 4].map((m): Case => ['a-softmax', { m, lambdaBase: 2, lambdaMin: 0 }]),
  ['cosface', {}],
  ['normface', {}],
  ['ring', {}],
  ['ring', { form: 'smooth-l1', weight: 0.5 }],
  ['center', { weight: 0.3 }],
  ['l-gm', {}],
  ['l-gm', { covariance: 'diagonal', alpha: 0.5 }],
  ['l-gm', { form: 'official' }],
  ['l-gm', { form: 'official', learnVariances: true, alpha: 1 }],
  ['focal', {}],
  ['focal', { gamma: 0.5 }],
  ['focal', { gamma: 0 }],
  ['focal', { form: 'sigmoid', gamma: 0.5, alpha: 0.25 }],
  ['class-balanced', { classCounts }],
  ['class-balanced', { classCounts, divideBy: 'weights' }],
  ['class-balanced', { classCounts, form: 'sigmoid' }],
  ['class-balanced', { classCounts, form: 'focal', gamma: 0.5 }],
  ['ldam', { classCounts }],
  ['balanced-softmax', { classCounts }],
  ['balanced-softmax', { classCounts, adjust: 'test' }],
];
/** Those whose gradients are meant not to be the derivative of the total; their own tests check them. */
const ownGradients: Case[] = [
  ['center', { update: 'autograd' }],
  ['ring', { form: 'ratio' }],
  ['focal', { detach: true }],
];

const make = ([name, options]: Case): ClassificationLoss => createLoss<LossName>(name, K, D, options);
const labels = int64([0, 2, 2, 3, 1, 2]);
const titled = (list: Case[]): [string, Case][] =>
  list.map((one) => [`${one[0]} ${JSON.stringify(one[1])}`, one]);

it('covers every loss', () => {
  expect(new Set(cases.map(([name]) => name))).toEqual(new Set(lossNames));
});

describe.each(titled([...cases, ...ownGradients]))('%s', (_, one) => {
  it('has logits and predictions that are the same whatever the labels were', () => {
    const loss = make(one);
    const features = torch.randn([6, D]);
    loss.eval();
    const before = arrayOf(loss.logits(features));
    loss.forward(features, labels);
    loss.forward(features, int64([1, 1, 1, 1, 1, 1]));
    expect(arrayOf(loss.logits(features))).toEqual(before);
    expect(loss.logits(features).shape).toEqual([6, K]);
    const predicted = loss.predict(features);
    expect([predicted.dtype, predicted.shape]).toEqual(['int64', [6]]);
    expect(loss.logits.length).toBe(1);
  });

  it('gives a scalar, the sum of its parts, that is differentiable in all of its parameters', () => {
    const loss = make(one);
    const features = randomFeatures(6, D);
    const { total, classification, regularizer } = still(loss).forward(features, labels);
    expect(total.shape).toEqual([]);
    expectClose(total.item(), classification.item() + (regularizer?.item() ?? 0), { rtol: 1e-12 });
    total.backward();
    expect(features.grad!.shape).toEqual([6, D]);
    for (const [name, parameter] of loss.namedParameters()) {
      expect(parameter.grad !== null, name).toBe(parameter.requiresGrad);
    }
  });

  it('takes no part of rows labelled −100', () => {
    const loss = still(make(one), 2);
    const features = randomFeatures(6, D);
    const some = int64([0, -100, 2, 3, -100, 2]);
    const { total } = loss.forward(features, some);
    total.backward();
    const gradient = arrayOf(features.grad!);
    const ignored = [...gradient.slice(D, 2 * D), ...gradient.slice(4 * D, 5 * D)];
    expect(ignored.every((slope) => slope === 0)).toBe(true);
    const kept = noGrad(() => features.indexSelect(0, int64([0, 2, 3, 5])));
    expectClose(total.item(), loss.forward(kept, int64([0, 2, 3, 2])).total.item(), { rtol: 1e-12 });
  });

  it.each([NaN, Infinity])('takes no part of them where their features are %d either', (value) => {
    const some = int64([0, -100, 2, 3, -100, 2]);
    const mixed = { labels: some, otherLabels: int64([1, -100, 2, 0, -100, 3]), lambda: 0.3 };
    /** The figures, gradients and state after a step on features that are `filled` where no row takes part. */
    const after = (filled: number, step: (of: ClassificationLoss, x: Tensor) => Tensor) => {
      manualSeed(1);
      const loss = still(make(one), 2).train();
      const features = randomFeatures(6, D);
      noGrad(() => features.indexFill_(0, int64([1, 4]), filled));
      const total = step(loss, features);
      total.backward();
      const gradients = [features, ...loss.parameters()].flatMap(({ grad }) => (grad ? arrayOf(grad) : []));
      return [total.item(), ...gradients, ...Object.values(loss.stateDict()).flatMap(arrayOf)];
    };
    const steps = [
      (loss: ClassificationLoss, x: Tensor) => loss.forward(x, some).total,
      (loss: ClassificationLoss, x: Tensor) => loss.forwardMixed(x, mixed).total,
    ];
    for (const step of steps) expect(after(value, step)).toEqual(after(0, step));
  });

  it('is 0 with gradients of 0 where no row takes part', () => {
    const loss = still(make(one));
    for (const N of [2, 0]) {
      const features = randomFeatures(N, D);
      loss.zeroGrad();
      const { total } = loss.train().forward(features, int64(new Array(N).fill(-100)));
      expect(total.item()).toBe(0);
      total.backward();
      const gradients = [features, ...loss.parameters()].flatMap(({ grad }) => (grad ? arrayOf(grad) : []));
      expect(gradients.every((slope) => slope === 0)).toBe(true);
    }
  });

  it('has finite losses and gradients for features of zeros, far out, and all alike', () => {
    const loss = still(make(one));
    const features = rowsOf([
      [0, 0, 0],
      [0, 0, 0],
      [1e-30, 0, 0],
      [300, -300, 300],
      [1, 1, 1],
      [1, 1, 1],
    ]);
    const { total } = loss.train().forward(features, labels);
    total.backward();
    expect(Number.isFinite(total.item())).toBe(true);
    const slopes = [features, ...loss.parameters()].flatMap(({ grad }) => (grad ? arrayOf(grad) : []));
    expect(slopes.every(Number.isFinite)).toBe(true);
    // Not what dividing by a length next to 0 would make of them.
    expect(Math.max(...arrayOf(features.grad!).slice(0, 9).map(Math.abs))).toBeLessThan(100);
  });

  it('refuses what is no batch for it, and names what it is', () => {
    const loss = make(one).train();
    const features = torch.randn([2, D]);
    const fit = int64([0, 1]);
    const state = () => Object.values(loss.stateDict()).map((t) => arrayOf(t));
    const before = state();
    const refused = (x: Tensor, y: Tensor, message: RegExp) => {
      expect(() => loss.forward(x, y)).toThrow(message);
      expect(() => loss.forwardMixed(x, { labels: fit, otherLabels: y, lambda: 0.5 })).toThrow(message);
    };
    refused(features, int64([0, K]), /labels: expected .*0 to 3.* got 4 in row 1/);
    refused(features, int64([0, -1]), /labels: expected .*0 to 3.* got -1 in row 1/);
    refused(features, int64([0]), /labels: expected shape \(.*got \[1\]/);
    refused(features, fit.unsqueeze(1), /labels: expected shape \(.*got \[2, 1\]/);
    const elsewhere = torch.zeros([2], { dtype: 'int64', device: 'meta' });
    refused(features, elsewhere, /labels: expected it on cpu like features, got meta/);
    refused(features, torch.rand([2]), /labels: expected int64.*got float32/);
    refused(torch.randn([2, D + 1]), fit, /features: expected shape \(N, 3\).*got \[2, 4\]/);
    refused(torch.randn([D]), fit, /features: expected shape \(N, (3|D)\).*got \[3\]/);
    refused('x' as unknown as Tensor, fit, /features/);
    refused(features, [0, 1] as unknown as Tensor, /labels/);
    const mixed = { labels: fit, otherLabels: fit, lambda: 0.5 };
    for (const wrong of [null, 'x', { ...mixed, lambda: 2 }, { ...mixed, lambda: undefined }]) {
      expect(() => loss.forwardMixed(features, wrong as never)).toThrow(/mixed(\.lambda)?: expected .*got/);
    }
    expect(state()).toEqual(before);
  });

  it('refuses features that are none for it, whatever they are given to', () => {
    const loss = make(one).train();
    const state = () => Object.values(loss.stateDict()).map((t) => arrayOf(t));
    const before = state();
    const refused = (x: Tensor, message: RegExp) => {
      const y = int64(new Array(x.shape[0]).fill(1));
      expect(() => loss.forward(x, y)).toThrow(message);
      expect(() => loss.forwardMixed(x, { labels: y, otherLabels: y, lambda: 0.5 })).toThrow(message);
      expect(() => loss.logits(x)).toThrow(message);
      expect(() => loss.predict(x)).toThrow(message);
    };
    refused(torch.zeros([4, 5, D]), /features: expected shape \(N, .*got \[4, 5, 3\]/);
    refused(torch.zeros([4, D, 2]), /features: expected shape \(N, .*got \[4, 3, 2\]/);
    refused(torch.zeros([2, D + 1]), /features: expected shape \(N, .*got \[2, 4\]/);
    refused(torch.zeros([2, D], { dtype: 'int64' }), /features: expected .*got int64/);
    const wide = torch.zeros([2, D], { dtype: 'float64' });
    refused(wide, /features: expected float32 like .*got float64/);
    autocast(() => refused(wide, /features: expected float32 like .*got float64/));
    // The operators of the Gaussians take 16 bits, and speak of the means that are not where the features are.
    if (!(loss instanceof GaussianLoss)) {
      const narrow = torch.zeros([2, D], { dtype: 'bfloat16' });
      refused(narrow, /features: expected float32 like the parameters, got bfloat16/);
      const elsewhere = torch.zeros([2, D], { device: 'meta' });
      refused(elsewhere, /features: expected it on cpu like the parameters, got meta/);
    }
    expect(state()).toEqual(before);
  });

  it.each(autocastDtypes)('takes the features that a layer gives inside autocast, %s', (dtype) => {
    manualSeed(1);
    const loss = make(one).eval();
    const layer = new Linear(5, D);
    const images = torch.randn([6, 5]);
    const some = int64([0, -100, 2, 3, 1, 2]);
    const mixed = { labels: some, otherLabels: labels, lambda: 0.3 };
    const totals = () => {
      const features = layer.forward(images);
      loss.predict(features);
      return [loss.forward(features, some).total, loss.forwardMixed(features, mixed).total];
    };
    const inFull = noGrad(totals).map((total) => total.item());
    const narrow = autocast(totals, { dtype });
    narrow[0]!.add(narrow[1]!).backward();
    expectClose(
      narrow.map((total) => total.item()),
      inFull,
      { rtol: 0.05, atol: 0.05 },
    );
    const slopes = [layer, loss].flatMap((of) =>
      of.parameters().flatMap(({ grad }) => (grad ? arrayOf(grad) : [])),
    );
    expect(slopes.every(Number.isFinite)).toBe(true);
  });

  it('gives every parameter to the optimizer exactly once', () => {
    const loss = make(one);
    const given = loss.parameterGroups(0.1, 0.01).flatMap(({ params }) => params);
    expect(new Set(given).size).toBe(given.length);
    expect(new Set(given)).toEqual(new Set(loss.parameters().filter(({ requiresGrad }) => requiresGrad)));
    for (const { lr, weightDecay, name } of loss.parameterGroups(0.1, 0.01)) {
      expect(lr, name).toBeGreaterThan(0);
      expect(weightDecay, name).toBeGreaterThanOrEqual(0);
    }
  });

  it('goes on from its state dict as if it had not been interrupted', () => {
    manualSeed(1);
    const loss = make(one);
    const features = torch.randn([6, D]);
    const step = (of: ClassificationLoss): number => {
      of.zeroGrad();
      const { total } = of.forward(features, labels);
      total.backward();
      noGrad(() => {
        for (const parameter of of.parameters()) {
          if (parameter.grad) parameter.sub_(parameter.grad.mul(0.01));
        }
      });
      return total.item();
    };
    for (let i = 0; i < 3; i++) step(loss);
    const copy = make(one);
    copy.loadStateDict(loss.stateDict());
    expect([step(copy), step(copy)]).toEqual([step(loss), step(loss)]);
    expect(copy.summary()).toEqual(loss.summary());
  });

  it('mixes labels, and takes a mixture for one step', () => {
    const again = () => {
      manualSeed(1);
      return still(make(one), 3);
    };
    const loss = again();
    const features = randomFeatures(6, D);
    const otherLabels = int64([1, 1, 0, 3, 2, 2]);
    const total = (y: Tensor): number => loss.forward(features, y).total.item();
    const mixed = loss.forwardMixed(features, { labels, otherLabels, lambda: 0.3 });
    expectClose(mixed.total.item(), 0.3 * total(labels) + 0.7 * total(otherLabels), { rtol: 1e-12 });
    expectClose(mixed.total.item(), mixed.classification.item() + (mixed.regularizer?.item() ?? 0), {
      rtol: 1e-12,
    });

    const states = [0.3, 1].map((lambda) => {
      const moving = again().train();
      if (lambda === 1) moving.forward(features, labels);
      else moving.forwardMixed(features, { labels, otherLabels: labels, lambda });
      return Object.values(moving.stateDict()).flatMap(arrayOf);
    });
    expectClose(states[0]!, states[1]!, { rtol: 1e-12, atol: 1e-15 });
  });

  it('leaves no tensors behind', () => {
    const loss = make(one);
    const features = torch.randn([6, D]);
    const step = () =>
      scope(() => {
        loss.forward(features, labels).total.backward();
        loss.zeroGrad();
        loss.summary();
      });
    step();
    const before = memory.tensors;
    for (let i = 0; i < 3; i++) step();
    expect(memory.tensors).toBe(before);
  });

  it('refuses options that it does not know, and sizes that are none', () => {
    const [name, options] = one;
    expect(() => createLoss(name as 'ce', K, D, { ...options, gama: 1 } as object)).toThrow(
      /: there is no option "gama"; the options are /,
    );
    expect(() => createLoss(name as 'ce', K, D, 3 as unknown as object)).toThrow('expected an object, got 3');
    expect(() => createLoss<LossName>(name, 0, D, options)).toThrow('expected');
    expect(() => createLoss<LossName>(name, K, 1.5, options)).toThrow(
      'featureDim: expected an integer of at least 1, got 1.5',
    );
  });
});

describe.each(titled(cases))('gradients of %s', (_, one) => {
  it('are the derivatives', () => {
    const loss = still(make(one), 5);
    expectGradients(loss, randomFeatures(6, D, 6), labels);
    expectGradients(loss, randomFeatures(6, D, 7), int64([0, -100, 2, 3, 3, 3]));
  });
});

describe('classCounts', () => {
  const needing = ['class-balanced', 'ldam', 'balanced-softmax'] as const;

  it.each(needing)('must be given to %s', (name) => {
    expect(() => createLoss(name, 3, 2)).toThrow(
      /Loss: classCounts: expected the number of training images of each class, 3 integers of at least 1, got undefined/,
    );
    expect(() => createLoss(name, 3, 2, { classCounts: [1, 2] })).toThrow(
      'classCounts: expected 3 integers, one for each class, got 2',
    );
    expect(() => createLoss(name, 3, 2, { classCounts: [5, 0, 2] })).toThrow(
      'classCounts: expected integers of at least 1, got 0 for class 1',
    );
    expect(() => createLoss(name, 3, 2, { classCounts: [5, 1.5, 2] })).toThrow('got 1.5 for class 1');
    const holes: number[] = [];
    holes[0] = holes[2] = 5;
    expect(() => createLoss(name, 3, 2, { classCounts: holes })).toThrow('got undefined for class 1');
    expect(() => createLoss(name, 3, 2, { classCounts: new Array(3) })).toThrow('got undefined for class 0');
  });

  it('are lacking only where they are needed and not given', () => {
    for (const name of lossNames) {
      expect(lacksClassCounts(name, {}), name).toBe((needing as readonly string[]).includes(name));
    }
    expect(lacksClassCounts('ldam', { classCounts })).toBe(false);
    expect(lacksClassCounts('icu', { logPrior: 'counts' })).toBe(true);
    expect(lacksClassCounts('icu', { logPrior: [0, 0] })).toBe(false);
  });
});
