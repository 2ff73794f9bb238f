/** The tar format (ustar): for each file a header block, then its content in blocks of 512 bytes. */
import { DataFileError } from './errors.ts';

const block = 512;

/**
 * The regular files in a tar archive, by their paths in it. Their bytes are views of the archive's.
 *
 *       0  name, 100 bytes, ends at a zero
 *     124  size in octal digits, 12 bytes
 *     148  checksum in octal digits, 8 bytes: the sum of the header's bytes, these eight counted as blanks
 *     156  type: '0' or a zero for a regular file
 *     345  what stands before the name and a slash, 155 bytes
 *     512  the content
 *
 * @param name named in errors
 * @throws DataFileError with the archive and the offset in it, unpacked
 */
export function readTar(bytes: Uint8Array, name: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; ; ) {
    const fail = (what: string): never => {
      throw new DataFileError(`${name}: at offset ${at}: ${what}`);
    };
    const header = bytes.subarray(at, at + block);
    if (header.length < block) fail(`expected a header of ${block} bytes, but the archive ends`);
    // A block of zeros is the end.
    if (header.every((byte) => byte === 0)) return files;
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
    if (sum !== octal(header, 148, 8)) fail('expected the header of a file in a tar archive');
    const size = octal(header, 124, 12);
    const path = [text(header, 345, 155), text(header, 0, 100)].filter((part) => part !== '').join('/');
    if (Number.isNaN(size)) {
      fail(`expected the size of ${path} in octal digits, got ${JSON.stringify(text(header, 124, 12))}`);
    }
    const start = at + block;
    if (start + size > bytes.length) {
      fail(`expected ${size} bytes of ${path}, but the archive ends after ${bytes.length - start}`);
    }
    const type = header[156]!;
    if (type === 0 || type === 0x30) {
      files.set(path, bytes.subarray(start, start + size));
    }
    at = start + block * Math.ceil(size / block);
  }
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}

/** NaN where there is anything but octal digits, and blanks around them. */
function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}
