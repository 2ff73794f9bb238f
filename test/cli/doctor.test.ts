import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { diagnose, doctor, type Finding, formatFindings } from '../../lib/cli/doctor.ts';
import { useTemporaryFolder } from '../support/folder.ts';

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
    for (const { state, fix } of findings) expect(state === 'found' || Boolean(fix)).toBe(true);
  });

  it('names commands that are there where the package is a dependency', async () => {
    vi.stubEnv('PATH', folder);
    vi.stubEnv('PYTHON', '');
    vi.stubEnv('LIBTORCH', '');
    vi.stubEnv('INTRACLASS_BUILD', 'cpu');
    const findings = await diagnose({ dataDir: folder, root: join(folder, 'node_modules', 'intraclass') });
    expect(find(findings, 'LibTorch')?.fix).toBe('npx intraclass-setup');
    expect(find(findings, 'addon loads')?.fix).toBe('npx intraclass-build');
    expect(find(findings, 'addon for CUDA')?.fix).toBe('npx intraclass-build --cuda');
    expect(formatFindings(findings)).not.toContain('npm run');
    // It has no tests and benchmarks, for which alone this is.
    expect(find(findings, 'Python torch')).toBeUndefined();
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
    expect(find(findings, 'LibTorch')).toMatchObject({ state: 'missing', fix: 'unset LIBTORCH' });
    expect(find(findings, 'addon loads')?.state).toBe('missing');
  });
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
      { name: 'CMake', state: 'absent', detail: 'cmake not found', fix: 'install cmake' },
      { name: 'LibTorch', state: 'found', detail: '2.13.0' },
    ]),
  ).toBe(
    [
      'absent   CMake     cmake not found',
      '                   → install cmake',
      'found    LibTorch  2.13.0',
    ].join('\n'),
  );
});
