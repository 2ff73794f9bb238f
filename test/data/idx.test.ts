import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DataFileError, parseIdx } from '../../lib/data/index.ts';

/** An idx file of bytes. */
function idx(shape: number[], data: number[], magic = [0, 0, 8, shape.length]): Uint8Array {
  const sizes = shape.flatMap((size) => [size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]);
  return Uint8Array.from([...magic, ...sizes, ...data]);
}

describe('parseIdx', () => {
  it('reads sizes and bytes, gzipped or not', () => {
    const file = idx([2, 1, 3], [1, 2, 3, 4, 5, 255]);
    for (const bytes of [file, gzipSync(file)]) {
      const { shape, data } = parseIdx(bytes, 'x');
      expect(shape).toEqual([2, 1, 3]);
      expect([...data]).toEqual([1, 2, 3, 4, 5, 255]);
    }
    expect(parseIdx(idx([300], new Array(300).fill(7)), 'x').shape).toEqual([300]);
  });

  it.each([
    [
      'an empty file',
      new Uint8Array(0),
      'file: at offset 0: expected 4 bytes of magic number, but the file ends',
    ],
    [
      'another magic number',
      idx([1], [0], [0, 0, 9, 1]),
      /at offset 0: expected the magic number .* got 0x00000901/,
    ],
    ['a text', Buffer.from('<html>not found</html>'), /got 0x3c68746d/],
    ['missing sizes', Uint8Array.of(0, 0, 8, 3, 0, 0), /at offset 6: expected 3 sizes, but the file ends/],
    ['too few bytes', idx([2, 2], [1, 2, 3]), 'file: at offset 15: expected 4 bytes for 2×2, got 3'],
    ['too many bytes', idx([2], [1, 2, 3]), 'file: at offset 10: expected 2 bytes for 2, got 3'],
    [
      'a gzip stream cut off',
      gzipSync(idx([4], [1, 2, 3, 4])).subarray(0, 20),
      /gzip stream of 20 bytes is damaged/,
    ],
  ])('names the file and the offset of %s', (_, bytes, message) => {
    expect(() => parseIdx(bytes, 'file')).toThrow(message);
    expect(() => parseIdx(bytes, 'file')).toThrow(DataFileError);
  });
});
