/** The idx format of MNIST: a magic number, sizes, then bytes; big-endian. */

import { elementCount } from '../tensor/elements.ts';
import { DataFileError } from './errors.ts';
import { gunzip } from './gzip.ts';

export interface IdxFile {
  /** For images [N, H, W], for labels [N]. */
  shape: number[];
  data: Uint8Array;
}

/**
 * Reads an idx file of unsigned bytes, gzipped or not.
 *
 *     0  0x00 0x00
 *     2  0x08, unsigned bytes
 *     3  the number of dimensions
 *     4  the sizes, 4 bytes each
 *     …  the data
 *
 * @param name named in errors
 * @throws DataFileError with the file and the offset
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxFile {
  const content = gunzip(bytes, name);
  const fail = (offset: number, what: string): never => {
    throw new DataFileError(`${name}: at offset ${offset}: ${what}`);
  };
  if (content.length < 4) fail(content.length, 'expected 4 bytes of magic number, but the file ends');
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const ndim = content[3]!;
  if (view.getUint16(0) !== 0 || content[2] !== 8 || ndim < 1 || ndim > 4) {
    fail(
      0,
      `expected the magic number of an idx file of bytes, got 0x${view.getUint32(0).toString(16).padStart(8, '0')}`,
    );
  }
  const start = 4 + 4 * ndim;
  if (content.length < start) fail(content.length, `expected ${ndim} sizes, but the file ends`);
  const shape = Array.from({ length: ndim }, (_, d) => view.getUint32(4 + 4 * d));
  const expected = elementCount(shape);
  if (content.length - start !== expected) {
    const places = shape.join('×');
    fail(
      Math.min(content.length, start + expected),
      `expected ${expected} bytes for ${places}, got ${content.length - start}`,
    );
  }
  return { shape, data: content.subarray(start) };
}
