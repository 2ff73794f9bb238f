import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkPrebuilds, packageState } from '../../scripts/setup/prebuilt.mjs';
import { useTemporaryFolder } from '../support/folder.ts';
import { PackageCopy, write, writeCommand } from '../support/package-copy.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

it('what is published has complete binaries of its own version and sources', () => {
  expect(() => checkPrebuilds(folder)).toThrow('has no binaries. Type: npm run prebuilds');
  writeFileSync(join(folder, '.DS_Store'), '');
  expect(() => checkPrebuilds(folder)).toThrow('has no binaries. Type: npm run prebuilds');
  const target = join(folder, 'linux-x64');
  const info = (text: string) => writeFileSync(join(target, 'build-info.json'), text);
  const state = packageState();
  mkdirSync(target);
  info('{ "packageVersion"');
  for (const name of ['intraclass.node', 'loader.node']) writeFileSync(join(target, name), '');
  expect(() => checkPrebuilds(folder)).toThrow('prebuilds/linux-x64 lacks libintraclass_icu.so.');
  writeFileSync(join(target, 'libintraclass_icu.so'), '');
  expect(() => checkPrebuilds(folder)).toThrow(
    'prebuilds/linux-x64 has a build-info.json that is no JSON. On that platform type: npm run prebuilds',
  );
  info(JSON.stringify({ ...state, packageVersion: '0.0.0' }));
  expect(() => checkPrebuilds(folder)).toThrow(
    `is of version 0.0.0, expected ${state.packageVersion}. On that platform`,
  );
  info(JSON.stringify({ ...state, sources: 'others' }));
  expect(() => checkPrebuilds(folder)).toThrow('was built from other sources than those in native/ now. On');
  info(JSON.stringify(state));
  checkPrebuilds(folder);
});

describe('npm run prebuilds', () => {
  const platform = `${process.platform}-${process.arch}`;
  const library = `libintraclass_icu${process.platform === 'darwin' ? '.dylib' : '.so'}`;

  /** A copy with what stands in for prebuildify, which does `early` when it has written one file. */
  function copyWith(early: string) {
    const copy = new PackageCopy(folder, 'intraclass');
    write(join(copy.root, 'native', 'bridge.cpp'), 'first');
    const script = `
      out=.
      for each; do case "$each" in --out=*) out="\${each#--out=}";; esac; done
      made="$out/prebuilds/${platform}"
      mkdir -p build/Release "$made" && touch "$made/${library}"
      ${early}
      touch "$made/intraclass.node" build/Release/loader.node
      echo '{ "torchVersion": "2.13.0" }' > build/Release/build-info.json`;
    writeCommand(join(copy.root, 'node_modules', '.bin', 'prebuildify'), join(folder, 'log'), script);
    return copy;
  }

  it('keeps the binaries that are there until it has others', () => {
    const fail = join(folder, 'fail');
    const copy = copyWith(`if [ -e ${fail} ]; then exit 1; fi`);
    const target = join(copy.root, 'prebuilds', platform);
    const first = copy.type('prebuilds.mjs', [], {});
    expect(first.stderr).toContain(`ready in prebuilds/${platform}`);
    const names = ['build-info.json', 'intraclass.node', library, 'loader.node'].sort();
    expect(readdirSync(target).sort()).toEqual(names);
    write(fail, '');
    expect(copy.type('prebuilds.mjs', [], {}).status).toBe(1);
    expect(readdirSync(target).sort()).toEqual(names);
    expect(existsSync(join(copy.root, 'prebuilds.partial'))).toBe(false);
  });

  it('says what they were built from, and --check refuses them for other sources', () => {
    const copy = copyWith('');
    copy.type('prebuilds.mjs', [], {});
    const info = JSON.parse(readFileSync(join(copy.root, 'prebuilds', platform, 'build-info.json'), 'utf8'));
    expect(info).toEqual({
      torchVersion: '2.13.0',
      packageVersion: packageState().packageVersion,
      sources: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(copy.type('prebuilds.mjs', ['--check'], {}).status).toBe(0);
    write(join(copy.root, 'native', 'bridge.cpp'), 'second');
    const { status, stderr } = copy.type('prebuilds.mjs', ['--check'], {});
    expect(stderr).toContain('was built from other sources');
    expect(status).toBe(1);
  });
});
