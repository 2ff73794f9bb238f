import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
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

it('names a packing method that it does not know', async () => {
  const path = archive([
    { name: 'a', data: Buffer.from('content'), packed: Buffer.from('content'), method: 12 },
  ]);
  await expect(unzip(path, everything)).rejects.toThrow(
    'a is packed in a way that is not supported (method 12)',
  );
});
