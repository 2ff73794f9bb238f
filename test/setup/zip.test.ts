import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SetupError } from '../../scripts/setup/steps.mjs';
import { unzip } from '../../scripts/setup/zip.mjs';
import { type File, makeZip } from '../support/zip.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'intraclass-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function archive(files: File[], options?: { zip64?: boolean }) {
  const path = join(folder, 'archive.zip');
  writeFileSync(path, makeZip(files, options));
  return path;
}
const everything = (name: string) => join(folder, 'out', name);
const read = (name: string) => readFileSync(everything(name));

it.each([false, true])('unpacks stored, deflated and empty files (Zip64: %s)', async (zip64) => {
  const large = Buffer.alloc(3_000_000, 'the same again ');
  const path = archive(
    [
      { name: 'a/', data: Buffer.alloc(0) },
      { name: 'a/stored.txt', data: Buffer.from('as it is'), method: 0 },
      { name: 'a/b/large.bin', data: large },
      { name: 'empty', data: Buffer.alloc(0), method: 0 },
      { name: 'ünï.txt', data: Buffer.from('name in UTF-8') },
    ],
    { zip64 },
  );
  expect(await unzip(path, everything)).toBe(4);
  expect(read('a/stored.txt').toString()).toBe('as it is');
  expect(read('a/b/large.bin').equals(large)).toBe(true);
  expect(read('empty').length).toBe(0);
  expect(read('ünï.txt').toString()).toBe('name in UTF-8');
});

it('unpacks only what is asked for, and keeps programs executable', async () => {
  const path = archive([
    { name: 'run', data: Buffer.from('#!'), mode: 0o755 },
    { name: 'text', data: Buffer.from('') },
    { name: 'left out', data: Buffer.from('') },
  ]);
  expect(await unzip(path, (name) => (name === 'left out' ? null : everything(name)))).toBe(2);
  expect(statSync(everything('run')).mode & 0o111).toBe(0o111);
  expect(statSync(everything('text')).mode & 0o111).toBe(0);
  expect(() => read('left out')).toThrow();
});

it('says so when a file is no archive, is cut off, or is damaged', async () => {
  const path = join(folder, 'archive.zip');
  writeFileSync(path, 'no archive');
  await expect(unzip(path, everything)).rejects.toThrow(`${path} is no zip archive`);

  const whole = makeZip([{ name: 'a', data: Buffer.from('content') }]);
  writeFileSync(path, whole.subarray(0, whole.length - 30));
  await expect(unzip(path, everything)).rejects.toThrow('cut off');

  const packed = deflateRawSync(Buffer.from('content'));
  archive([{ name: 'a', data: Buffer.from('content'), packed, size: 8 }]);
  await expect(unzip(path, everything)).rejects.toThrow('a has 7 bytes instead of 8: the archive is damaged');
});

describe('a damaged archive is told from a whole one', () => {
  const data = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * at) % 251));
  const refused = async (path: string, why: string) => {
    const error = await unzip(path, everything).catch((reason) => reason);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toContain(path);
    expect(error.message).toContain(why);
    expect(error.message).toContain('the archive is damaged');
  };

  it('by the sum of a stored file', async () => {
    const packed = Buffer.from(data);
    packed[100]! ^= 1;
    await refused(archive([{ name: 'a', data, packed, method: 0 }]), 'a has the CRC-32 ');
  });

  it('by what is deflated', async () => {
    const packed = deflateRawSync(data).fill(0xff, 0, 200);
    await refused(archive([{ name: 'a', data, packed }]), 'a cannot be inflated (invalid');
    const short = deflateRawSync(data).subarray(0, 200);
    await refused(archive([{ name: 'a', data, packed: short }]), 'a cannot be inflated (unexpected end');
  });

  it('by its directory, wherever that is cut off or overwritten, and never with another error', async () => {
    const path = join(folder, 'archive.zip');
    writeFileSync(path, 'PK\x05\x06');
    await refused(path, 'cut off');
    for (const zip64 of [false, true]) {
      const whole = makeZip([{ name: 'a', data }], { zip64 });
      const start = whole.indexOf('PK\x01\x02');
      let refusals = 0;
      for (let at = start; at < whole.length; at++) {
        const broken = Buffer.from(whole);
        broken[at]! ^= 0xff;
        writeFileSync(path, broken);
        const error = await unzip(path, everything).catch((reason) => reason);
        // Some bytes say nothing that is needed, and some another name or way of packing.
        if (!(error instanceof Error)) continue;
        expect(error, `byte ${at - start}`).toBeInstanceOf(SetupError);
        refusals++;
      }
      expect(refusals, `of ${whole.length - start}`).toBeGreaterThan((whole.length - start) / 3);
    }
  });
});

it.each(['include/../../escaped.h', '..', 'include/..\\escaped.h', '/../escaped.h', 'a\0b'])(
  'refuses a file by the name %j, which leads elsewhere',
  async (name) => {
    const path = archive([
      { name: 'before', data: Buffer.from('') },
      { name, data: Buffer.from('') },
    ]);
    await expect(unzip(path, everything)).rejects.toThrow(
      `${path}: expected entries that stay in their folder, got ${JSON.stringify(name)}`,
    );
    expect(readdirSync(join(folder, 'out'))).toEqual(['before']);
    expect(readdirSync(folder).sort()).toEqual(['archive.zip', 'out']);
    expect(await unzip(path, (entry) => (entry === name ? null : everything(entry)))).toBe(1);
  },
);

it('names a packing method that it does not know', async () => {
  const path = archive([
    { name: 'a', data: Buffer.from('content'), packed: Buffer.from('content'), method: 12 },
  ]);
  await expect(unzip(path, everything)).rejects.toThrow(
    'a is packed in a way that is not supported (method 12)',
  );
});
