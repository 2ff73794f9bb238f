import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataFileError } from '../../lib/data/index.ts';
import { readTar } from '../../lib/data/tar.ts';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeTar } from '../support/tar.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const long = `${'deep/'.repeat(25)}file.bin`;
const archive = () =>
  makeTar([
    { name: 'a/', data: null },
    { name: 'a/empty', data: Buffer.alloc(0) },
    { name: 'a/text', data: Buffer.from('some text') },
    { name: long, data: Buffer.alloc(1024, 7) },
  ]);
const hasTar = spawnSync('tar', ['--version']).status === 0;

describe('readTar', () => {
  it('gives the regular files', () => {
    const files = readTar(archive(), 'x.tar');
    expect([...files.keys()]).toEqual(['a/empty', 'a/text', long]);
    expect(Buffer.from(files.get('a/text')!).toString()).toBe('some text');
    expect(files.get(long)).toEqual(Buffer.alloc(1024, 7));
    expect(files.get('a/empty')).toHaveLength(0);
  });

  it.skipIf(!hasTar)('reads what the command tar writes', () => {
    mkdirSync(join(folder, 'set'));
    writeFileSync(join(folder, 'set', 'one.bin'), Buffer.alloc(700, 3));
    writeFileSync(join(folder, 'set', 'two.bin'), 'two');
    const made = spawnSync('tar', ['--format=ustar', '-cf', 'set.tar', 'set'], { cwd: folder });
    expect(made.status).toBe(0);
    const files = readTar(readFileSync(join(folder, 'set.tar')), 'set.tar');
    expect([...files.keys()].sort()).toEqual(['set/one.bin', 'set/two.bin']);
    expect(files.get('set/one.bin')).toEqual(Buffer.alloc(700, 3));
  });

  it.each<[string, (bytes: Buffer) => Uint8Array, RegExp]>([
    ['an empty file', () => new Uint8Array(0), /x\.tar: at offset 0: expected a header of 512 bytes/],
    [
      'something else',
      () => Buffer.alloc(2048, 'no archive '),
      /x\.tar: at offset 0: expected the header of a file/,
    ],
    [
      'a damaged header',
      (bytes) => {
        bytes[1024 + 3] = 1;
        return bytes;
      },
      /x\.tar: at offset 1024: expected the header of a file/,
    ],
    [
      'a size that is negative',
      (bytes) => {
        bytes.write('-1000\0', 2048 + 124);
        // The checksum is right all the same.
        bytes.fill(' ', 2048 + 148, 2048 + 156);
        const sum = bytes.subarray(2048, 2560).reduce((total, byte) => total + byte, 0);
        bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 2048 + 148);
        return bytes;
      },
      /x\.tar: at offset 2048: expected the size of deep\/.*\/file\.bin in octal digits, got "-1000"/,
    ],
    [
      'an archive cut off in a file',
      (bytes) => bytes.subarray(0, 2560 + 100),
      /x\.tar: at offset 2048: expected 1024 bytes of deep\/.*\/file\.bin, but the archive ends after 100/,
    ],
    [
      'an archive cut off behind a file',
      (bytes) => bytes.subarray(0, 2048),
      /x\.tar: at offset 2048: expected a header of 512 bytes, but the archive ends/,
    ],
  ])('names the offset of the fault in %s', (_, damage, message) => {
    expect(() => readTar(damage(archive()), 'x.tar')).toThrow(message);
    expect(() => readTar(damage(archive()), 'x.tar')).toThrow(DataFileError);
  });
});
