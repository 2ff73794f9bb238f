import { describe, expect, it } from 'vitest';
import { type DType, type NestedArray, Tensor, tensor, torch } from '../../lib/tensor/index.ts';

describe('tensor()', () => {
  it('takes numbers, nested arrays, booleans and bigints', () => {
    expect(tensor(3).shape).toEqual([]);
    expect(tensor([[1, 2, 3]]).shape).toEqual([1, 3]);
    expect(tensor([1, 2]).dtype).toBe('float32');
    expect(tensor([1n, 2n]).dtype).toBe('int64');
    expect(tensor([true]).dtype).toBe('bool');
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
  });

  it('keeps the digits that the dtype can hold', () => {
    const large = 2 ** 52 + 1;
    expect(tensor([large], { dtype: 'int64' }).toArray()).toEqual([large]);
    expect(tensor([0.1], { dtype: 'float64' }).item()).toBe(0.1);
    expect(tensor([2n ** 62n]).toArray({ bigint: true })).toEqual([2n ** 62n]);
    expect(() => tensor([2n ** 62n]).toArray()).toThrow(/beyond 2\^53/);
    expect(() => tensor([2n ** 62n]).item()).toThrow(/beyond 2\^53/);
    expect(tensor([2n ** 62n]).item({ bigint: true })).toBe(2n ** 62n);
    expect(() => tensor([1.5]).item({ bigint: true })).toThrow(/no bigint/);
  });

  const typed: [DType, () => ReturnType<Tensor['toTypedArray']>][] = [
    ['float32', () => new Float32Array([1, -2, 3.5])],
    ['float64', () => new Float64Array([1, -2, Math.PI])],
    ['int64', () => new BigInt64Array([1n, -2n, 3n])],
    ['int32', () => new Int32Array([1, -2, 3])],
    ['int16', () => new Int16Array([1, -2, 3])],
    ['int8', () => new Int8Array([1, -2, 3])],
    ['uint8', () => new Uint8Array([1, 2, 255])],
    ['uint16', () => new Uint16Array([1, 2, 65535])],
  ];
  it.each(typed)('goes to and from typed arrays: %s', (dtype, make) => {
    const data = make();
    const x = tensor(data);
    expect(x.dtype).toBe(dtype);
    data[0] = data[1]!;
    expect(x.toTypedArray()).toEqual(make());
  });

  it('reads half precision as float32', () => {
    expect(tensor([1.5, -2], { dtype: 'bfloat16' }).toTypedArray()).toEqual(new Float32Array([1.5, -2]));
    expect(tensor([1.5, -2], { dtype: 'float16' }).toArray()).toEqual([1.5, -2]);
  });

  it('reads views in row-major order', () => {
    const x = torch.arange(6).view([2, 3]).t();
    expect(x.strides).toEqual([1, 3]);
    expect(x.toArray()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
  });

  it('shares memory both ways without a copy', () => {
    const x = torch.zeros([2, 2]);
    const view = x.toTypedArray({ share: true });
    view[3] = 5;
    expect(x.toArray()).toEqual([
      [0, 0],
      [0, 5],
    ]);
    const again = tensor(view.subarray(2, 4) as Float32Array);
    again.fill_(7);
    expect(x.toArray()).toEqual([
      [0, 0],
      [7, 7],
    ]);
    x.dispose();
    expect(view[3]).toBe(7);
    expect(() => torch.arange(6).view([2, 3]).t().toTypedArray({ share: true })).toThrow(/contiguous/);
  });

  it('survives a shared buffer being transferred away', () => {
    const x = torch.ones([4]);
    const view = x.toTypedArray({ share: true });
    const moved = structuredClone(view, { transfer: [view.buffer as ArrayBuffer] });
    expect(moved[0]).toBe(1);
    expect(x.sum().item()).toBe(4);
  });

  it('rejects ragged, mixed and misfitting data', () => {
    const loosely = tensor as (data: unknown, options?: object) => Tensor;
    expect(() => loosely([[1, 2], [3]])).toThrow(
      /'data' expected arrays of length 2 at depth 1, got one of 1/,
    );
    expect(() => loosely([1, [2]])).toThrow(/'data'/);
    expect(() => loosely([[1], 2])).toThrow(/'data'/);
    expect(() => loosely([1, true])).toThrow(/one type/);
    expect(() => loosely('abc')).toThrow(/string "abc"/);
    expect(() => loosely([null])).toThrow(/null/);
    expect(() => loosely(new Float32Array(3), { shape: [2, 2] })).toThrow(/product is 3/);
    expect(() => loosely(new Float32Array(3), { shape: [-1, -3] })).toThrow();
    expect(() => loosely([1], { dtype: 'float99' })).toThrow(/dtype/);
  });
});

describe('Tensor', () => {
  it('tells shape, dtype, device and strides', () => {
    const x = torch.zeros([2, 3], { dtype: 'float64' });
    expect([x.shape, x.ndim, x.numel, x.dtype, x.device, x.strides]).toEqual([
      [2, 3],
      2,
      6,
      'float64',
      'cpu',
      [3, 1],
    ]);
    expect(tensor(1).numel).toBe(1);
    expect(torch.zeros([0, 3]).numel).toBe(0);
  });

  it('changes dtype', () => {
    const x = tensor([1.7, -1.7]);
    expect(x.to({ dtype: 'int64' }).toArray()).toEqual([1, -1]);
    expect(() => x.to({ dtype: 'nope' as DType })).toThrow(/dtype/);
    expect(() => x.to('float64' as never)).toThrow(
      `to: argument 'options' expected an object, got string "float64"`,
    );
    expect(() => x.to(tensor([1n]) as never)).toThrow(/'options' expected an object, got a Tensor/);
    expect(() => x.to({ dtpye: 'int64' } as never)).toThrow(
      'to: there is no option "dtpye"; the options are dtype, device, copy, memoryFormat',
    );
  });

  it('gives one element as a number', () => {
    expect(tensor(2.5).item()).toBe(2.5);
    expect(tensor([[true]]).item()).toBe(1);
    expect(() => tensor([1, 2]).item()).toThrow(/one element/);
    expect(() => tensor(1).item({ bigInt: true } as never)).toThrow(/no option "bigInt"/);
  });

  it('nests arrays as the shape says', () => {
    const cases: [number[], NestedArray][] = [
      [[], 0],
      [[0], []],
      [
        [2, 0],
        [[], []],
      ],
      [[1, 1, 2], [[[0, 0]]]],
    ];
    for (const [shape, expected] of cases) expect(torch.zeros(shape).toArray()).toEqual(expected);
  });

  it('says so when used after dispose', () => {
    const x = tensor([1]);
    x.dispose();
    x.dispose();
    expect(x.disposed).toBe(true);
    expect(() => x.add(1)).toThrow(/argument 'self': the tensor has been disposed/);
    expect(() => x.shape).toThrow(/disposed/);
    expect(String(x)).toBe('tensor(<disposed>)');
  });

  it('is disposed by using', () => {
    let outside: Tensor;
    {
      using x = tensor([1]);
      outside = x;
    }
    expect(outside.disposed).toBe(true);
  });

  it('has one class for all its methods', () => {
    expect(tensor([1]).relu()).toBeInstanceOf(Tensor);
  });
});
