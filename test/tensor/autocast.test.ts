import { describe, expect, it } from 'vitest';
import { Conv2d, Linear } from '../../lib/nn/index.ts';
import { autocast, isAutocastEnabled, noGrad, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';

const loosely = (value: unknown) => value as never;
const rounded = (x: Tensor) => x.to({ dtype: 'bfloat16' });

describe('autocast', () => {
  it('computes products and convolutions in 16 bits, and nothing else', () => {
    const linear = new Linear(8, 4);
    const conv = new Conv2d(3, 5, 3);
    const [x, images] = [torch.randn([2, 8]), torch.randn([2, 3, 6, 6])];
    const [product, map, twice] = autocast(() => [linear.forward(x), conv.forward(images), x.mul(2)]) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    expect([product.dtype, map.dtype, twice.dtype]).toEqual(['bfloat16', 'bfloat16', 'float32']);
    const expected = torch.linear(rounded(x), rounded(linear.weight), rounded(linear.bias!));
    expect(product.to({ dtype: 'float32' }).toArray()).toEqual(expected.to({ dtype: 'float32' }).toArray());
    expect(linear.forward(x).dtype).toBe('float32');
    expect(autocast(() => linear.forward(x), { dtype: 'float16' }).dtype).toBe('float16');
  });

  it('gives parameters their gradients in float32', () => {
    const linear = new Linear(8, 4);
    const x = torch.randn([16, 8]);
    const gradient = (forward: () => Tensor): Tensor => {
      linear.weight.grad = null;
      forward().to({ dtype: 'float32' }).square().mean().backward();
      return linear.weight.grad!;
    };
    const exact = gradient(() => linear.forward(x)).clone();
    const mixed = gradient(() => autocast(() => linear.forward(x)));
    expect(mixed.dtype).toBe('float32');
    const error = mixed.sub(exact).norm().div(exact.norm()).item() as number;
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.02);
  });

  it('forgets the copies of parameters at its end', () => {
    const linear = new Linear(2, 2, { bias: false });
    const x = torch.ones([1, 2]);
    const forward = () =>
      autocast(() => linear.forward(x))
        .to({ dtype: 'float32' })
        .toArray();
    noGrad(() => linear.weight.fill_(1));
    expect(forward()).toEqual([[2, 2]]);
    noGrad(() => linear.weight.fill_(3));
    expect(forward()).toEqual([[6, 6]]);
  });

  it('nests, ends with an error, and belongs to one type of device', () => {
    const seen = () => [isAutocastEnabled(), isAutocastEnabled('cuda')];
    autocast(
      () => {
        expect(seen()).toEqual([true, false]);
        autocast(() => expect(seen()).toEqual([false, false]), { enabled: false });
        autocast(() => expect(seen()).toEqual([true, true]), { device: 'cuda:1' });
        expect(seen()).toEqual([true, false]);
        const a = torch.ones([2, 2]);
        const inner = autocast(() => a.mm(a), { dtype: 'float16' });
        expect([inner.dtype, a.mm(a).dtype]).toEqual(['float16', 'bfloat16']);
      },
      { device: 'cpu' },
    );
    expect(seen()).toEqual([false, false]);
    expect(() =>
      autocast(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(() => autocast(async () => {})).toThrow(
      "autocast: argument 'fn' expected a synchronous function, got one that returns a promise",
    );
    expect(seen()).toEqual([false, false]);
  });

  it('names what is wrong with its arguments', () => {
    expect(() => autocast(loosely(3))).toThrow("autocast: argument 'fn' expected a function, got number 3");
    const bad: [options: unknown, message: string][] = [
      [null, "autocast: argument 'options' expected an object, got null"],
      [{ type: 'cpu' }, 'autocast: there is no option "type"; the options are device, dtype, enabled'],
      [{ device: 'tpu' }, "argument 'device' expected 'cpu', 'cuda' or 'cuda:0', got string \"tpu\""],
      [{ device: 3 }, "argument 'device' expected 'cpu', 'cuda' or 'cuda:0', got number 3"],
      [{ dtype: 'float32' }, "argument 'dtype' expected 'bfloat16' or 'float16', got string \"float32\""],
      [{ enabled: 1 }, "argument 'enabled' expected true or false, got number 1"],
    ];
    for (const [options, message] of bad) {
      expect(() => autocast(() => 0, loosely(options))).toThrow(message);
    }
    expect(() => isAutocastEnabled(loosely(3))).toThrow(/'device' expected a string/);
    expect(() => isAutocastEnabled('tpu')).toThrow();
    expect(tensor([1]).mul(2).dtype).toBe('float32');
  });
});
