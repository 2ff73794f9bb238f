// @ts-check
// What a job leaves behind is removed however the job ends: a signal would end the process without its `finally`.
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { endCommands } from './commands.mjs';

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);

/**
 * Lets a signal end the process by an exit, at which 'exit' listeners run, with the code that shells give for it; the
 * commands that it runs end first.
 * @param {() => void} [tell] called before
 * @returns {() => void} takes this back
 */
export function exitOnSignals(tell = () => {}) {
  const exit = async (/** @type {NodeJS.Signals} */ signal) => {
    tell();
    await endCommands();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, exit);
  return () => {
    for (const signal of SIGNALS) process.off(signal, exit);
  };
}

/**
 * Runs `work`, then `clean`: also where `work` fails, or the process ends meanwhile.
 * @template T
 * @param {() => Promise<T>} work
 * @param {() => void} clean
 * @param {() => void} [tell] called before where a signal ends the process
 * @returns {Promise<T>}
 */
export async function withCleanUp(work, clean, tell) {
  const takeBack = exitOnSignals(tell);
  // What was begun last is cleaned up first: a lock is given back once nothing of the job is left.
  process.prependListener('exit', clean);
  try {
    return await work();
  } finally {
    process.off('exit', clean);
    takeBack();
    clean();
  }
}

/** Removes a folder, into which a process that is just being ended may still write. @param {string} path */
export const removeFolder = (path) => rmSync(path, { recursive: true, force: true, maxRetries: 5 });

/**
 * Runs `work` with a folder that is gone afterwards.
 * @template T
 * @param {(folder: string) => Promise<T>} work
 */
export function withTemporaryFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'intraclass-'));
  return withCleanUp(
    () => work(folder),
    () => removeFolder(folder),
  );
}
