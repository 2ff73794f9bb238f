import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { diagnose, doctor, type Finding, formatFindings } from '../../lib/cli/doctor.ts';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeTorch, write } from '../support/package-copy.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const find = (findings: Finding[], name: string) => findings.find((finding) => finding.name === name);

describe('diagnose', () => {
  it('finds what this test runs on', async () => {
    const findings = await diagnose();
    for (const name of ['Node.js', 'LibTorch', 'addon', 'addon loads']) {
      expect(find(findings, name)).toMatchObject({ name, state: 'found' });
    }
    expect(find(findings, 'Node.js')?.detail).toBe(process.version);
  });

  it('gives each part that is not there something to type', async () => {
    vi.stubEnv('PATH', folder);
    vi.stubEnv('PYTHON', '');
    vi.stubEnv('CXX', '');
    const findings = await diagnose({ dataDir: folder });
    expect(find(findings, 'CMake')).toMatchObject({
      state: 'absent',
      fix: expect.stringContaining('install cmake'),
    });
    for (const { state, detail, fix } of findings) {
      expect(state === 'found' || Boolean(fix) || /type: /i.test(detail)).toBe(true);
    }
  });

  it('names commands that are there where the package is a dependency', async () => {
    vi.stubEnv('PATH', folder);
    vi.stubEnv('PYTHON', '');
    vi.stubEnv('LIBTORCH', '');
    vi.stubEnv('INTRACLASS_BUILD', 'cpu');
    const findings = await diagnose({ dataDir: folder, root: join(folder, 'node_modules', 'intraclass') });
    expect(find(findings, 'LibTorch')?.fix).toBe('npx intraclass-setup');
    expect(find(findings, 'addon loads')?.detail).toContain('In your project type: npx intraclass-build');
    expect(find(findings, 'addon for CUDA')?.fix).toBe('npx intraclass-build --cuda');
    expect(formatFindings(findings)).not.toContain('npm run');
    // It has no tests and benchmarks, for which alone this is.
    expect(find(findings, 'Python torch')).toBeUndefined();
  });

  it('looks for the C++ compiler in CXX', async () => {
    const found = async () => find(await diagnose({ dataDir: folder }), 'C++ compiler');
    vi.stubEnv('CXX', '');
    expect((await found())?.detail).not.toMatch(/^ not found/);
    vi.stubEnv('CXX', join(folder, 'none'));
    expect(await found()).toMatchObject({ state: 'absent', fix: 'unset CXX' });
  });

  it('looks for nvcc where the build does: in CUDACXX alone where that is set', async () => {
    vi.stubEnv('CUDACXX', join(folder, 'none'));
    expect(find(await diagnose({ dataDir: folder }), 'nvcc')).toMatchObject({
      state: 'absent',
      detail: expect.stringContaining(`${join(folder, 'none')} not found; needed for`),
      fix: 'unset CUDACXX',
    });
  });

  it('looks for MNIST in the data folder', async () => {
    expect(find(await diagnose({ dataDir: folder }), 'MNIST')?.state).toBe('absent');
    mkdirSync(join(folder, 'mnist'));
    writeFileSync(join(folder, 'mnist', 'train-images-idx3-ubyte.gz'), '');
    const found = { state: 'found', detail: `in ${join(folder, 'mnist')}` };
    expect(find(await diagnose({ dataDir: folder }), 'MNIST')).toMatchObject(found);
  });

  it('reports a wrong LIBTORCH instead of failing', async () => {
    vi.stubEnv('LIBTORCH', folder);
    const findings = await diagnose();
    for (const name of ['LibTorch', 'addon loads']) {
      const detail = expect.stringMatching(
        /which is no LibTorch: .*\nType: unset LIBTORCH && npm run setup$/,
      );
      expect(find(findings, name)).toEqual({ name, state: 'missing', detail });
    }
  });
});

describe('what to type for a package', () => {
  /** Makes the folder a package with binaries, and looks at it. */
  const look = async (name: string, { cuda = false, info = '{ "torchVersion": "2.13.0" }' } = {}) => {
    write(join(folder, 'package-lock.json'), '');
    const binaries = join(folder, cuda ? 'build-cuda' : 'build', 'Release');
    write(join(binaries, 'intraclass.node'), '');
    write(join(binaries, 'build-info.json'), info);
    return find(await diagnose({ dataDir: folder, root: folder }), name);
  };
  const libtorch = (version: string) => {
    const path = makeTorch(join(folder, 'libtorch'), version);
    for (const suffix of ['so', 'dylib']) write(join(path, 'lib', `libtorch_cuda.${suffix}`), '');
    return path;
  };

  beforeEach(() => {
    vi.stubEnv('PYTHON', '');
    vi.stubEnv('PATH', folder);
    vi.stubEnv('LIBTORCH', '');
    vi.stubEnv('INTRACLASS_BUILD', 'cpu');
  });

  it('whose LibTorch is missing is to fetch it, not to build again', async () => {
    const { detail, fix } = (await look('addon loads'))!;
    expect(detail).toContain('LibTorch 2.13 was not found.');
    expect(detail).toContain('type: npm run setup\n');
    expect(fix).toBeUndefined();
  });

  it('whose LIBTORCH is too old begins with that', async () => {
    vi.stubEnv('LIBTORCH', libtorch('2.5.0'));
    expect((await look('LibTorch'))?.fix).toBe('unset LIBTORCH && npm run setup');
    expect((await look('addon loads'))?.detail).toContain(
      'npm run build\nor unset LIBTORCH, or set it to a folder with LibTorch 2.13.',
    );
  });

  it('whose own LibTorch is too old is to fetch another', async () => {
    makeTorch(join(folder, '.libtorch'), '2.5.0');
    expect((await look('LibTorch'))?.fix).toBe('npm run setup -- --force');
  });

  it('with an INTRACLASS_BUILD that is none is to unset it', async () => {
    vi.stubEnv('INTRACLASS_BUILD', 'gpu');
    expect((await look('addon loads'))?.detail).toBe(
      'INTRACLASS_BUILD must be cpu or cuda, got "gpu". Type: unset INTRACLASS_BUILD',
    );
  });

  it('for CUDA names CUDA', async () => {
    vi.stubEnv('INTRACLASS_BUILD', 'cuda');
    vi.stubEnv('LIBTORCH', libtorch('2.13.0'));
    const missing = await look('addon loads', { cuda: true });
    expect(missing).toMatchObject({
      detail: `${join(folder, 'dist', 'native.js')} is missing`,
      fix: 'npm run build -- --cuda',
    });
    write(join(folder, 'dist', 'native.js'), "throw new Error('no such symbol');");
    expect(await look('addon loads', { cuda: true })).toMatchObject({
      detail: 'no such symbol',
      fix: 'unset LIBTORCH && npm run setup -- --cuda --force && npm run build -- --cuda',
    });
  });

  it.each(['', '{ "torchVersion": "2.1', '{}', 'null'])(
    'with a damaged build-info.json: %j',
    async (info) => {
      const path = join(folder, 'build', 'Release', 'build-info.json');
      const detail = `${path} is damaged. Type: rm "${path}" && npm run build`;
      for (const name of ['addon', 'addon loads']) {
        expect(await look(name, { info })).toEqual({ name, state: 'missing', detail });
      }
    },
  );
});

describe('doctor', () => {
  it('prints JSON, and says whether one can train', async () => {
    let text = '';
    const print = (line: string) => {
      text += line;
    };
    expect(await doctor({ json: true, print })).toBe(true);
    expect(JSON.parse(text).map(({ name }: Finding) => name)).toContain('LibTorch');
    vi.stubEnv('LIBTORCH', folder);
    expect(await doctor({ print })).toBe(false);
  });
});

it('formatFindings sets columns, with what to type below', () => {
  expect(
    formatFindings([
      { name: 'CMake', state: 'absent', detail: 'cmake not found\nanywhere', fix: 'install cmake' },
      { name: 'LibTorch', state: 'found', detail: '2.13.0' },
    ]),
  ).toBe(
    [
      'absent   CMake     cmake not found',
      '                   anywhere',
      '                   → install cmake',
      'found    LibTorch  2.13.0',
    ].join('\n'),
  );
});
