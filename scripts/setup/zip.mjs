// @ts-check
// Reads zip archives (wheels are zip archives), so that a LibTorch archive can be unpacked without any other program.
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { SetupError } from '../../lib/native/locate.mjs';

/**
 * @typedef {import('node:fs/promises').FileHandle} FileHandle
 * @typedef {{ name: string; method: number; packed: number; size: number; offset: number; mode: number }} Entry
 */

const MAX_32 = 0xffffffff;

/** @param {FileHandle} file @param {number} position @param {number} length */
async function read(file, position, length) {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/**
 * Where the central directory lies.
 * @param {string} archive
 * @param {FileHandle} file the same, open
 * @returns {Promise<{ offset: number; size: number }>}
 */
async function findDirectory(archive, file) {
  const { size } = await file.stat();
  const start = Math.max(0, size - 0x10000 - 22);
  const tail = await read(file, start, size - start);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new SetupError(`${archive} is no zip archive, or it is cut off`);
  const directory = { size: tail.readUInt32LE(end + 12), offset: tail.readUInt32LE(end + 16) };
  if (directory.offset !== MAX_32) return directory;
  // Zip64: the record's own position stands in the locator, 20 bytes before.
  const record = await read(file, Number(tail.readBigUInt64LE(end - 20 + 8)), 56);
  return { size: Number(record.readBigUInt64LE(40)), offset: Number(record.readBigUInt64LE(48)) };
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

/** @param {string} archive @param {FileHandle} file @returns {Promise<Entry[]>} */
async function listEntries(archive, file) {
  const { offset: start, size: length } = await findDirectory(archive, file);
  const directory = await read(file, start, length);
  const entries = [];
  for (let at = 0; at + 46 <= directory.length; ) {
    const nameLength = directory.readUInt16LE(at + 28);
    const extraLength = directory.readUInt16LE(at + 30);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const [size = 0, packed = 0, offset = 0] = widen(extra, [
      directory.readUInt32LE(at + 24),
      directory.readUInt32LE(at + 20),
      directory.readUInt32LE(at + 42),
    ]);
    const mode = directory.readUInt32LE(at + 38) >>> 16;
    entries.push({ name, method: directory.readUInt16LE(at + 10), packed, size, offset, mode });
    at += 46 + nameLength + extraLength + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** @param {string} archive @param {FileHandle} file the same, open @param {Entry} entry @param {string} path */
async function writeEntry(archive, file, entry, path) {
  if (entry.method !== 0 && entry.method !== 8) {
    throw new SetupError(`${entry.name} is packed in a way that is not supported (method ${entry.method})`);
  }
  const header = await read(file, entry.offset, 30);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  await mkdir(dirname(path), { recursive: true });
  const target = createWriteStream(path);
  if (entry.packed === 0) {
    await new Promise((done, failed) => target.on('error', failed).end(done));
  } else {
    const source = createReadStream(archive, {
      start,
      end: start + entry.packed - 1,
      highWaterMark: 1 << 20,
    });
    await (entry.method === 0 ? pipeline(source, target) : pipeline(source, createInflateRaw(), target));
  }
  if (target.bytesWritten !== entry.size) {
    throw new SetupError(
      `${entry.name} has ${target.bytesWritten} bytes instead of ${entry.size}: the archive is damaged`,
    );
  }
  if (entry.mode & 0o111) await chmod(path, 0o755);
}

/**
 * Unpacks the files of an archive for which `place` names a path.
 * @param {string} archive
 * @param {(name: string) => string | null} place from an entry's name to where it goes, null to leave it out
 * @returns {Promise<number>} how many files were written
 */
export async function unzip(archive, place) {
  const file = await open(archive);
  try {
    let count = 0;
    for (const entry of await listEntries(archive, file)) {
      const path = entry.name.endsWith('/') ? null : place(entry.name);
      if (path === null) continue;
      await writeEntry(archive, file, entry, path);
      count++;
    }
    return count;
  } finally {
    await file.close();
  }
}
