import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpack } from '../../scripts/setup/libtorch.mjs';
import { SetupError } from '../../scripts/setup/steps.mjs';
import { makeTorch, PackageCopy, write } from '../support/package-copy.ts';
import { makeZip } from '../support/zip.ts';

let folder: string;
let target: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'intraclass-'));
  target = join(folder, 'target');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const VERSION = "__version__ = '2.13.0+cpu'\n";

/** What a LibTorch consists of, and what comes with it that is not needed. */
const PARTS = {
  'lib/libtorch_cpu.so': 'library',
  'lib/libc10.so': 'library',
  'lib/libgomp.so.1': 'library',
  'lib/libtorch_python.so': 'unused',
  'lib/libtorch_cpu.a': 'unused',
  'include/ATen/ATen.h': 'header',
  'include/torch/csrc/deep/er.h': 'header',
  'bin/protoc': 'unused',
  'nn/__init__.py': 'unused',
};
const NEEDED = [
  'include/ATen/ATen.h',
  'include/torch/csrc/deep/er.h',
  'lib/libc10.so',
  'lib/libgomp.so.1',
  'lib/libtorch_cpu.so',
];

const under = (prefix: string, more: Record<string, string>) =>
  Object.entries({ ...PARTS, ...more }).map(([name, text]) => ({
    name: prefix + name,
    data: Buffer.from(text),
  }));

function zip(prefix: string, more: Record<string, string>, others: Record<string, string> = {}) {
  const path = join(folder, 'source.zip');
  const beside = Object.entries(others).map(([name, text]) => ({ name, data: Buffer.from(text) }));
  writeFileSync(path, makeZip([...under(prefix, more), ...beside]));
  return path;
}

function tree(prefix: string, more: Record<string, string>) {
  for (const { name, data } of under(prefix, more)) {
    const path = join(folder, 'source', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }
  return join(folder, 'source');
}

const unpacked = () =>
  readdirSync(target, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(target.length + 1))
    .sort();

describe('unpack takes the needed parts', () => {
  it('of a wheel, with the libraries that it bundles', async () => {
    const others = {
      'torch.libs/libopenblas.so.0': 'library',
      'torch-2.13.0.dist-info/METADATA': 'metadata',
    };
    await unpack(zip('torch/', { 'version.py': VERSION }, others), target);
    expect(unpacked()).toEqual([...NEEDED, 'METADATA', 'lib/libopenblas.so.0', 'version.py'].sort());
    expect(readFileSync(join(target, 'version.py'), 'utf8')).toBe(VERSION);
  });

  it('of a LibTorch archive', async () => {
    await unpack(zip('libtorch/', { 'build-version': '2.13.0+cpu\n' }), target);
    expect(unpacked()).toEqual([...NEEDED, 'build-version'].sort());
  });

  it.each(['', 'torch/', 'libtorch/'])('of a folder, below "%s"', async (prefix) => {
    await unpack(tree(prefix, { 'version.py': VERSION }), target);
    expect(unpacked()).toEqual([...NEEDED, 'version.py'].sort());
  });

  it('in place of what was there', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'old'), '');
    await unpack(zip('torch/', { 'version.py': VERSION }), target);
    expect(existsSync(join(target, 'old'))).toBe(false);
  });
});

describe('unpack refuses', () => {
  it('an archive that holds no LibTorch, and leaves what was there', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'old'), '');
    const path = join(folder, 'source.zip');
    writeFileSync(path, makeZip([{ name: 'readme.txt', data: Buffer.from('') }]));
    await expect(unpack(path, target)).rejects.toThrow(`${path} holds no LibTorch: expected lib/, include/`);
    expect(readdirSync(folder).sort()).toEqual(['source.zip', 'target']);
    expect(readdirSync(target)).toEqual(['old']);
  });

  it('an archive that is damaged or writes elsewhere, and leaves nothing of it', async () => {
    const data = Buffer.from('library');
    const path = join(folder, 'source.zip');
    const library = 'torch/lib/libtorch_cpu.so';
    writeFileSync(path, makeZip([{ name: library, data, packed: Buffer.from('Library'), method: 0 }]));
    await expect(unpack(path, target)).rejects.toThrow(`${path}: ${library} has the CRC-32 `);
    writeFileSync(path, makeZip([{ name: 'torch/include/../../escaped.h', data }]));
    await expect(unpack(path, target)).rejects.toThrow(SetupError);
    expect(readdirSync(folder)).toEqual(['source.zip']);
  });

  it('one without a version', async () => {
    await expect(unpack(zip('torch/', {}), target)).rejects.toThrow('version.py or build-version');
  });
});

describe('in an installed package, that is a dependency of another,', () => {
  let copy: PackageCopy;
  beforeEach(() => {
    copy = new PackageCopy(folder, 'app/node_modules/other/node_modules/intraclass');
    for (const name of ['node-addon-api', 'node-api-headers']) {
      write(join(folder, 'app/node_modules', name, 'package.json'), '{}');
    }
  });

  it('set-up fetches the LibTorch of the binaries, whatever torch Python has', () => {
    const binaries = join(copy.root, 'prebuilds', `${process.platform}-${process.arch}`);
    write(join(binaries, 'intraclass.node'), '');
    write(join(binaries, 'build-info.json'), '{ "torchVersion": "2.12.1" }');
    const other = makeTorch(join(folder, 'site', 'torch'), '2.14.0');
    const python = copy.command('python3', `case "$*" in -c*) echo ${other};; *version) ;; *) exit 1;; esac`);
    const { status, stderr } = copy.type('setup.mjs', [], { PYTHON: python });
    expect(stderr).toContain('npx intraclass-setup --from <folder, zip or wheel>');
    expect(status).toBe(1);
    expect(copy.log()).toContain('torch==2.12.1');
  });

  it.each(['', 'no/such/folder'])('set-up with --from "%s" fetches nothing', (from) => {
    const python = copy.command('python3', '');
    const { status, stderr } = copy.type('setup.mjs', ['--from', from], { PYTHON: python });
    expect(stderr).toBe(
      `\nerror: --from: expected a folder, a zip archive or a torch wheel, and there is none at "${from}"\n`,
    );
    expect(status).toBe(1);
    expect(copy.log()).toBe('');
  });

  it('the build tells CMake where the headers are', () => {
    copy.command('cmake', 'echo cmake version 3.30');
    copy.command('c++', 'echo');
    const { status, stderr } = copy.type('build.mjs', ['--native-only'], {
      LIBTORCH: makeTorch(join(folder, 'libtorch'), '2.13.0'),
      CXX: 'c++',
    });
    expect(stderr).toContain('build: done');
    expect(status).toBe(0);
    const log = copy.log();
    const modules = join(realpathSync(folder), 'app/node_modules');
    expect(log).toContain(`-DNODE_ADDON_API=${join(modules, 'node-addon-api')} `);
    expect(log).toContain(`-DNODE_API_HEADERS=${join(modules, 'node-api-headers/include')} `);
  });
});
