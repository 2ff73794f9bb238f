import { native } from '../native.ts';
import { checkBoolean, checkOptions, describeValue } from './check.ts';
import {
  type DType,
  dtypeOf,
  dtypes,
  isComplex,
  isDType,
  isInteger,
  type TypedArray,
  typedArrayOf,
} from './dtype.ts';
import { elementCount } from './elements.ts';
import { type Complex, type NestedData, ownerOf, type Scalar, Tensor } from './tensor.ts';

export interface TensorOptions {
  /** The sizes of the dimensions, for data given flat as a typed array. Default: one dimension. */
  shape?: readonly number[];
  /** Default: the typed array's own; for arrays, float32 (numbers), int64 (bigints), bool (booleans) or complex64. */
  dtype?: DType;
  /** 'cpu' or 'cuda:0'. Default 'cpu'. */
  device?: string;
  /** Default false. */
  requiresGrad?: boolean;
}

const optionNames = ['shape', 'dtype', 'device', 'requiresGrad'] satisfies (keyof TensorOptions)[];

/** More than LibTorch's operators take; and an array may hold itself. */
const mostDimensions = 64;

/**
 * A tensor from a number, nested arrays or a typed array.
 *
 * The elements are copied: JavaScript may detach its buffers at any time. The exception is the memory of
 * `toTypedArray({ share: true })`, which is a tensor's own: it is used as it is.
 *
 * Numbers for an integer dtype are truncated, and must be such as it can hold; a typed array is converted as by `to`.
 *
 * @throws TypeError if rows differ in length, elements in type, the shape does not fit the data, the dtype is a real one and
 *   the elements are complex, or an option is none; RangeError if the dtype is an integer one that cannot hold a number
 */
export function tensor(data: NestedData | TypedArray, options: TensorOptions = {}): Tensor {
  checkOptions('tensor', options, optionNames);
  const { dtype, device, requiresGrad = false } = options;
  checkBoolean('tensor', 'requiresGrad', requiresGrad);
  if (dtype !== undefined && !isDType(dtype)) {
    throw new TypeError(
      `tensor: argument 'dtype' expected one of ${dtypes.join(', ')}, got ${describeValue(dtype)}`,
    );
  }
  const own = dtypeOf(data);
  let result =
    own === undefined
      ? fromNested(data as NestedData, options)
      : fromTypedArray(data as TypedArray, own, options);
  if (dtype !== undefined && result.dtype !== dtype) result = result.to({ dtype });
  if (device !== undefined && device !== 'cpu') result = result.to({ device });
  if (requiresGrad) result.requiresGrad = true;
  return result;
}

function fromTypedArray(data: TypedArray, dtype: DType, options: TensorOptions): Tensor {
  const shape = options.shape ?? [data.length];
  checkShape(shape, data.length);
  const owner = ownerOf(data.buffer);
  if (owner !== undefined && owner.dtype === dtype) {
    return owner.narrow(0, data.byteOffset / data.BYTES_PER_ELEMENT, data.length).view(shape);
  }
  return new Tensor(native.fromTypedArray(data, dtype, shape));
}

function fromNested(data: NestedData, options: TensorOptions): Tensor {
  const nested: number[] = [];
  for (let level: NestedData = data; Array.isArray(level); level = level[0]!) {
    if (nested.length === mostDimensions) {
      throw new TypeError(
        `tensor: argument 'data' expected at most ${mostDimensions} dimensions, got arrays nested deeper`,
      );
    }
    nested.push(level.length);
    if (level.length === 0) break;
  }
  const elements: Scalar[] = [];
  flatten(data, nested, 0, elements);
  const shape = options.shape ?? nested;
  checkShape(shape, elements.length);
  const [array, dtype] = pack(elements, options.dtype);
  return new Tensor(native.fromTypedArray(array, dtype, shape));
}

function checkShape(shape: unknown, count: number): void {
  if (!(Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0))) {
    throw new TypeError(
      `tensor: argument 'shape' expected an array of integers of at least 0, got ${
        Array.isArray(shape) ? `[${shape.map(describeValue).join(', ')}]` : describeValue(shape)
      }`,
    );
  }
  if (elementCount(shape) !== count) {
    throw new TypeError(
      `tensor: argument 'shape' expected sizes whose product is ${count}, the length of data, got [${shape.join(', ')}]`,
    );
  }
}

/** Elements in a typed array, and its dtype: the one wanted, or one that has all their digits to convert from. */
function pack(elements: readonly Scalar[], wanted: DType | undefined): [TypedArray, DType] {
  const kind = typeof elements[0];
  if (kind === 'boolean') return [Uint8Array.from(elements, Number), 'bool'];
  if (kind === 'object') return packComplex(elements as readonly Complex[], wanted ?? 'complex64');
  const dtype = wanted ?? (kind === 'bigint' ? 'int64' : 'float32');
  if (isInteger(dtype)) return [packIntegers(elements as readonly (number | bigint)[], dtype), dtype];
  const held = dtype === 'float32' ? dtype : 'float64';
  // Not `from`, which is several times slower.
  const array = held === 'float32' ? new Float32Array(elements.length) : new Float64Array(elements.length);
  for (let i = 0; i < array.length; i++) array[i] = Number(elements[i]);
  return [array, held];
}

function packComplex(elements: readonly Complex[], dtype: DType): [TypedArray, DType] {
  if (!isComplex(dtype)) {
    throw new TypeError(
      `tensor: argument 'dtype' expected a complex one for complex elements, got '${dtype}'`,
    );
  }
  const parts = elements.flatMap(({ re, im }) => [re, im]);
  return [dtype === 'complex64' ? Float32Array.from(parts) : Float64Array.from(parts), dtype];
}

function packIntegers(elements: readonly (number | bigint)[], dtype: DType): TypedArray {
  const bits = Number(/\d+/.exec(dtype)![0]);
  const array = typedArrayOf(dtype, new ArrayBuffer((elements.length * bits) / 8))!;
  const convert = bits === 64 ? BigInt : Number;
  elements.forEach((element, i) => {
    const whole = typeof element === 'number' ? Math.trunc(element) : element;
    const integer = Number.isFinite(Number(whole)) ? convert(whole) : undefined;
    // An array takes integers modulo its range: one that comes back as it was is in range.
    if (integer !== undefined) array[i] = integer;
    if (integer === undefined || array[i] !== integer) {
      throw new RangeError(
        `tensor: argument 'data' expected numbers that ${dtype} can hold, got ${describeValue(element)}`,
      );
    }
  });
  return array;
}

function flatten(data: NestedData, shape: number[], depth: number, into: Scalar[]): void {
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
  const isElement = kind === 'number' || kind === 'bigint' || kind === 'boolean' || isComplexNumber(data);
  if (depth !== shape.length || !isElement) {
    throw new TypeError(
      `tensor: argument 'data' expected numbers, bigints, booleans or { re, im } in arrays of one shape, got ${describeValue(data)}`,
    );
  }
  if (into.length > 0 && typeof into[0] !== kind) {
    throw new TypeError(
      `tensor: argument 'data' expected elements of one type, got ${typeof into[0]} and ${kind}`,
    );
  }
  into.push(data as Scalar);
}

function isComplexNumber(value: unknown): value is Complex {
  const { re, im } = Object(value) as Partial<Complex>;
  return typeof re === 'number' && typeof im === 'number';
}
