/**
 * What the generated signatures let pass: the calls run, so that types and run time are held to the same. That the lines
 * after a ts-expect-error do not compile is checked with the types of all tests, by `npm run check`.
 */
import { describe, expect, it } from 'vitest';
import { type Tensor, tensor, torch } from '../../lib/tensor/index.ts';

const matrix = () =>
  tensor([
    [3, 1, 2],
    [4, 6, 5],
  ]);

describe('signatures of operators', () => {
  it('let each optional argument be given in place or by name', () => {
    const x = matrix();
    expect(x.argmax(1, { keepdim: true }).toArray()).toEqual([[0], [1]]);
    expect(x.argmax({ dim: 1, keepdim: true }).shape).toEqual([2, 1]);
    expect(x.argmax(1, true).shape).toEqual([2, 1]);
    const [sorted]: [Tensor, Tensor] = x.sort(1, { descending: true });
    expect(sorted.toArray()).toEqual([
      [3, 2, 1],
      [6, 5, 4],
    ]);
    expect(x.topk(1, 1, { largest: false })[0].toArray()).toEqual([[1], [4]]);
    expect(x.topk(1, 1, false, { sorted: false })[0].toArray()).toEqual([[1], [4]]);
    expect(x.clamp(2, { max: 5 }).toArray()).toEqual([
      [3, 2, 2],
      [4, 5, 5],
    ]);
    expect(x.clamp(undefined, { max: 1 }).sum().item()).toBe(6);
    const [image, weight, bias] = [torch.ones([1, 1, 4, 4]), torch.ones([1, 1, 2, 2]), torch.zeros([1])];
    expect(torch.conv2d(image, weight, bias, { stride: 2 }).shape).toEqual([1, 1, 2, 2]);
    expect(torch.conv2d(image, weight, null, 2, { padding: [1, 0] }).shape).toEqual([1, 1, 3, 2]);
  });

  it('let undefined stand for what is left out', () => {
    const keepdim: boolean | undefined = undefined;
    expect(matrix().argmax(1, { keepdim }).shape).toEqual([2]);
    expect(matrix().argmax(1, keepdim).shape).toEqual([2]);
  });

  it('take bigints for integers', () => {
    const x = matrix();
    expect(x.sum(1n).toArray()).toEqual([6, 15]);
    expect(x.view([3n, -1]).shape).toEqual([3, 2]);
    expect(torch.zeros([2n, 3]).shape).toEqual([2, 3]);
    expect(x.topk(1n, { dim: 0n })[0].toArray()).toEqual([[4, 6, 5]]);
  });

  it('refuse what is refused at run time', () => {
    const x = matrix();
    // @ts-expect-error
    expect(() => x.argmax(1, { keepDim: true })).toThrow("there is no argument 'keepDim'");
    // @ts-expect-error
    expect(() => x.argmax(1, true, { keepdim: true })).toThrow("'keepdim' is given twice");
    // @ts-expect-error
    expect(() => x.sum('a')).toThrow("argument 'dim' expected int[1] or null, got string");
    // @ts-expect-error
    expect(() => torch.conv2d(x, { stride: 2 })).toThrow("argument 'weight' expected Tensor, got nothing");
  });
});
