import { describe, expect, it } from 'vitest';
import { countParameters, createModel } from '../../lib/models/index.ts';
import { noGrad, torch } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

const inputOf = (count: number) =>
  torch
    .arange(count * 784, { dtype: 'float32' })
    .mul(0.37)
    .sin()
    .reshape([count, 1, 28, 28]);

// The same networks, written in PyTorch from their description.
const python: Record<string, string> = {
  'mnist-2d': `Sequential(
    Conv2d(1, 32, 5), BatchNorm2d(32), PReLU(32),
    Conv2d(32, 32, 3, padding=1), BatchNorm2d(32), MaxPool2d(2), PReLU(32),
    Conv2d(32, 64, 3, padding=1), BatchNorm2d(64), PReLU(64),
    Conv2d(64, 64, 3, padding=1), BatchNorm2d(64), MaxPool2d(2), PReLU(64),
    Flatten(), Linear(2304, 256), BatchNorm1d(256), PReLU(256), Linear(256, 2))`,
  'mnist-100d': `Sequential(
    Conv2d(1, 32, 5), Conv2d(32, 32, 3, padding=1), BatchNorm2d(32), MaxPool2d(2), PReLU(32),
    Conv2d(32, 64, 3, padding=1), Conv2d(64, 64, 3, padding=1), BatchNorm2d(64), MaxPool2d(2), PReLU(64),
    Conv2d(64, 128, 3, padding=1), BatchNorm2d(128), MaxPool2d(2), PReLU(128),
    Flatten(), Linear(1152, 100), BatchNorm1d(100))`,
};

describe('MNIST networks', () => {
  it.each([
    ['mnist-2d', 657_442, 2],
    ['mnist-100d', 255_532, 100],
  ])('%s: %i parameters, %i features', (name, parameters, features) => {
    const model = createModel(name);
    expect(countParameters(model)).toBe(parameters);
    expect(model.featureDim).toBe(features);
    expect(noGrad(() => model.forward(torch.zeros([3, ...model.inputShape]))).shape).toEqual([3, features]);
  });

  it.skipIf(!hasTorch).each(Object.keys(python))(
    '%s: same features as in PyTorch with the same weights',
    (name) => {
      const model = createModel(name);
      const state = Object.fromEntries(
        Object.entries(model.stateDict()).map(([key, value]) => [
          key.replace(/^layers\./, ''),
          { shape: value.shape, values: [...value.detach().toTypedArray()].map(Number) },
        ]),
      );
      const expected = runPython<{ training: number[]; evaluation: number[] }>(
        `
from torch.nn import *
net = ${python[name]}
net.load_state_dict({k: torch.tensor(v['values']).reshape(v['shape']) for k, v in given.items()})
x = torch.arange(4 * 784, dtype=torch.float32).mul(0.37).sin().reshape(4, 1, 28, 28)
with torch.no_grad():
    result = dict(training=net(x).flatten().tolist(), evaluation=net.eval()(x).flatten().tolist())`,
        state,
      );
      noGrad(() => {
        const x = inputOf(4);
        const close = { atol: 1e-5, rtol: 1e-5 };
        expectClose(model.forward(x).toTypedArray() as Float32Array, expected.training, close);
        expectClose(model.eval().forward(x).toTypedArray() as Float32Array, expected.evaluation, close);
      });
    },
  );
});
