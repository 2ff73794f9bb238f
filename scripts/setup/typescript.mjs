// @ts-check
// lib/ → dist/, when lib/ or the compiler's settings changed.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, log, root, run, seconds, step } from './steps.mjs';

export const bin = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name);

export async function ensureTypeScript() {
  if (!existsSync(bin('tsc'))) return; // an installed copy of this package comes with dist/
  const hash = hashOf(['lib', 'tsconfig.json', 'node_modules/typescript/package.json']);
  await step('typescript', hash, compile, { there: existsSync(join(root, 'dist', 'native.js')) });
}

async function compile() {
  const started = Date.now();
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  await run(bin('tsc'), ['-p', 'tsconfig.json']);
  log(`TypeScript: compiled lib/ into dist/ (${seconds(started)})`);
}
