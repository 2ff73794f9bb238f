import { describe, expect, it } from 'vitest';
import { type ClassificationLoss, CrossEntropyLoss, createLoss, IcuLoss } from '../../lib/losses/index.ts';
import {
  type Backbone,
  countParameters,
  createModel,
  LeNetPlusPlus,
  LSoftmaxMnist,
  type ModelName,
  modelNames,
  modelsFor,
  modelTitle,
} from '../../lib/models/index.ts';
import { memory, noGrad, scope, tensor, torch } from '../../lib/tensor/index.ts';

interface Head {
  name: string;
  make: (featureDim: number) => ClassificationLoss;
}

const ce = (classes: number, bias = true): Head => ({
  name: `${classes} classes${bias ? '' : ' without bias'}`,
  make: (dim: number) => new CrossEntropyLoss(classes, dim, { bias }),
});
const icu = (classes: number): Head => ({
  name: `ICU, ${classes} classes`,
  make: (dim: number) => new IcuLoss(classes, dim, { covariance: 'diagonal' }),
});

// Counted from the descriptions, and published where a source prints them: 0.46 M for ResNet-32 (He et al., Table 6).
const counts: [string, () => Backbone, number, number, [Head, number][]][] = [
  ['mnist-2d', () => createModel('mnist-2d'), 2, 657_442, []],
  ['mnist-100d', () => createModel('mnist-100d'), 100, 255_532, []],
  ['lenet++', () => createModel('lenet++'), 2, 797_604, [[ce(10, false), 797_624]]],
  ["lenet++, the port's", () => new LeNetPlusPlus({ variant: 'pytorch' }), 2, 797_161, [[ce(10), 797_191]]],
  ['lsoftmax-mnist', () => createModel('lsoftmax-mnist'), 512, 3_139_776, [[ce(10, false), 3_144_896]]],
  [
    'lsoftmax-mnist, ceil',
    () => new LSoftmaxMnist({ ceilMode: true }),
    512,
    4_057_280,
    [[ce(10, false), 4_062_400]],
  ],
  [
    'resnet18-cifar',
    () => createModel('resnet18-cifar'),
    512,
    11_168_832,
    [
      [ce(10), 11_173_962],
      [ce(100), 11_220_132],
    ],
  ],
  [
    'vgg13-lgm',
    () => createModel('vgg13-lgm'),
    384,
    6_146_016,
    [
      [ce(100), 6_184_516],
      [ce(100, false), 6_184_416],
      [icu(100), 6_222_816],
    ],
  ],
  [
    'resnet32',
    () => createModel('resnet32'),
    64,
    463_504,
    [
      [ce(10), 464_154],
      [ce(100), 470_004],
    ],
  ],
  [
    'resnet32-bbn',
    () => createModel('resnet32-bbn'),
    128,
    537_488,
    [
      [ce(10, false), 538_768],
      [ce(100, false), 550_288],
      [icu(10), 540_048],
      [icu(100), 563_088],
    ],
  ],
  ['resnet50', () => createModel('resnet50'), 2048, 23_508_032, [[ce(1000), 25_557_032]]],
  ['resnet101', () => createModel('resnet101'), 2048, 42_500_160, [[ce(1000), 44_549_160]]],
];

describe('numbers of parameters', () => {
  it.each(counts)('%s', (_, make, features, expected, heads) => {
    const model = scope(make);
    expect(countParameters(model)).toBe(expected);
    expect(model.featureDim).toBe(features);
    for (const [head, total] of heads) {
      expect([head.name, expected + countParameters(head.make(features))]).toEqual([head.name, total]);
    }
  });

  it('have a line above for every network', () => {
    expect(counts.map(([name]) => name)).toEqual(expect.arrayContaining([...modelNames]));
  });
});

describe.each(modelNames.filter((name) => name !== 'resnet101'))('%s', (name) => {
  it('takes images of its shape, under any loss, and leaves nothing behind', () => {
    const model = createModel(name);
    const [channels] = model.inputShape;
    // ResNets for ImageNet average over whatever is left of the image: a small one is quicker.
    const shape = name === 'resnet50' ? [2, channels, 64, 64] : [2, ...model.inputShape];
    const images = torch.randn(shape);
    const labels = tensor(BigInt64Array.of(0n, 2n));
    for (const lossName of ['icu', 'ce'] as const) {
      const loss = createLoss(lossName, 3, model.featureDim);
      model.train();
      const total = scope(() => loss.forward(model.forward(images), labels).total);
      total.backward();
      for (const [key, parameter] of model.namedParameters()) {
        scope(() => expect([key, parameter.grad?.isfinite().all().item()]).toEqual([key, 1]));
      }
      model.zeroGrad();
    }
    model.eval();
    const before = memory.tensors;
    const features = noGrad(() => model.forward(images));
    expect(features.shape).toEqual([2, model.featureDim]);
    expect(memory.tensors).toBe(before + 1);
  });
});

describe('createModel', () => {
  it('says what each is, and which take the images of a data set', () => {
    for (const name of modelNames) expect(modelTitle(name)).not.toBe('');
    expect(modelsFor([1, 28, 28])).toEqual(['mnist-2d', 'mnist-100d', 'lenet++', 'lsoftmax-mnist']);
    expect(modelsFor([3, 32, 32])).toEqual(['resnet18-cifar', 'vgg13-lgm', 'resnet32', 'resnet32-bbn']);
    expect(modelsFor([3, 224, 224])).toEqual(['resnet50', 'resnet101']);
    expect(modelsFor([2, 5, 5])).toEqual([]);
    for (const name of modelNames)
      expect(modelsFor(scope(() => createModel(name).inputShape))).toContain(name);
  });

  it('lists the names when there is none such', () => {
    expect(() => createModel('lenet')).toThrow(
      /^there is no model 'lenet'; there are: mnist-2d, mnist-100d, .*resnet101$/,
    );
    expect(() => createModel('toString')).toThrow(/there is no model/);
    expect(() => new LeNetPlusPlus({ variant: 'torch' as 'caffe' })).toThrow(
      "LeNetPlusPlus: variant: expected 'caffe' or 'pytorch', got string \"torch\"",
    );
    const name: ModelName = 'lenet++';
    expect(modelNames).toContain(name);
  });
});
