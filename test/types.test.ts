/** The package's types as a user's compiler sees them: the .d.ts files in dist/, checked as well. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/setup/steps.mjs';
import { bin } from '../scripts/setup/typescript.mjs';
import { useTemporaryFolder } from './support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

/** What TypeScript says of a program, nothing where it has no complaint. */
function complaints(program: string): string {
  const file = join(folder, 'program.ts');
  writeFileSync(file, `import * as intraclass from '${join(root, 'dist', 'index.js')}';\n${program}`);
  const options =
    '--ignoreConfig --noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false --module nodenext --target es2022 ' +
    '--lib es2023,esnext.disposable --types node';
  const types = ['--typeRoots', join(root, 'node_modules', '@types')];
  const { stdout, stderr } = spawnSync(bin('tsc'), [...options.split(' '), ...types, file], {
    encoding: 'utf8',
  });
  return stdout + stderr;
}

it('compile for a strict user, and show nothing internal', { timeout: 120_000 }, () => {
  const program = `
    const t: intraclass.Tensor = intraclass.tensor([[1, 2]] as const);
    const net = new intraclass.nn.Linear(2, 2);
    t.mean().item() + net.parameters().length;
    // @ts-expect-error
    t.handle;
    // @ts-expect-error
    t.handle = 3;
    // @ts-expect-error
    t.owningScope;
    // @ts-expect-error
    t.replaceData(t);
    // @ts-expect-error
    new intraclass.Generator().id;
  `;
  expect(complaints(program)).toBe('');
  expect(complaints('intraclass.tensor("1");')).toMatch(/program\.ts\(2,\d+\): error/);
});
