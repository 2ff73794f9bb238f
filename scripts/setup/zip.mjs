// @ts-check
// Reads zip archives (wheels are zip archives), so that a LibTorch archive can be unpacked without any other program.
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { SetupError } from '../../lib/native/locate.mjs';
import { crc32 } from './crc32.mjs';

/**
 * @typedef {{ path: string; file: import('node:fs/promises').FileHandle; size: number }} Archive
 * @typedef {{ name: string; method: number; crc: number; packed: number; size: number; offset: number; mode: number }} Entry
 */

const MAX_32 = 0xffffffff;
const ENTRY = 0x02014b50;
const ZIP64_LOCATOR = 0x07064b50;

/** @param {Archive} archive @param {string} what is wrong */
const damaged = (archive, what) => new SetupError(`${archive.path}: ${what}: the archive is damaged`);

/** @param {Archive} archive @param {number} position @param {number} length */
async function read(archive, position, length) {
  if (position + length > archive.size) throw damaged(archive, 'it points beyond its own end');
  return (await archive.file.read(Buffer.alloc(length), 0, length, position)).buffer;
}

/**
 * Where the central directory lies, and how many entries it has.
 * @param {Archive} archive
 * @returns {Promise<{ count: number; size: number; offset: number }>}
 */
async function findDirectory(archive) {
  const start = Math.max(0, archive.size - 0x10000 - 22);
  const tail = await read(archive, start, archive.size - start);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new SetupError(`${archive.path} is no zip archive, or it is cut off`);
  if (end < 20 || tail.readUInt32LE(end - 20) !== ZIP64_LOCATOR) {
    return {
      count: tail.readUInt16LE(end + 10),
      size: tail.readUInt32LE(end + 12),
      offset: tail.readUInt32LE(end + 16),
    };
  }
  const record = await read(archive, Number(tail.readBigUInt64LE(end - 12)), 56);
  const [count = 0, size = 0, offset = 0] = [32, 40, 48].map((at) => Number(record.readBigUInt64LE(at)));
  return { count, size, offset };
}

/**
 * The 64-bit values of the Zip64 extra field, for whichever of the three sizes did not fit 32 bits.
 * @param {Buffer} extra
 * @param {number[]} values
 */
function widen(extra, values) {
  if (!values.includes(MAX_32)) return values;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    return values.map((value) => {
      if (value !== MAX_32) return value;
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  return values;
}

/** @param {Archive} archive @returns {Promise<Entry[]>} @throws a RangeError too, where the directory ends too early */
async function listEntries(archive) {
  const { count, size: length, offset: start } = await findDirectory(archive);
  const directory = await read(archive, start, length);
  const entries = [];
  let at = 0;
  while (at < directory.length) {
    if (directory.readUInt32LE(at) !== ENTRY) throw damaged(archive, 'its directory is overwritten');
    const nameLength = directory.readUInt16LE(at + 28);
    const extraLength = directory.readUInt16LE(at + 30);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const [size = 0, packed = 0, offset = 0] = widen(extra, [
      directory.readUInt32LE(at + 24),
      directory.readUInt32LE(at + 20),
      directory.readUInt32LE(at + 42),
    ]);
    const method = directory.readUInt16LE(at + 10);
    const crc = directory.readUInt32LE(at + 16);
    const mode = directory.readUInt32LE(at + 38) >>> 16;
    entries.push({ name, method, crc, packed, size, offset, mode });
    at += 46 + nameLength + extraLength + directory.readUInt16LE(at + 32);
  }
  if (at !== directory.length || entries.length !== count) {
    throw damaged(archive, `its directory has ${entries.length} entries instead of ${count}`);
  }
  return entries;
}

/** @param {Archive} archive @param {Entry} entry @param {string} path */
async function writeEntry(archive, entry, path) {
  const { name, method, packed } = entry;
  if (method !== 0 && method !== 8) {
    throw new SetupError(`${name} is packed in a way that is not supported (method ${method})`);
  }
  const header = await read(archive, entry.offset, 30);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (start + packed > archive.size) throw damaged(archive, `${name} is cut off`);
  const source =
    packed === 0
      ? Readable.from([])
      : createReadStream(archive.path, { start, end: start + packed - 1, highWaterMark: 1 << 20 });
  let [size, crc] = [0, 0];
  /** @param {AsyncIterable<Buffer>} chunks */
  async function* checked(chunks) {
    for await (const chunk of chunks) {
      size += chunk.length;
      crc = crc32(chunk, crc);
      yield chunk;
    }
  }
  await mkdir(dirname(path), { recursive: true });
  const target = createWriteStream(path);
  try {
    if (method === 0 || packed === 0) await pipeline(source, checked, target);
    else await pipeline(source, createInflateRaw(), checked, target);
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code?.startsWith('Z_')) throw damaged(archive, `${name} cannot be inflated (${message})`);
    throw error;
  }
  if (size !== entry.size) throw damaged(archive, `${name} has ${size} bytes instead of ${entry.size}`);
  if (crc !== entry.crc) {
    const [got, expected] = [crc, entry.crc].map((value) => value.toString(16).padStart(8, '0'));
    throw damaged(archive, `${name} has the CRC-32 ${got} instead of ${expected}`);
  }
  if (entry.mode & 0o111) await chmod(path, 0o755);
}

/** Whether a name may lead out of the folder that it is put into. @param {string} name */
const escapes = (name) => name.includes('\\') || name.includes('\0') || name.split('/').includes('..');

/**
 * Unpacks the files of an archive for which `place` names a path.
 * @param {string} path
 * @param {(name: string) => string | null} place from an entry's name to where it goes, null to leave it out
 * @returns {Promise<number>} how many files were written
 * @throws {SetupError} where the archive is damaged, or names one of these files so that it could go anywhere
 */
export async function unzip(path, place) {
  const file = await open(path);
  try {
    const archive = { path, file, size: (await file.stat()).size };
    const entries = await listEntries(archive).catch((error) => {
      throw error instanceof RangeError ? damaged(archive, 'its directory is cut off') : error;
    });
    let count = 0;
    for (const entry of entries) {
      const target = entry.name.endsWith('/') ? null : place(entry.name);
      if (target === null) continue;
      if (escapes(entry.name)) {
        throw new SetupError(
          `${path}: expected entries that stay in their folder, got ${JSON.stringify(entry.name)}`,
        );
      }
      await writeEntry(archive, entry, target);
      count++;
    }
    return count;
  } finally {
    await file.close();
  }
}
