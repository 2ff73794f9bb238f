import { describe, expect, it } from 'vitest';
import {
  enableGrad,
  grad,
  isGradEnabled,
  noGrad,
  type Tensor,
  tensor,
  torch,
} from '../../lib/tensor/index.ts';

const leaf = () => tensor([1, 2, 3], { requiresGrad: true });

describe('autograd', () => {
  it('accumulates into leaves', () => {
    const x = leaf();
    x.mul(x).sum().backward();
    x.mul(2).sum().backward();
    expect(x.grad!.toArray()).toEqual([4, 6, 8]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });

  it('takes a gradient for outputs that are no scalars', () => {
    const x = leaf();
    x.mul(x).backward(tensor([1, 0, -1]));
    expect(x.grad!.toArray()).toEqual([2, 0, -6]);
    expect(() => leaf().mul(2).backward()).toThrow(/grad can be implicitly created only for scalar outputs/);
    expect(() =>
      leaf()
        .mul(2)
        .backward(tensor([1])),
    ).toThrow(/shape/);
  });

  it('takes no tensor for one that a getter has disposed of', () => {
    const x = leaf();
    const others: Tensor[] = [];
    const replaced = (value: unknown) => {
      const y = x.mul(2).sum();
      const get = () => {
        y.dispose();
        others.push(x.mul(100).sum());
        return value;
      };
      return { y, get };
    };
    const [forBackward, forGrad] = [replaced(true), replaced([null])];
    const options = Object.defineProperty({}, 'retainGraph', { get: forBackward.get });
    expect(() => forBackward.y.backward(null, options)).toThrow('the tensor has been disposed');
    expect(x.grad).toBeNull();
    const gradOptions = Object.defineProperty({}, 'gradOutputs', { get: forGrad.get });
    expect(() => grad(forGrad.y, x, gradOptions)).toThrow('the tensor has been disposed');
  });

  it('keeps the graph only where asked', () => {
    const x = leaf();
    const y = x.mul(x).sum();
    y.backward(null, { retainGraph: true });
    y.backward();
    expect(x.grad!.toArray()).toEqual([4, 8, 12]);
    expect(() => y.backward()).toThrow(/second time/);
  });

  it('differentiates twice', () => {
    const x = leaf();
    const [first] = grad(x.pow(3).sum(), x, { createGraph: true });
    const [second] = grad(first!.sum(), x);
    expect(second!.toArray()).toEqual([6, 12, 18]);
    expect(x.grad).toBeNull();
  });

  it('gives null for unused inputs where allowed', () => {
    const x = leaf();
    const unused = leaf();
    const y = x.sum();
    expect(() => grad(y, [x, unused], { retainGraph: true })).toThrow(/unused|not have been used/);
    expect(grad(y, [x, unused], { allowUnused: true })[1]).toBeNull();
    expect(() => grad(y, 3 as unknown as [])).toThrow(/'inputs'/);
  });

  it('records nothing in noGrad, whatever happens inside', () => {
    const x = leaf();
    expect(noGrad(() => x.mul(2).requiresGrad)).toBe(false);
    expect(noGrad(() => enableGrad(() => x.mul(2).requiresGrad))).toBe(true);
    expect(() =>
      noGrad(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(() => noGrad(async () => {})).toThrow(/synchronous/);
    expect(isGradEnabled()).toBe(true);
  });

  it('is switched off only for functions that are done when they return', () => {
    const expected = (what: string) =>
      `noGrad: argument 'fn' expected a synchronous function, got one that returns a ${what}`;
    expect(() =>
      noGrad(function* () {
        yield 1;
      }),
    ).toThrow(expected('generator'));
    expect(() =>
      noGrad(async function* () {
        yield 1;
      }),
    ).toThrow(expected('generator'));
    // biome-ignore lint/suspicious/noThenProperty: a promise of another class.
    expect(() => noGrad(() => ({ then: () => {} }))).toThrow(expected('promise'));
    expect([...noGrad(() => [1, 2].values())]).toEqual([1, 2]);
  });

  it('detaches, and tells leaves and what made a tensor', () => {
    const x = leaf();
    const y = x.exp();
    expect([x.isLeaf, y.isLeaf, y.gradFn]).toEqual([true, false, 'ExpBackward0']);
    expect(y.detach().requiresGrad).toBe(false);
    x.requiresGrad = false;
    expect(x.exp().requiresGrad).toBe(false);
  });

  it('names what is wrong with its arguments', () => {
    const x = leaf();
    const y = x.mul(x).sum();
    const loosely = (value: unknown) => value as never;
    expect(() => y.backward(loosely(5))).toThrow(
      "backward: argument 'gradient' expected a Tensor or null, got number 5",
    );
    expect(() => y.backward(null, loosely(null))).toThrow(
      "backward: argument 'options' expected an object, got null",
    );
    expect(() => y.backward(null, loosely({ retain: true }))).toThrow(
      'backward: there is no option "retain"; the options are retainGraph, createGraph',
    );
    expect(() => grad(y, x, { gradOutputs: loosely([5]) })).toThrow(
      "grad: argument 'gradOutputs' expected a Tensor or null, got number 5",
    );
    expect(() => grad(y, x, { gradOutputs: loosely([undefined]) })).toThrow(/or null, got undefined/);
    expect(() => grad(y, x, { gradOutputs: loosely(5) })).toThrow(/'gradOutputs' expected an array/);
    expect(() => grad(y, x, loosely(null))).toThrow(/'options' expected an object, got null/);
    expect(() => grad(y, loosely([5]))).toThrow("grad: argument 'inputs' expected a Tensor, got number 5");
  });

  it('rejects a tensor as its own gradient', () => {
    const t = torch.ones([2]);
    for (const same of [t, t.contiguous()]) expect(() => (t.grad = same)).toThrow(/'grad' expected another/);
  });

  it('rejects a gradient that does not fit', () => {
    const x = leaf();
    expect(() => {
      x.grad = x;
    }).toThrow("Tensor: argument 'grad' expected another tensor, got the tensor itself");
    expect(() => {
      x.grad = undefined as never;
    }).toThrow("Tensor: argument 'grad' expected a Tensor or null, got undefined");
    expect(x.grad).toBeNull();
    expect(() => {
      x.grad = torch.zeros([2]);
    }).toThrow(/'grad' expected shape \[3\]/);
  });
});
