import vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  type DType,
  type NestedArray,
  operator,
  scope,
  Tensor,
  tensor,
  torch,
} from '../../lib/tensor/index.ts';

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

  it('takes complex numbers, and what toArray gives', () => {
    const numbers = [
      { re: 1, im: 2 },
      { re: 0.5, im: -1 },
    ] as const;
    expect(tensor(numbers).dtype).toBe('complex64');
    expect(tensor([numbers]).toArray()).toEqual([numbers]);
    expect(tensor(tensor(numbers).toArray(), { dtype: 'complex128' }).toArray()).toEqual(numbers);
    expect(() => tensor(numbers, { dtype: 'float32' })).toThrow(
      "tensor: argument 'dtype' expected a complex one for complex elements, got 'float32'",
    );
    expect(() => tensor([{ re: 1, im: 'a' } as never])).toThrow(/expected numbers, .* got an object/);
    expect(() => tensor([1, { re: 1, im: 1 }])).toThrow(/elements of one type, got number and object/);
    const rows: readonly (readonly number[])[] = [[1, 2]];
    expect(tensor(rows).shape).toEqual([1, 2]);
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

  it('gives every integer dtype its numbers exactly', () => {
    const exact = (value: number | bigint, dtype: DType) =>
      (tensor([value], { dtype }).toArray({ bigint: true }) as bigint[])[0];
    expect(exact(16777217, 'int32')).toBe(16777217n);
    expect(exact(4294967295, 'uint32')).toBe(4294967295n);
    expect(exact(2 ** 53 - 1, 'uint64')).toBe(2n ** 53n - 1n);
    expect(exact(2n ** 64n - 1n, 'uint64')).toBe(2n ** 64n - 1n);
    expect(exact(-(2 ** 63), 'int64')).toBe(-(2n ** 63n));
    expect(exact(-128n, 'int8')).toBe(-128n);
  });

  it('gives complex and bool dtypes all that a number has', () => {
    expect(tensor([0.1], { dtype: 'complex128' }).toArray()).toEqual([{ re: 0.1, im: 0 }]);
    expect(tensor([1e-60, 0], { dtype: 'bool' }).toArray()).toEqual([true, false]);
    expect(tensor([2n ** 80n], { dtype: 'float64' }).item()).toBe(2 ** 80);
  });

  it('truncates fractions for integer dtypes', () => {
    expect(tensor([1.7, -1.7, -0.5], { dtype: 'int64' }).toArray()).toEqual([1, -1, 0]);
    expect(tensor([255.9, -0.9], { dtype: 'uint8' }).toArray()).toEqual([255, 0]);
  });

  it.each<[DType, number | bigint, string]>([
    ['uint8', 300, 'number 300'],
    ['uint8', -1, 'number -1'],
    ['int8', 128, 'number 128'],
    ['int32', 2 ** 31, 'number 2147483648'],
    ['int32', Number.NaN, 'number NaN'],
    ['int64', Number.NaN, 'number NaN'],
    ['int64', Number.NEGATIVE_INFINITY, 'number -Infinity'],
    ['int64', 2 ** 63, 'number 9223372036854776000'],
    ['int64', 2n ** 64n + 5n, 'bigint 18446744073709551621'],
    ['uint64', -1n, 'bigint -1'],
    ['int16', 2n ** 70n, 'bigint 1180591620717411303424'],
  ])('says that %s cannot hold %s', (dtype, value, shown) => {
    expect(() => tensor([value], { dtype })).toThrow(
      new RangeError(`tensor: argument 'data' expected numbers that ${dtype} can hold, got ${shown}`),
    );
  });

  it('takes bigints for int64 unless told otherwise', () => {
    expect(() => tensor([2n ** 63n])).toThrow(/numbers that int64 can hold/);
  });

  it('takes the typed arrays and arrays of another context', () => {
    const elsewhere = (code: string) => vm.runInNewContext(code) as never;
    expect(tensor(elsewhere('new Int8Array([-1])')).dtype).toBe('int8');
    expect(tensor(elsewhere('new Float32Array([-1.5])')).toArray()).toEqual([-1.5]);
    expect(tensor(elsewhere('[1, 2]')).toArray()).toEqual([1, 2]);
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

  it('does not make real numbers of a dtype that has no name here', () => {
    const half = torch.viewAsComplex(torch.ones([2, 2], { dtype: 'float16' }));
    expect(() => half.toArray()).toThrow('toTypedArray: JavaScript has no typed array of ComplexHalf');
    const same = half.to({ device: 'cpu', copy: true });
    expect(torch.viewAsReal(same).toArray()).toEqual([
      [1, 1],
      [1, 1],
    ]);
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

  it('finds the place of shared memory in the tensor, whatever has become of its owner', () => {
    const base = torch.arange(10, { dtype: 'float32' });
    const part = base.narrow(0, 4, 6).view([2, 3]);
    const view = part.toTypedArray({ share: true });
    const again = tensor(view);
    expect(again.toArray()).toEqual([4, 5, 6, 7, 8, 9]);
    again.fill_(0);
    expect(base.toArray()).toEqual([0, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
    part.t_();
    expect(tensor(view.subarray(1) as Float32Array, { shape: [5, 1] }).shape).toEqual([5, 1]);
    part.dispose();
    tensor(view.subarray(5) as Float32Array).fill_(7);
    expect(base.narrow(0, 9, 1).item()).toBe(7);
  });

  it('keeps shared memory when the tensor goes on with other memory', () => {
    const t = torch.zeros([1000]);
    const shared = [t.toTypedArray({ share: true }), t.toTypedArray({ share: true })] as Float32Array[];
    shared[0]![3] = 5;
    expect(shared[1]![3]).toBe(5);
    t.resize_([100_000]);
    const another = torch.full([1000], 7, { dtype: 'float32' });
    shared[0]!.fill(-1);
    expect(another.sum().item()).toBe(7000);
    expect(t.slice(0, 0, 5).toArray()).toEqual([0, 0, 0, 5, 0]);
    expect(shared[1]![999]).toBe(-1);
  });

  it('reads the integers next to 2^53 as they are', () => {
    for (const value of [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n]) {
      const one = tensor(new BigInt64Array([value]));
      expect(one.item({ bigint: true })).toBe(value);
      if (value === 2n ** 53n) expect(one.item()).toBe(2 ** 53);
      else expect(() => one.item()).toThrow(`${value} is beyond 2^53`);
    }
  });

  it('reads zeros that have no memory', () => {
    const zeros = operator('aten::_efficientzerotensor')([3]) as Tensor;
    expect(zeros.toArray()).toEqual([0, 0, 0]);
    expect(() => zeros.toTypedArray({ share: true })).toThrow(/no memory .* clone\(\) makes some/);
  });

  it('shares no memory that is read otherwise than it stands there', () => {
    const conjugate = torch.full([2], { re: 1, im: 2 }).conj();
    expect(() => conjugate.toTypedArray({ share: true })).toThrow(/conjugated or negated .* resolveConj\(\)/);
    expect(() => conjugate.imag().toTypedArray({ share: true })).toThrow();
    expect(Array.from(conjugate.toTypedArray() as Float32Array)).toEqual([1, -2, 1, -2]);
  });

  it('survives a shared buffer being transferred away', () => {
    const x = torch.ones([4]);
    const view = x.toTypedArray({ share: true });
    const moved = structuredClone(view, { transfer: [view.buffer as ArrayBuffer] });
    expect(moved[0]).toBe(1);
    expect(x.sum().item()).toBe(4);
  });

  it.each([
    ["tensor: argument 'requiresGrad'", () => tensor([1], { requiresGrad: 'false' as never })],
    ["item: argument 'bigint'", () => tensor([1n]).item({ bigint: 'no' as never })],
    ["toArray: argument 'bigint'", () => tensor([1n]).toArray({ bigint: 0 as never })],
    ["toTypedArray: argument 'share'", () => tensor([1]).toTypedArray({ share: 1 as never })],
  ])('takes true or false for %s, and nothing like them', (what, call) => {
    expect(call).toThrow(`${what} expected true or false, got `);
  });

  it('rejects ragged, mixed and misfitting data', () => {
    const loosely = tensor as (data: unknown, options?: unknown) => Tensor;
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
    expect(() => loosely([1], { dtype: 'float99' })).toThrow(
      /^tensor: argument 'dtype' expected one of float32, .*, got string "float99"$/,
    );
    expect(() => loosely([1, 2], { shape: [3] })).toThrow(/product is 2/);
    expect(() => loosely(new Float32Array(3), { shape: 5 })).toThrow(
      "tensor: argument 'shape' expected an array of integers of at least 0, got number 5",
    );
    expect(() => loosely([1], null)).toThrow("tensor: argument 'options' expected an object, got null");
    expect(() => loosely([1], { dtpye: 'int64' })).toThrow(
      'tensor: there is no option "dtpye"; the options are shape, dtype, device, requiresGrad',
    );
  });

  it('rejects arrays that are nested too deep, or hold themselves', () => {
    let deep: NestedArray = 1;
    for (let i = 0; i < 64; i++) deep = [deep];
    expect(tensor(deep).ndim).toBe(64);
    const message = "tensor: argument 'data' expected at most 64 dimensions, got arrays nested deeper";
    expect(() => tensor([deep])).toThrow(message);
    const endless: NestedArray[] = [];
    endless.push(endless);
    expect(() => tensor(endless)).toThrow(message);
    expect(() => torch.zeros(endless as number[])).toThrow(
      /zeros: argument 'size' expected int\[\], got an array/,
    );
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

  it('gives what int64 does not hold as a bigint', () => {
    expect(tensor([2n ** 64n - 1n], { dtype: 'uint64' }).item({ bigint: true })).toBe(2n ** 64n - 1n);
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

  it('is known from copies of its object and from Proxies, which could outlive it', () => {
    const x = tensor([1, 2, 3]);
    const copy: Tensor = Object.assign(Object.create(Object.getPrototypeOf(x)), x);
    const message =
      /expected a Tensor, got a copy or a Proxy of one, which has no data; clone\(\) copies a tensor/;
    for (const other of [copy, new Proxy(x, {})]) {
      const uses = [
        () => other.toArray(),
        () => other.add(1),
        () => x.add(other),
        () => torch.cat([x, other]),
        () => other.keep(),
        () => other.dispose(),
      ];
      for (const use of uses) expect(use).toThrow(message);
    }
    expect(x.toArray()).toEqual([1, 2, 3]);
    expect(() => scope(() => new Proxy(tensor([1]), {}))).toThrow(message);
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
