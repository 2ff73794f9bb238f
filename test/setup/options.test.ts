import { expect, it } from 'vitest';
import { useTemporaryFolder } from '../support/folder.ts';
import { PackageCopy } from '../support/package-copy.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const unknown = (option: string) => `Unknown option '${option}'\nTo see the options, add --help`;

it.each([
  ['build.mjs', '--link-only', '--link-only goes with --cuda'],
  ['setup.mjs', '--no-runtime', '--no-runtime goes with --cuda'],
  ['check.mjs', '--all', unknown('--all')],
  ['prebuilds.mjs', '--all', unknown('--all')],
])('%s refuses %s alone', (script, option, message) => {
  const copy = new PackageCopy(folder, 'intraclass');
  const { status, stderr } = copy.type(script, [option], {});
  expect(stderr).toBe(`\nerror: ${message}\n`);
  expect(status).toBe(1);
});

it.each(['build.mjs', 'setup.mjs', 'check.mjs', 'prebuilds.mjs'])('%s has a --help', (script) => {
  const copy = new PackageCopy(folder, 'intraclass');
  const { status, stdout } = copy.type(script, ['--help'], {});
  expect(stdout).toMatch(/^npm run |^npx intraclass-/);
  expect(status).toBe(0);
});
