import { join } from 'node:path';
import { expect, it } from 'vitest';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeTorch, PackageCopy, write } from '../support/package-copy.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

it.each([
  [],
  ['mnist-100d'],
  ['--model', 'mnist-100d', '--loss', 'ce'],
  ['--resume', 'runs/one'],
  ['--help'],
])('npm start hands on what was typed, and no other settings: %j', (...args) => {
  const copy = new PackageCopy(folder, 'intraclass');
  for (const name of ['node-addon-api', 'node-api-headers']) {
    write(join(copy.root, 'node_modules', name, 'package.json'), '{}');
  }
  write(join(copy.root, 'build', 'Release', 'intraclass.node'), '');
  write(join(copy.root, 'dist', 'native.js'), '');
  write(join(copy.root, 'dist', 'cli', 'main.js'), 'console.log(JSON.stringify(process.argv.slice(2)));');
  copy.command('cmake', 'echo cmake version 3.30');
  copy.command('c++', 'echo');
  const { stdout, stderr } = copy.type('start.mjs', args, {
    LIBTORCH: makeTorch(join(folder, 'libtorch'), '2.13.0'),
    CXX: 'c++',
  });
  expect(stdout, stderr).toBe(`${JSON.stringify(['train', ...args])}\n`);
});
