import { native } from '../native.ts';
import { describeValue } from './check.ts';
import { type DType, dtypeOf, type TypedArray } from './dtype.ts';
import { type NestedArray, ownerOf, Tensor } from './tensor.ts';

export interface TensorOptions {
  /** The sizes of the dimensions, for data given flat as a typed array. Default: one dimension. */
  shape?: readonly number[];
  /** Default: the typed array's own; for arrays, float32 (numbers), int64 (bigints) or bool (booleans). */
  dtype?: DType;
  /** 'cpu' or 'cuda:0'. Default 'cpu'. */
  device?: string;
  /** Default false. */
  requiresGrad?: boolean;
}

/**
 * A tensor from a number, nested arrays or a typed array.
 *
 * The elements are copied: JavaScript may detach its buffers at any time. The exception is the memory of
 * `toTypedArray({ share: true })`, which is a tensor's own: it is used as it is.
 *
 * @throws TypeError if rows differ in length, elements in type, or the shape does not fit the data
 */
export function tensor(
  data: NestedArray | readonly NestedArray[] | TypedArray,
  options: TensorOptions = {},
): Tensor {
  let result = isTypedArray(data) ? fromTypedArray(data, options) : fromNested(data as NestedArray, options);
  const { dtype, device, requiresGrad } = options;
  if (dtype !== undefined && result.dtype !== dtype) result = result.to({ dtype });
  if (device !== undefined && device !== 'cpu') result = result.to({ device });
  if (requiresGrad) result.requiresGrad = true;
  return result;
}

const isTypedArray = (data: unknown): data is TypedArray =>
  ArrayBuffer.isView(data) && !(data instanceof DataView);

function fromTypedArray(data: TypedArray, options: TensorOptions): Tensor {
  const shape = options.shape ?? [data.length];
  const wanted = shape.reduce((product, size) => product * size, 1);
  if (wanted !== data.length) {
    throw new TypeError(
      `tensor: argument 'shape' expected sizes whose product is ${data.length}, the length of data, got [${shape.join(', ')}]`,
    );
  }
  const dtype = dtypeOf(data);
  const owner = ownerOf(data.buffer);
  if (owner !== undefined && !owner.disposed && owner.dtype === dtype) {
    const strides = shape.map((_, d) => shape.slice(d + 1).reduce((product, size) => product * size, 1));
    return owner.detach().asStrided(shape, strides, data.byteOffset / data.BYTES_PER_ELEMENT);
  }
  return new Tensor(native.fromTypedArray(data, dtype, shape));
}

function fromNested(data: NestedArray, options: TensorOptions): Tensor {
  const shape: number[] = [];
  for (let level: NestedArray = data; Array.isArray(level); level = level[0]!) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | bigint | boolean)[] = [];
  flatten(data, shape, 0, flat);
  const first = flat[0];
  const count = flat.length;
  let array: TypedArray;
  let dtype: DType;
  if (typeof first === 'bigint') {
    dtype = 'int64';
    array = new BigInt64Array(count);
    for (let i = 0; i < count; i++) array[i] = BigInt(flat[i] as bigint);
  } else if (typeof first === 'boolean') {
    dtype = 'bool';
    array = Uint8Array.from(flat as boolean[], Number);
  } else if (options.dtype === 'int64' || options.dtype === 'float64') {
    // Through float64, so that integers up to 2^53 and doubles keep all their digits.
    dtype = 'float64';
    array = Float64Array.from(flat as number[]);
  } else {
    dtype = 'float32';
    array = Float32Array.from(flat as number[]);
  }
  return new Tensor(native.fromTypedArray(array, dtype, options.shape ?? shape));
}

function flatten(
  data: NestedArray,
  shape: number[],
  depth: number,
  into: (number | bigint | boolean)[],
): void {
  if (Array.isArray(data)) {
    if (data.length !== shape[depth]) {
      throw new TypeError(
        `tensor: argument 'data' expected arrays of length ${shape[depth] ?? 'of the same depth'} at depth ${depth}, got one of ${data.length}`,
      );
    }
    for (const element of data) flatten(element, shape, depth + 1, into);
    return;
  }
  const kind = typeof data;
  if (depth !== shape.length || (kind !== 'number' && kind !== 'bigint' && kind !== 'boolean')) {
    throw new TypeError(
      `tensor: argument 'data' expected numbers, bigints or booleans in arrays of one shape, got ${describeValue(data)}`,
    );
  }
  if (into.length > 0 && typeof into[0] !== kind) {
    throw new TypeError(
      `tensor: argument 'data' expected elements of one type, got ${typeof into[0]} and ${kind}`,
    );
  }
  into.push(data as number | bigint | boolean);
}
