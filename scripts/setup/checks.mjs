// @ts-check
// The checks that run no code: layout and lint (Biome, clang-format) and types.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { log, root, run, SetupError, seconds } from './steps.mjs';
import { bin } from './typescript.mjs';

/** Every C++ source: those in native/, and those of the tests and benchmarks. */
export const cppSources = () =>
  ['native', 'test', 'scripts'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(cpp|h|cu|cuh)$/.test(name))
      .map((name) => join(folder, name)),
  );

/** @type {{ name: string; fix: string; run: () => Promise<void> }[]} */
const CHECKS = [
  {
    name: 'Biome (layout and lint of TypeScript)',
    fix: 'npm run format',
    run: () => run(bin('biome'), ['check', '--error-on-warnings']),
  },
  {
    name: 'clang-format (layout of C++)',
    fix: 'npm run format',
    run: () => run(bin('clang-format'), ['--dry-run', '-Werror', ...cppSources()]),
  },
  {
    name: 'tsc (types, tests and scripts included)',
    fix: '',
    run: () => run(bin('tsc'), ['-p', 'tsconfig.check.json']),
  },
];

/** Runs them all. @returns {Promise<string[]>} the names of those that failed, whose output has been shown */
export async function runChecks() {
  const failed = [];
  for (const check of CHECKS) {
    const started = Date.now();
    try {
      await check.run();
      log(`${check.name}: clean (${seconds(started)})`);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      log(`${check.name}: failed${check.fix && `. To put right what can be, type: ${check.fix}`}`);
      failed.push(check.name);
    }
  }
  return failed;
}

/** Puts layout and what Biome can repair right. */
export async function runFormat() {
  await run(bin('biome'), ['check', '--write'], { output: 'show' });
  await run(bin('clang-format'), ['-i', ...cppSources()], { output: 'show' });
}
