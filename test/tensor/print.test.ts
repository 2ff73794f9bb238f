import { describe, expect, it } from 'vitest';
import { tensor, torch } from '../../lib/tensor/index.ts';

// Each text is what Python's torch prints for the same tensor.
describe('toString', () => {
  it.each([
    [tensor([1, 2, 3]), 'tensor([1., 2., 3.])'],
    [tensor([1.5, -2, 0]), 'tensor([ 1.5000, -2.0000,  0.0000])'],
    [tensor(2.34567), 'tensor(2.3457)'],
    [tensor([[1n, -20n]]), 'tensor([[  1, -20]])'],
    [tensor([true, false]), 'tensor([ True, False])'],
    [tensor([1e-5, 1]), 'tensor([1.0000e-05, 1.0000e+00])'],
    [tensor([1e9, 1]), 'tensor([1.0000e+09, 1.0000e+00])'],
    [tensor([Number.NaN, Infinity, -Infinity, 1]), 'tensor([nan, inf, -inf, 1.])'],
    [tensor([0, -0]), 'tensor([0., -0.])'],
    [tensor([0.5], { dtype: 'float64' }), 'tensor([0.5000], dtype=torch.float64)'],
    [tensor([1], { dtype: 'int32' }), 'tensor([1], dtype=torch.int32)'],
    [torch.zeros([0]), 'tensor([])'],
    [torch.zeros([2, 0]), 'tensor([], size=(2, 0))'],
    [torch.zeros([0], { dtype: 'int64' }), 'tensor([], dtype=torch.int64)'],
    [torch.zeros([2, 3], { device: 'meta' }), "tensor(..., device='meta', size=(2, 3))"],
    [
      torch.zeros([3], { device: 'meta', dtype: 'int64' }),
      "tensor(..., device='meta', size=(3,), dtype=torch.int64)",
    ],
    [torch.eye(2).toSparse(), 'tensor(..., size=(2, 2))'],
    [torch.eye(2).toMkldnn(), 'tensor(..., size=(2, 2))'],
    [tensor([1, 2], { requiresGrad: true }), 'tensor([1., 2.], requires_grad=True)'],
    [tensor([1, 2], { requiresGrad: true }).exp(), 'tensor([2.7183, 7.3891], grad_fn=<ExpBackward0>)'],
    [torch.full([2], { re: 1.5, im: -2 }, { dtype: 'complex64' }), 'tensor([1.5000-2.j, 1.5000-2.j])'],
    [
      torch.arange(24).view([2, 3, 4]),
      'tensor([[[ 0,  1,  2,  3],\n         [ 4,  5,  6,  7],\n         [ 8,  9, 10, 11]],\n\n        [[12, 13, 14, 15],\n         [16, 17, 18, 19],\n         [20, 21, 22, 23]]])',
    ],
    [torch.arange(1001), 'tensor([   0,    1,    2,  ...,  998,  999, 1000])'],
    [
      torch.ones([40, 40]),
      'tensor([[1., 1., 1.,  ..., 1., 1., 1.],\n        [1., 1., 1.,  ..., 1., 1., 1.],\n        [1., 1., 1.,  ..., 1., 1., 1.],\n        ...,\n        [1., 1., 1.,  ..., 1., 1., 1.],\n        [1., 1., 1.,  ..., 1., 1., 1.],\n        [1., 1., 1.,  ..., 1., 1., 1.]])',
    ],
    [
      torch.arange(30, { dtype: 'float64' }).div(7),
      'tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429,\n        1.2857, 1.4286, 1.5714, 1.7143, 1.8571, 2.0000, 2.1429, 2.2857, 2.4286,\n        2.5714, 2.7143, 2.8571, 3.0000, 3.1429, 3.2857, 3.4286, 3.5714, 3.7143,\n        3.8571, 4.0000, 4.1429], dtype=torch.float64)',
    ],
  ])('%#', (value, text) => {
    expect(String(value)).toBe(text);
  });
});
