/** Each network against its description in PyTorch (python/networks.py): the same features from the same weights. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backbone, createModel, LeNetPlusPlus, LSoftmaxMnist } from '../../lib/models/index.ts';
import { manualSeed, noGrad, type Tensor, torch } from '../../lib/tensor/index.ts';
import { saveSafetensors } from '../../lib/train/index.ts';
import { expectClose, relativeError } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

const networks: { name: string; make: () => Backbone; shape: number[] }[] = [
  ...[
    { name: 'lenet++', shape: [4, 1, 28, 28] },
    { name: 'lsoftmax-mnist', shape: [4, 1, 28, 28] },
    { name: 'resnet18-cifar', shape: [4, 3, 32, 32] },
    { name: 'vgg13-lgm', shape: [4, 3, 32, 32] },
    { name: 'resnet32', shape: [4, 3, 32, 32] },
    { name: 'resnet32-bbn', shape: [4, 3, 32, 32] },
    // Smaller than ImageNet's, to be quick.
    { name: 'resnet50', shape: [4, 3, 96, 96] },
  ].map(({ name, shape }) => ({ name, shape, make: () => createModel(name) })),
  {
    name: 'lenet++ pytorch',
    make: () => new LeNetPlusPlus({ variant: 'pytorch' }),
    shape: [4, 1, 28, 28],
  },
  {
    name: 'lsoftmax-mnist ceil',
    make: () => new LSoftmaxMnist({ ceilMode: true }),
    shape: [4, 1, 28, 28],
  },
];

/** Every statistic, scale, shift and slope with a value of its own, as after training. */
function stir(model: Backbone): void {
  noGrad(() => {
    for (const [name, value] of Object.entries(model.stateDict())) {
      if (value.ndim !== 1) continue;
      if (name.endsWith('weight') || name.endsWith('var')) value.uniform_(0.5, 1.5);
      else value.normal_(0, 0.2);
    }
  });
}

interface Expected {
  training: number[];
  evaluation: number[];
  gradient: number[];
  running: Record<string, number[]>;
}

const close = { atol: 1e-5, rtol: 1e-5 };
const valuesOf = (value: Tensor) => value.detach().toTypedArray() as Float32Array;

describe.skipIf(!hasTorch)('features as in PyTorch', () => {
  const models = new Map<string, Backbone>();
  let expected: Expected[] = [];
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'intraclass-'));
    manualSeed(3);
    for (const { name, make } of networks) {
      const model = make();
      stir(model);
      models.set(name, model);
      await saveSafetensors(join(folder, name), model.stateDict());
    }
    // One process for all of them: Python takes seconds to load torch.
    expected = runPython(
      `
sys.path.insert(0, given['python'])
import networks
result = [networks.run(name, given['folder'] + '/' + name, shape) for name, shape in given['networks']]`,
      {
        python: fileURLToPath(new URL('python', import.meta.url)),
        folder,
        networks: networks.map(({ name, shape }) => [name, shape]),
      },
    );
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(networks.map(({ name, shape }, i) => ({ name, shape, i })))('$name', ({ name, shape, i }) => {
    const model = models.get(name)!;
    const { training, evaluation, gradient, running } = expected[i]!;
    const count = shape.reduce((product, size) => product * size, 1);
    const x = torch.arange(count, { dtype: 'float32' }).mul(0.37).sin().reshape(shape);
    const before = Object.fromEntries(
      Object.entries(model.stateDict()).map(([key, value]) => [key, value.detach().clone()]),
    );

    const y = model.forward(x);
    expect(y.shape).toEqual([shape[0], model.featureDim]);
    expectClose(valuesOf(y), training, close);
    y.mul(y.detach().cos()).sum().backward();
    const [, first] = model.namedParameters().find(([, parameter]) => parameter.ndim === 4)!;
    expect(relativeError(valuesOf(first.grad!), gradient)).toBeLessThan(1e-4);
    const statistics = model.namedBuffers().filter(([key]) => /running_/.test(key));
    expect(statistics).toHaveLength(Object.keys(running).length);
    for (const [key, value] of statistics) {
      const theirs = running[key] ?? running[key.slice(key.indexOf('.') + 1)]!;
      expectClose(valuesOf(value), theirs, close);
    }
    model.eval();
    expectClose(valuesOf(noGrad(() => model.forward(x))), evaluation, close);

    // The same in channels last; in float64, since other kernels add up in another order, and normalising by the
    // statistics of four images enlarges what that rounds differently.
    const both = (['contiguous', 'channels_last'] as const).map((memoryFormat) =>
      noGrad(() => {
        model.loadStateDict(before);
        model.to({ dtype: 'float64', memoryFormat }).train();
        const images = x.to({ dtype: 'float64', memoryFormat });
        return [model.forward(images), model.eval().forward(images)].map((features) => valuesOf(features));
      }),
    );
    both[0]!.forEach((features, part) => {
      expectClose(both[1]![part]!, features, { atol: 1e-10, rtol: 1e-10 });
    });
  });
});
