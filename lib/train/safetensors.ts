/**
 * The safetensors format: 8 bytes, the length of the header as a little-endian integer; the header, JSON, from each
 * tensor's name to its dtype, shape and place; then the tensors' bytes, row-major and little-endian, without gaps.
 */
import { readFile } from 'node:fs/promises';
import { writeWhole } from '../data/files.ts';
import { elementCount } from '../tensor/elements.ts';
import { type DType, describeValue, scope, type Tensor, type TypedArray, tensor } from '../tensor/index.ts';

/** A file that is no safetensors file, or a damaged one. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

type Kind = { name: string; bytes: number; view: (buffer: ArrayBuffer) => TypedArray };

/** The dtypes that JavaScript has arrays of. */
const kinds = new Map<DType, Kind>([
  ['float32', { name: 'F32', bytes: 4, view: (buffer) => new Float32Array(buffer) }],
  ['float64', { name: 'F64', bytes: 8, view: (buffer) => new Float64Array(buffer) }],
  ['int64', { name: 'I64', bytes: 8, view: (buffer) => new BigInt64Array(buffer) }],
  ['int32', { name: 'I32', bytes: 4, view: (buffer) => new Int32Array(buffer) }],
  ['int16', { name: 'I16', bytes: 2, view: (buffer) => new Int16Array(buffer) }],
  ['int8', { name: 'I8', bytes: 1, view: (buffer) => new Int8Array(buffer) }],
  ['uint8', { name: 'U8', bytes: 1, view: (buffer) => new Uint8Array(buffer) }],
  ['bool', { name: 'BOOL', bytes: 1, view: (buffer) => new Uint8Array(buffer) }],
]);
const dtypeNamed = new Map([...kinds].map(([dtype, kind]) => [kind.name, dtype]));

/** The alignment of the first tensor, in bytes. */
const alignment = 8;

/**
 * A file's bytes. Tensors on a GPU are copied from there; float16 and bfloat16 must be converted first.
 * @param metadata strings that are kept with the tensors
 * @throws TypeError if a tensor's dtype is not supported, or the metadata are not all strings
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  // Without a prototype, here and when reading: any name is a tensor's, '__proto__' too.
  const header: Record<string, Entry | Readonly<Record<string, string>>> = Object.create(null);
  if (!isStrings(metadata)) {
    throw new TypeError('encodeSafetensors: metadata: expected an object of strings');
  }
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, value] of Object.entries(tensors)) {
    if (name === '__metadata__') {
      throw new TypeError("encodeSafetensors: tensors: the name '__metadata__' belongs to the format");
    }
    const kind = kinds.get(value.dtype);
    if (kind === undefined) {
      throw new TypeError(
        `encodeSafetensors: tensors: '${name}' expected ${[...kinds.keys()].join(', ')}, got ${value.dtype}`,
      );
    }
    const array = scope(() => value.detach().to({ device: 'cpu' }).contiguous().toTypedArray());
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    header[name] = {
      dtype: kind.name,
      shape: value.shape,
      data_offsets: [offset, offset + bytes.length],
    };
    parts.push(bytes);
    offset += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc((alignment - (json.length % alignment)) % alignment, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length + padding.length));
  return Buffer.concat([length, json, padding, ...parts]);
}

export interface SafetensorsFile {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
}

/**
 * The tensors in a file's bytes, on the CPU.
 * @param name named in errors
 * @throws CheckpointError saying what is wrong, and with which tensor
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const fail = (what: string): never => {
    throw new CheckpointError(`${name}: ${what}`);
  };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 8) fail(`expected a header of 8 bytes, got a file of ${buffer.length}`);
  const length = buffer.readBigUInt64LE();
  if (length > BigInt(buffer.length - 8)) {
    fail(
      `the header is said to have ${length} bytes, but the file has ${buffer.length}: it is cut off or no checkpoint`,
    );
  }
  const start = 8 + Number(length);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(buffer.toString('utf8', 8, start));
  } catch (error) {
    return fail(`the header is no JSON: ${(error as Error).message}`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    fail('the header is no JSON object');
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isStrings(metadata)) return fail('__metadata__: expected an object of strings');
  const tensors: Record<string, Tensor> = Object.create(null);
  for (const [key, value] of Object.entries(entries)) {
    const { dtype: kindName, shape, data_offsets: place } = (value ?? {}) as Partial<Entry>;
    const dtype = dtypeNamed.get(String(kindName));
    if (dtype === undefined)
      return fail(`tensor '${key}': dtype ${describeValue(kindName)} is not supported`);
    if (!isSizes(shape)) return fail(`tensor '${key}': expected a shape, got ${describeValue(shape)}`);
    const kind = kinds.get(dtype)!;
    const expected = kind.bytes * elementCount(shape);
    if (!(isSizes(place) && place.length === 2 && place[1]! - place[0]! === expected)) {
      return fail(
        `tensor '${key}': expected ${expected} bytes for ${kind.name} [${shape}], got offsets ${place}`,
      );
    }
    const [from, to] = [start + place[0]!, start + place[1]!];
    if (to > buffer.length)
      return fail(`tensor '${key}': ends at byte ${to}, but the file has ${buffer.length}`);
    // A copy: the bytes need not be aligned for their type.
    const array = kind.view(new Uint8Array(buffer.subarray(from, to)).buffer);
    tensors[key] = tensor(array, dtype === 'bool' ? { shape, dtype } : { shape });
  }
  return { tensors, metadata };
}

const isStrings = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((text) => typeof text === 'string');

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** Writes a file; a file that was there is replaced only by the whole new one. */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeWhole(path, encodeSafetensors(tensors, metadata));
}

/** @throws CheckpointError if the file is missing or damaged */
export async function loadSafetensors(path: string): Promise<SafetensorsFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new CheckpointError(`${path}: ${(error as Error).message}`);
  }
  return decodeSafetensors(bytes, path);
}
