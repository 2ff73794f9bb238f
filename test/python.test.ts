/** Which Python the tests, the benchmarks and gpu:check take. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { findPython } from '../scripts/bench/sides.mjs';
import { pythonWith } from '../scripts/python.mjs';
import { useTemporaryFolder } from './support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A Python that can import what is named and nothing else. */
function python(name: string, has: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\ncase "$2" in *${has}*) exit 0;; esac\nexit 1\n`);
  chmodSync(path, 0o755);
  return path;
}

it('takes the one that is named, and no other in its place', () => {
  const named = python('mine', 'torch');
  vi.stubEnv('INTRACLASS_PYTHON', named);
  expect(pythonWith('import torch')).toBe(named);
  expect(pythonWith('import tensorflow')).toBeNull();
  vi.stubEnv('INTRACLASS_PYTHON', python('other', 'tensorflow'));
  expect(findPython).toThrow(/other cannot import torch and numpy/);
});

it('takes python3 where the project has none that will do', () => {
  vi.stubEnv('INTRACLASS_PYTHON', '');
  python('python3', 'something_that_no_package_is_called');
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  expect(pythonWith('import something_that_no_package_is_called')).toBe('python3');
  expect(pythonWith('import nothing_that_there_is')).toBeNull();
});
