import { describe, expect, it } from 'vitest';
import { native } from '../../lib/native.ts';
import { camelCase } from '../../lib/tensor/camel-case.mjs';
import { type DType, Generator, operator, scope, Tensor, tensor, torch } from '../../lib/tensor/index.ts';
import { isPublic } from '../../lib/tensor/public.mjs';

const matrix = () =>
  tensor([
    [1, 2],
    [3, 4],
  ]);

describe('operators', () => {
  it('choose the overload by the types of the arguments', () => {
    const x = matrix();
    expect(x.add(1).toArray()).toEqual([
      [2, 3],
      [4, 5],
    ]);
    expect(x.add(x).toArray()).toEqual([
      [2, 4],
      [6, 8],
    ]);
    expect(x.sum().item()).toBe(10);
    expect(x.sum(0).toArray()).toEqual([4, 6]);
    expect(x.sum([0, 1]).item()).toBe(10);
    expect(x.split(1).length).toBe(2);
    expect(x.split([1, 1], 1).length).toBe(2);
  });

  it('keep the choice apart for other types in the same place', () => {
    const x = matrix();
    for (let i = 0; i < 3; i++) {
      expect(x.mul(2).toArray()).toEqual(x.mul(tensor(2)).toArray());
      expect(x.mul(0.5).sum().item()).toBe(5);
    }
  });

  it('take keyword arguments, and any other by name, in an options object', () => {
    const x = matrix();
    expect(x.add(x, { alpha: 10 }).toArray()).toEqual([
      [11, 22],
      [33, 44],
    ]);
    const loosely = torch.sum as unknown as (input: Tensor, options: object) => Tensor;
    expect(loosely(x, { dim: [1], keepdim: true }).toArray()).toEqual([[3], [7]]);
    expect(x.sum([1], { keepdim: true, dtype: 'float64' }).dtype).toBe('float64');
    expect(torch.zeros([2], { dtype: 'int32' }).dtype).toBe('int32');
    expect(torch.clamp(x, { max: 2 }).toArray()).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(torch.randperm(5, { generator: new Generator(1) }).shape).toEqual([5]);
  });

  it('write into out=, and give that tensor back', () => {
    const x = matrix();
    const out = torch.empty([2, 2]);
    expect(torch.add(x, x, { out })).toBe(out);
    expect(out.toArray()).toEqual([
      [2, 4],
      [6, 8],
    ]);
    const values = torch.empty([2]);
    const indices = torch.empty([2], { dtype: 'int64' });
    const result = torch.max(x, 1, { max: values, maxValues: indices });
    expect(result[0]).toBe(values);
    expect(indices.toArray()).toEqual([1, 1]);
  });

  it('give the tensor itself back when they work in place', () => {
    const x = matrix();
    expect(x.add_(1)).toBe(x);
    expect(x.zero_().sum().item()).toBe(0);
  });

  it('return several results as an array', () => {
    const [values, indices] = matrix().max(1);
    expect(values.toArray()).toEqual([2, 4]);
    expect(indices.toArray()).toEqual([1, 1]);
    const parts = torch.unbind(matrix());
    expect(parts.map((part) => part.toArray())).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('return a dtype by its name', () => {
    const whole = tensor([1n]);
    const promoted: DType = torch.promoteTypes('int64', 'float16');
    expect(promoted).toBe('float16');
    expect(torch.resultType(whole, tensor([1], { dtype: 'float64' }))).toBe('float64');
    expect(torch.resultType(whole, 1)).toBe('int64');
    expect(torch.resultType(true, 2)).toBe('int64');
    expect(whole.to({ dtype: torch.resultType(whole, 0.5) }).dtype).toBe('float32');
  });

  it('take null for an optional tensor, inside lists too', () => {
    const input = torch.ones([1, 1, 3, 3]);
    const weight = torch.ones([1, 1, 3, 3]);
    expect(torch.conv2d(input, weight, null).item()).toBe(9);
    const x = matrix();
    const picked = operator('aten::index.Tensor')(x, [null, tensor([1n])]) as Tensor;
    expect(picked.toArray()).toEqual([[2], [4]]);
  });

  it('take bigints, booleans and complex numbers as scalars', () => {
    expect(tensor([1n, 2n]).add(2n).dtype).toBe('int64');
    expect(torch.fill(torch.zeros([1], { dtype: 'bool' }), true).toArray()).toEqual([true]);
    const z = torch.full([1], { re: 1, im: -2 }, { dtype: 'complex64' });
    expect(z.toArray()).toEqual([{ re: 1, im: -2 }]);
    expect(torch.full([1], -0, { dtype: 'float32' }).toTypedArray()[0]).toBe(-0);
    expect(tensor([7n]).mul(3).dtype).toBe('int64');
    expect(tensor([7n]).mul(0.5).dtype).toBe('float32');
  });

  it('are found under any namespace, and by overload', () => {
    const x = matrix();
    expect((operator('aten::add.Tensor')(x, x) as Tensor).sum().item()).toBe(20);
    expect(() => operator('aten::add.Scalar')(x, x)).toThrow(/'other' expected Scalar/);
    expect(() => operator('aten::no_such_thing')()).toThrow('there is no operator aten::no_such_thing');
  });

  it('leave the tensor as it is when one takes elements of it', () => {
    const x = matrix();
    expect(x.take(tensor([3n, 0n])).toArray()).toEqual([4, 1]);
    expect(x.disposed).toBe(false);
  });

  it('put self where the schema has it', () => {
    const x = matrix();
    expect(x.where(x.gt(2), 0).toArray()).toEqual([
      [0, 0],
      [3, 4],
    ]);
    const sequence = tensor([1, 3, 5]);
    const values = tensor([0, 4, 6]);
    expect(values.searchsorted(sequence).toArray()).toEqual([0, 2, 3]);
    expect(sequence.searchsorted(values).toArray()).toEqual([1, 1, 2]);
  });

  it("are PyTorch's, without those that only autograd calls", () => {
    expect(Object.keys(torch).filter((name) => /Backward/.test(name))).toEqual([]);
    expect(Object.getOwnPropertyNames(Tensor.prototype).filter((name) => /Backward/.test(name))).toEqual([]);
    const [gradient, input] = [tensor([10, 20, 30]), tensor([-1, 0.5, 2])];
    expect((operator('aten::threshold_backward')(gradient, input, 1) as Tensor).toArray()).toEqual([
      0, 0, 30,
    ]);
  });

  describe('check what LibTorch does not, where the process would end', () => {
    const [least, minusOne] = [-(2n ** 63n), -1n];
    const trunc = { roundingMode: 'trunc' };
    const integers = (value: bigint, dtype: DType) => tensor([value, 6n]).to({ dtype });

    it.each<[string, () => unknown]>([
      ['a tensor', () => torch.div(tensor([least]), tensor([minusOne]), trunc)],
      ['a number', () => tensor([least]).div(-1, trunc)],
      [
        'a tensor of another integer dtype',
        () => torch.div(tensor([least]), integers(minusOne, 'int8'), trunc),
      ],
      ['in place', () => tensor([1n, least]).div_(tensor([1n, minusOne]), trunc)],
      ['into out', () => torch.div(tensor([least]), -1, { ...trunc, out: tensor([0n]) })],
      ['under its other name', () => tensor([least]).divide(-1, trunc)],
    ])('division of the least int64 by −1: by %s', (_, divide) => {
      expect(divide).toThrow('the quotient of -9223372036854775808 and -1 is too large for int64');
    });

    it('division of the least int32, and no other', () => {
      const int32 = integers(-(2n ** 31n), 'int32');
      expect(() => int32.div(-1, trunc)).toThrow('the quotient of -2147483648 and -1 is too large for int32');
      expect(int32.div(-2, trunc).toArray()).toEqual([2 ** 30, -3]);
      expect(int32.div(-1.5, trunc).toArray()).toEqual([1431655808, -4]);
      expect(
        integers(-(2n ** 15n), 'int16')
          .div(-1, trunc)
          .toArray(),
      ).toEqual([-32768, -6]);
      expect(tensor([least, 7n]).div(2, trunc).toArray({ bigint: true })).toEqual([-(2n ** 62n), 3n]);
      expect(
        tensor([7n])
          .div(tensor([-1n]), trunc)
          .toArray(),
      ).toEqual([-7]);
      const sparse = tensor([8n, 6n]).toSparse();
      expect(sparse.div(2, trunc).toDense().toArray()).toEqual([4, 3]);
      expect(() => tensor([least]).toSparse().div(-1, trunc)).toThrow('too large for int64');
    });

    it('eigenvalues of what is not finite', () => {
      for (const value of [NaN, Infinity]) {
        for (const dtype of ['float32', 'float64', 'complex64'] as const) {
          const matrix = torch.full([3, 3], value).to({ dtype });
          expect(() => torch.linalgEigvals(matrix)).toThrow(
            "aten::linalg_eigvals: argument 'self' expected a matrix without infs and NaNs",
          );
        }
      }
      expect(torch.linalgEigvals(torch.eye(2)).real().toArray()).toEqual([1, 1]);
    });

    it('by leaving out those that check nothing', () => {
      expect(Object.keys(torch)).not.toContain('nativeBatchNorm');
      expect(Object.keys(torch)).toContain('batchNorm');
    });
  });

  it('take a list, not one boolean for all, where the schema says bool[3]', () => {
    const layerNormBackward = operator('aten::native_layer_norm_backward');
    const x = torch.ones([2, 3]);
    const row = torch.ones([2, 1]);
    const call = (mask: unknown) => layerNormBackward(x, x, [3], row, row, null, null, mask) as Tensor[];
    expect(call([true, false, false])[0]!.shape).toEqual([2, 3]);
    expect(() => call(true)).toThrow(/'outputMask' expected bool\[3\]/);
  });

  it('put self where every overload has it, first or not', () => {
    const methods = Tensor.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const x = matrix();
    let elsewhere = 0;
    for (const [qualifiedName, position] of Object.entries(native.operatorNames())) {
      if (position < 0 || !isPublic(qualifiedName)) continue;
      for (const { parameters } of native.describeOperator(qualifiedName)) {
        const self = parameters.findIndex(
          ({ name, kind, list }) => name === 'self' && kind === 'Tensor' && !list,
        );
        expect([-1, position], qualifiedName).toContain(self);
      }
      if (position === 0) continue;
      elsewhere++;
      const [first] = native.describeOperator(qualifiedName)[0]!.parameters;
      // What is given to the method comes before self.
      expect(() => methods[camelCase(qualifiedName.slice('aten::'.length))]!.call(x, 'text')).toThrow(
        new RegExp(`argument '${camelCase(first!.name)}' expected .*, got string "text"`),
      );
    }
    expect(elsewhere).toBeGreaterThan(1);
  });

  const loosely = torch as unknown as Record<string, (...args: unknown[]) => unknown>;

  it('give up at the first hole of an array', { timeout: 5000 }, () => {
    const holes = /argument 'size' expected int\[\], got an array/;
    expect(() => torch.zeros(new Array(2 ** 26))).toThrow(holes);
    expect(() => torch.zeros([1, ...new Array(2), 1])).toThrow(holes);
  });

  it('take no name of an option for those of others', () => {
    const x = matrix();
    expect((loosely.sum!(x, { dim: 0, keepdim: true }) as Tensor).shape).toEqual([1, 2]);
    for (const name of ['dim:3,keepdim', '3:dim3,7:keepdim', 'dim3,7:keepdim']) {
      expect(() => loosely.sum!(x, { [name]: true })).toThrow(`there is no argument '${name}'`);
    }
  });

  describe('read what changes as it is read', () => {
    /** Gives `values` one after the other, the last one again and again, and counts. */
    const changing = (...values: unknown[]) => {
      let reads = 0;
      return { read: () => values[Math.min(reads++, values.length - 1)], reads: () => reads };
    };

    it('once: options', () => {
      const x = matrix();
      const out = torch.empty([2, 2]);
      const [victim, { read, reads }] = [matrix(), changing(out, out, torch.zeros([2, 2]).handle)];
      const options = Object.defineProperty({}, 'out', { get: read, enumerable: true });
      expect(loosely.add!(x, x, options)).toBe(out);
      expect(reads()).toBe(1);
      expect(victim.toArray()).toEqual(matrix().toArray());
    });

    it('once: lists and complex numbers', () => {
      const [x, secret] = [tensor([1]), tensor([7])];
      const element = changing(x, x, secret.handle);
      const list = Object.defineProperty([x, x], 1, { get: element.read });
      expect(torch.cat(list).toArray()).toEqual([1, 1]);
      expect(element.reads()).toBe(1);
      const part = changing(2, 3);
      const scalar = Object.defineProperty({ re: 0, im: 0 }, 're', { get: part.read });
      expect(x.mul(scalar).toArray()).toEqual([{ re: 2, im: 0 }]);
      expect(part.reads()).toBe(1);
    });

    it('as what it holds, not as what its methods say', () => {
      const [x, secret] = [tensor([1]), tensor([7])];
      class Lying<T> extends Array<T> {
        override map = () => [secret.handle, secret.handle] as never[];
      }
      expect(torch.cat(Lying.of(x, x)).toArray()).toEqual([1, 1]);
    });

    it('before any tensor: one that it disposes of is not taken for the next of that number', () => {
      const x = tensor([1, 2]);
      let next: Tensor | undefined;
      const dispose = () => {
        x.dispose();
        next = tensor([100, 200]);
        return 2;
      };
      const scalar = Object.defineProperty({ re: 0, im: 0 }, 're', { get: dispose });
      expect(() => x.mul(scalar)).toThrow("argument 'self': the tensor has been disposed");
      expect(next!.toArray()).toEqual([100, 200]);
    });

    it.each([
      ['mul', 'Scalar', (x: number, scalar: object) => [x, scalar], [2, 4]],
      [
        'where',
        'ScalarSelf',
        (x: number, scalar: object) => [tensor([false, false]).handle, scalar, x],
        [1, 2],
      ],
    ] as const)('while the addon holds the tensors: %s', (name, overload, argumentsOf, expected) => {
      const { id } = native.describeOperator(`aten::${name}`).find((one) => one.overload === overload)!;
      const handle = native.fromTypedArray(new Float32Array([1, 2]), 'float32', [2]);
      const replace = () => {
        native.release(handle);
        expect(native.fromTypedArray(new Float32Array([100, 200]), 'float32', [2])).toBe(handle);
        return 2;
      };
      const scalar = Object.defineProperty({ im: 0 }, 're', { get: replace });
      const result = new Tensor(native.call(id, ...argumentsOf(handle, scalar)) as number);
      expect(result.toArray()).toEqual(expected.map((re) => ({ re, im: 0 })));
      native.release(handle);
    });
  });

  describe('errors', () => {
    it('name the argument, what was expected and what came', () => {
      const x = matrix();
      expect(() => loosely.add!(x, 'two')).toThrow(
        /^add: argument 'other' expected Scalar or Tensor, got string "two"/,
      );
      expect(() => loosely.sum!(x, 'a')).toThrow(
        /^sum: argument 'dim' expected int\[1\] or null, got string "a"/,
      );
      expect(() => loosely.argmax!(x, 1, 'a')).toThrow(
        /^argmax: argument 'keepdim' expected bool, got string "a"/,
      );
      expect(() => loosely.relu!(3)).toThrow(/argument 'self' expected Tensor, got number 3/);
      expect(() => loosely.zeros!([2], { dtyp: 'x' })).toThrow(/there is no argument 'dtyp'/);
      expect(() => loosely.zeros!([2], { dtype: 'float33' })).toThrow(
        /argument 'dtype' expected ScalarType or null/,
      );
      expect(() => loosely.matmul!(x)).toThrow(/argument 'other' expected Tensor, got nothing/);
      expect(() => loosely.relu!(x, x, x)).toThrow(/at most 1 positional/);
      expect(() => loosely.sum!(x, 0, { dim: 1 })).toThrow(/'dim' is given twice/);
    });

    const thrown = () => {
      try {
        scope(() => matrix().matmul(torch.zeros([3, 3])));
      } catch (error) {
        return error as Error & { nativeStack: string };
      }
      return expect.unreachable();
    };

    it("carry the operator's name, the first line of LibTorch's message and the native stack", () => {
      const error = thrown();
      expect(error.message).toBe('aten::matmul: mat1 and mat2 shapes cannot be multiplied (2x2 and 3x3)');
      expect(error.nativeStack).toMatch(/cannot be multiplied.*\n(.*\n)*frame #0: /);
      expect(error.nativeStack).toBe(error.nativeStack);
    });

    it('name the functions of the native stack when it is read, which takes long', () => {
      const first = thrown();
      expect(Object.getOwnPropertyDescriptor(first, 'nativeStack')).toMatchObject({
        get: expect.any(Function),
        enumerable: true,
      });
      for (let i = 0; i < 5000; i++) thrown();
      for (const error of [first, thrown()]) expect(error.nativeStack).toMatch(/frame #0: .*Error/);
    });
  });
});
