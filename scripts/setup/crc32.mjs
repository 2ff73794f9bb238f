// @ts-check
// The checksum in zip archives.
import * as zlib from 'node:zlib';

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32, a byte at a time. @param {Uint8Array} data @param {number} [value] that of the bytes before */
export function crc32ByTable(data, value = 0) {
  let crc = ~value;
  for (let at = 0; at < data.length; at++) {
    crc = Number(TABLE[(crc ^ Number(data[at])) & 0xff]) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** @type {(data: Uint8Array, value?: number) => number} */
export const crc32 = zlib.crc32 ?? crc32ByTable; // Node.js has it from 20.15 on, and 20.9 is enough for this package
