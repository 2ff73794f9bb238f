import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { root } from '../../scripts/setup/steps.mjs';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeTorch, PackageCopy, write } from '../support/package-copy.ts';

let folder: string;
let copy: PackageCopy;
useTemporaryFolder((path) => {
  folder = path;
});

/** In the place of cmake: writes what the configuration and the build write; the build fails where there is a file `fail`. */
beforeEach(() => {
  copy = new PackageCopy(folder, 'intraclass');
  copy.command('c++', 'echo');
  copy.command(
    'cmake',
    `release=${join(copy.root, 'build', 'Release')}
     case "$*" in
       --version) echo cmake version 3.30;;
       --build*) if [ -e ${join(folder, 'fail')} ]; then exit 1; fi; touch $release/intraclass.node;;
       *)
         mkdir -p "$4" $release
         if [ ! -e "$4/CMakeCache.txt" ]; then echo from nothing >> ${join(folder, 'log')}; fi
         echo "CMAKE_HOME_DIRECTORY:INTERNAL=$2" > "$4/CMakeCache.txt"
         echo '{ "torchVersion": "2.13.0" }' > $release/build-info.json;;
     esac`,
  );
});

const build = (args: string[] = [], env: Record<string, string> = {}) =>
  copy.type('build.mjs', args, {
    LIBTORCH: makeTorch(join(folder, 'libtorch'), '2.13.0'),
    CXX: 'c++',
    ...env,
  });

const builds = () => copy.log().match(/^--build/gm)?.length ?? 0;

describe('the native build', () => {
  beforeEach(() => {
    for (const name of ['node-addon-api', 'node-api-headers']) {
      write(join(copy.root, 'node_modules', name, 'package.json'), '{}');
    }
  });

  it('is done once', () => {
    for (const turn of [1, 2]) {
      const { status, stderr } = build(['--native-only']);
      expect(status, `${turn}: ${stderr}`).toBe(0);
    }
    expect(builds()).toBe(1);
  });

  it('begins from nothing for another compiler or other GPUs, and only then', () => {
    // For another LibTorch each time, since there is nothing to do otherwise.
    let version = 10;
    const anew = (env: Record<string, string>) => {
      const before = copy.log().length;
      const LIBTORCH = makeTorch(join(folder, `libtorch-${++version}`), `2.${version}.0`);
      expect(build(['--native-only'], { LIBTORCH, ...env }).status).toBe(0);
      return copy.log().slice(before).includes('from nothing');
    };
    const other = copy.command('other', 'echo');
    expect(anew({})).toBe(true);
    expect(anew({})).toBe(false);
    expect(anew({ CXX: other })).toBe(true);
    expect(anew({ CXX: other })).toBe(false);
    expect(anew({ CUDAARCHS: '80' })).toBe(true);
    expect(anew({})).toBe(true);
  });

  it('makes damaged binaries anew', () => {
    build(['--native-only']);
    write(join(copy.root, 'build', 'Release', 'build-info.json'), '{ "torchV');
    expect(build(['--native-only']).status).toBe(0);
    expect(builds()).toBe(2);
  });

  it('with another LibTorch that failed leaves nothing that counts as built', () => {
    build(['--native-only']);
    write(join(folder, 'fail'), '');
    const other = makeTorch(join(folder, 'other'), '2.14.0');
    expect(build(['--native-only'], { LIBTORCH: other }).status).toBe(1);
    rmSync(join(folder, 'fail'));
    expect(build(['--native-only']).status).toBe(0);
    expect(builds()).toBe(3);
  });
});

it('TypeScript that did not compile leaves nothing that counts as compiled', () => {
  symlinkSync(join(root, 'node_modules'), join(copy.root, 'node_modules'));
  write(join(copy.root, 'tsconfig.json'), readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const source = join(copy.root, 'lib', 'native.ts');
  const compiled = join(copy.root, 'dist', 'native.js');
  write(source, 'export const size: number = 1;\n');
  expect(build().stderr).toContain('build: done');
  write(source, "export const size: number = 'one';\n");
  const { status, stderr } = build();
  expect(stderr).toContain("native.ts(1,14): error TS2322: Type 'string'");
  expect(status).toBe(1);
  expect(existsSync(compiled)).toBe(false);
  write(source, 'export const size: number = 1;\n');
  expect(build().stderr).toContain('build: done');
  expect(readFileSync(compiled, 'utf8')).toContain('size = 1');
});
