// @ts-check
// npm packages: installed when node_modules differs from package-lock.json.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { log, root, run, seconds } from './steps.mjs';

/** @typedef {{ packages: Record<string, { version?: string; optional?: boolean; resolved?: string }> }} Lock */

/** @param {string} path @returns {Lock | null} */
function readLock(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

/** Whether npm's record of what it installed has every package of the lock file in that version. */
function installed() {
  const wanted = readLock(join(root, 'package-lock.json'));
  const present = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (!wanted || !present) return false;
  return Object.entries(wanted.packages).every(
    ([path, { version, optional }]) =>
      path === '' ||
      (present.packages[path] ? present.packages[path].version === version : optional === true),
  );
}

export async function ensurePackages() {
  // An installed copy of this package has its dependencies beside it, not a lock file.
  if (!existsSync(join(root, 'package-lock.json')) || installed()) return;
  log('npm packages: installing');
  const started = Date.now();
  await run(
    'npm',
    [existsSync(join(root, 'node_modules')) ? 'install' : 'ci', '--include=dev', '--no-audit', '--no-fund'],
    {
      hint: 'The npm registry must be reachable. To see more, type: npm ci',
    },
  );
  log(`npm packages: installed (${seconds(started)})`);
}
