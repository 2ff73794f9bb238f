import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DType, tensor, torch } from '../../lib/tensor/index.ts';
import {
  CheckpointError,
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  saveSafetensors,
} from '../../lib/train/index.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

/** A file from a header and data, whatever they are. */
function file(header: unknown, data: number[] = []): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.from(data)]);
}

describe('safetensors', () => {
  it.each<DType>(['float32', 'float64', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'])(
    'give %s back as it was',
    (dtype) => {
      const x = torch.arange(6).reshape([2, 3]).to({ dtype });
      const { tensors } = decodeSafetensors(encodeSafetensors({ x }), 'x');
      expect(tensors.x!.dtype).toBe(dtype);
      expect(tensors.x!.shape).toEqual([2, 3]);
      expect(tensors.x!.toArray()).toEqual(x.toArray());
    },
  );

  it('keep scalars, empty tensors, views, special values, order and metadata', async () => {
    const tensors = {
      'a.b': tensor(3.5),
      empty: torch.zeros([0, 4]),
      turned: torch.arange(6).reshape([2, 3]).t(),
      special: tensor(Float32Array.of(Number.NaN, -0, Infinity, 1e-45)),
    };
    const path = join(folder, 'x.safetensors');
    await saveSafetensors(path, tensors, { note: 'ünï' });
    const loaded = await loadSafetensors(path);
    expect(Object.keys(loaded.tensors)).toEqual(Object.keys(tensors));
    for (const [name, value] of Object.entries(tensors)) {
      expect(loaded.tensors[name]!.shape).toEqual(value.shape);
      expect(loaded.tensors[name]!.toTypedArray()).toEqual(value.toTypedArray());
    }
    expect(loaded.metadata).toEqual({ note: 'ünï' });
    expect(readdirSync(folder)).toEqual(['x.safetensors']);
  });

  it('keep a tensor of any name', () => {
    const named = Object.fromEntries([
      ['__proto__', tensor([1, 2])],
      ['constructor', tensor([3])],
    ]);
    const { tensors } = decodeSafetensors(encodeSafetensors(named), 'x');
    expect(Object.keys(tensors)).toEqual(['__proto__', 'constructor']);
    expect(Object.values(tensors).map((value) => value.toArray())).toEqual([[1, 2], [3]]);
  });

  it('have the layout of the format', () => {
    const bytes = Buffer.from(encodeSafetensors({ x: tensor([1, 2]), y: tensor([7n]) }));
    const length = Number(bytes.readBigUInt64LE());
    expect((8 + length) % 8).toBe(0);
    expect(JSON.parse(bytes.toString('utf8', 8, 8 + length))).toEqual({
      x: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      y: { dtype: 'I64', shape: [1], data_offsets: [8, 16] },
    });
    expect(bytes.readFloatLE(8 + length + 4)).toBe(2);
    expect(bytes.readBigInt64LE(8 + length + 8)).toBe(7n);
  });

  it('name what they cannot keep', () => {
    expect(() => encodeSafetensors({ __metadata__: tensor([1]) })).toThrow(/the name '__metadata__' belongs/);
    const half = torch.zeros([2], { dtype: 'float16' });
    expect(() => encodeSafetensors({}, { epoch: 3 } as never)).toThrow(
      'encodeSafetensors: metadata: expected an object of strings',
    );
    expect(() => encodeSafetensors({ half })).toThrow(/tensors: 'half' expected float32, .*, got float16/);
  });

  const entry = (more: object) => ({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...more } });
  const eight = [0, 0, 0, 0, 0, 0, 0, 0];
  it.each([
    ['no header', Uint8Array.of(1, 2, 3), /f: expected a header of 8 bytes, got a file of 3/],
    [
      'a header beyond the end',
      file('{}').subarray(0, 9),
      /the header is said to have 2 bytes, but the file has 9/,
    ],
    ['an enormous header', Buffer.alloc(16, 255), /the header is said to have 18446744073709551615 bytes/],
    ['a header that is no JSON', file('{"x'), /the header is no JSON/],
    ['a header that is no object', file('[1]'), /the header is no JSON object/],
    [
      'an unknown dtype',
      file(entry({ dtype: 'F8' }), eight),
      /tensor 'x': dtype string "F8" is not supported/,
    ],
    ['metadata that are none', file({ __metadata__: null }), /__metadata__: expected an object of strings/],
    [
      'metadata that are no strings',
      file({ __metadata__: { epoch: 3 } }),
      /__metadata__: expected an object of/,
    ],
    ['no shape', file(entry({ shape: 'big' }), eight), /tensor 'x': expected a shape/],
    ['a negative size', file(entry({ shape: [-2] }), eight), /tensor 'x': expected a shape/],
    [
      'offsets that do not fit',
      file(entry({ data_offsets: [0, 4] }), eight),
      /expected 8 bytes for F32 \[2\], got offsets 0,4/,
    ],
    ['data cut off', file(entry({}), [0, 0, 0]), /tensor 'x': ends at byte/],
  ])('say what is wrong with %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'f')).toThrow(message);
    expect(() => decodeSafetensors(bytes, 'f')).toThrow(CheckpointError);
  });

  it('leave the file that was there when writing fails', async () => {
    const path = join(folder, 'x.safetensors');
    writeFileSync(path, 'before');
    await expect(saveSafetensors(path, { half: torch.zeros([1], { dtype: 'float16' }) })).rejects.toThrow(
      TypeError,
    );
    expect(readFileSync(path, 'utf8')).toBe('before');
    await expect(loadSafetensors(join(folder, 'none'))).rejects.toThrow(CheckpointError);
  });
});
