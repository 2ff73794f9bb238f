/** That each network starts as its source has it start. */
import { describe, expect, it } from 'vitest';
import { createModel, LeNetPlusPlus } from '../../lib/models/index.ts';
import { BatchNorm1d, BatchNorm2d, init, type Module } from '../../lib/nn/index.ts';
import { manualSeed, noGrad, scope, type Tensor } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

const { fans } = init;

/** Weights of convolutions and linear layers. */
const weightsOf = (model: Module): [string, Tensor][] =>
  model.namedParameters().filter(([, parameter]) => parameter.ndim >= 2);

const rules = {
  'N(0, 2 / fanIn)': { normal: true, std: (shape: number[]) => Math.sqrt(2 / fans(shape).fanIn) },
  'N(0, 2 / fanOut)': { normal: true, std: (shape: number[]) => Math.sqrt(2 / fans(shape).fanOut) },
  'U(±√(3 / fanIn))': { normal: false, std: (shape: number[]) => 1 / Math.sqrt(fans(shape).fanIn) },
  'U(±1 / √fanIn)': { normal: false, std: (shape: number[]) => 1 / Math.sqrt(3 * fans(shape).fanIn) },
} as const;

/** Every weight's standard deviation and largest value against the rule; wider tolerances for fewer values. */
function expectRule(model: Module, rule: keyof typeof rules): void {
  const { normal, std } = rules[rule];
  for (const [name, weight] of weightsOf(model)) {
    const expected = std(weight.shape);
    const [actual, most] = noGrad(() =>
      scope(() => [weight.square().mean().sqrt().item(), weight.abs().max().item()] as const),
    );
    // The standard error of a standard deviation is at most σ / √(2n).
    expect([name, Math.abs(actual / expected - 1) < 4 / Math.sqrt(2 * weight.numel)]).toEqual([name, true]);
    const bounded = most <= Math.sqrt(3) * expected * (1 + 1e-6);
    // A few hundred normal values may by chance all lie within √3 σ; a thousand do not.
    if (weight.numel > 1000 || !normal) expect([name, bounded]).toEqual([name, !normal]);
  }
}

describe('initialisation', () => {
  it.each<[string, () => Module, keyof typeof rules, boolean]>([
    ['lenet++, as Caffe', () => createModel('lenet++'), 'U(±√(3 / fanIn))', true],
    ["lenet++, the port's", () => new LeNetPlusPlus({ variant: 'pytorch' }), 'U(±1 / √fanIn)', false],
    ['lsoftmax-mnist', () => createModel('lsoftmax-mnist'), 'N(0, 2 / fanIn)', true],
    ['vgg13-lgm', () => createModel('vgg13-lgm'), 'N(0, 2 / fanIn)', true],
    ['resnet18-cifar', () => createModel('resnet18-cifar'), 'U(±1 / √fanIn)', false],
    ['resnet32', () => createModel('resnet32'), 'N(0, 2 / fanIn)', true],
    ['resnet32-bbn', () => createModel('resnet32-bbn'), 'N(0, 2 / fanIn)', true],
    ['resnet50', () => createModel('resnet50'), 'N(0, 2 / fanOut)', true],
  ])('%s', (_, make, rule, zeroBiases) => {
    manualSeed(11);
    const model = scope(make);
    expectRule(model, rule);
    const normalised = new Set(
      model
        .namedModules()
        .flatMap(([name, layer]) =>
          layer instanceof BatchNorm1d || layer instanceof BatchNorm2d
            ? [`${name}.weight`, `${name}.bias`]
            : [],
        ),
    );
    for (const [name, parameter] of model.namedParameters()) {
      if (parameter.ndim !== 1) continue;
      const values = [...new Set(parameter.detach().toTypedArray() as Float32Array)];
      if (normalised.has(name)) expect([name, values]).toEqual([name, [name.endsWith('weight') ? 1 : 0]]);
      else if (name.endsWith('bias') && zeroBiases) expect([name, values]).toEqual([name, [0]]);
      else if (name.endsWith('weight')) expect([name, values]).toEqual([name, [0.25]]);
    }
  });

  it.skipIf(!hasTorch)(
    'resnet18-cifar: the very numbers that PyTorch draws for these layers from the same seed',
    () => {
      const [stem, ...rest] = [64, 128, 256, 512];
      const shapes: [number, number, number][] = [[3, stem!, 3]];
      let before = stem!;
      for (const width of [stem!, ...rest]) {
        shapes.push([before, width, 3], [width, width, 3]);
        if (before !== width) shapes.push([before, width, 1]);
        shapes.push([width, width, 3], [width, width, 3]);
        before = width;
      }
      const expected = runPython<number[]>(
        `
torch.manual_seed(5)
layers = [torch.nn.Conv2d(before, after, size, bias=False) for before, after, size in given]
result = [layer.weight.detach().double().sum().item() for layer in layers]`,
        shapes,
      );
      manualSeed(5);
      const sums = weightsOf(createModel('resnet18-cifar')).map(([, weight]) =>
        scope(() => weight.detach().to({ dtype: 'float64' }).sum().item()),
      );
      expectClose(sums, expected, { atol: 1e-9 });
    },
  );
});
