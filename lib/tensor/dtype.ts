/** Element types, by PyTorch's names. */
export const dtypes = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
  'complex64',
  'complex128',
  'uint16',
  'uint32',
  'uint64',
  'float8_e4m3fn',
  'float8_e5m2',
] as const;

export type DType = (typeof dtypes)[number];

/** The typed arrays that a tensor can be made from or read into. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

const names: ReadonlySet<string> = new Set(dtypes);

export const isDType = (text: string): text is DType => names.has(text);

export const isFloatingPoint = (dtype: DType): boolean => dtype.startsWith('float') || dtype === 'bfloat16';

export const isComplex = (dtype: DType): boolean => dtype.startsWith('complex');

export const isInteger = (dtype: DType): boolean => /^u?int/.test(dtype);

/** The dtypes of typed arrays, by their names. */
const dtypesByName = new Map<string | undefined, DType>([
  ['Float32Array', 'float32'],
  ['Float64Array', 'float64'],
  ['BigInt64Array', 'int64'],
  ['BigUint64Array', 'uint64'],
  ['Int32Array', 'int32'],
  ['Int16Array', 'int16'],
  ['Int8Array', 'int8'],
  ['Uint8Array', 'uint8'],
  ['Uint8ClampedArray', 'uint8'],
  ['Uint16Array', 'uint16'],
  ['Uint32Array', 'uint32'],
]);

/** The getter that tells any typed array's name, and undefined of all else. */
const nameOf: (this: unknown) => string | undefined = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

/**
 * The dtype whose elements a typed array holds; undefined for anything else. The array's class would not do: a window
 * or a context of `node:vm` has classes of its own.
 */
export const dtypeOf = (data: unknown): DType | undefined => dtypesByName.get(nameOf.call(data));

/** A buffer of elements of `dtype` as the typed array that holds them; null where JavaScript has none (float16, …). */
export function typedArrayOf(dtype: DType, buffer: ArrayBuffer): TypedArray | null {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return new Float32Array(buffer);
    case 'float64':
    case 'complex128':
      return new Float64Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    default:
      return null;
  }
}
