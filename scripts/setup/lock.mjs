// @ts-check
// One set-up of a checkout at a time.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { withCleanUp } from './cleanup.mjs';
import { isAlive, statOf } from './processes.mjs';
import { log, root, SetupError, stampPath } from './steps.mjs';

/**
 * Runs `work` while no other process does so in this checkout.
 * @template T
 * @param {() => Promise<T>} work
 * @param {string} [lock] a file that is there while somebody is at it
 * @returns {Promise<T>}
 */
export async function exclusively(work, lock = stampPath('lock')) {
  try {
    return await withLock(work, lock);
  } catch (error) {
    const { code, path } = /** @type {NodeJS.ErrnoException} */ (error);
    if ((code !== 'EACCES' && code !== 'EROFS') || !path?.startsWith(root)) throw error;
    throw new SetupError(
      `${path} cannot be written (${code}): LibTorch and what is built go into the package's folder. Run this as ` +
        'its owner, or set LIBTORCH to a folder with an unpacked LibTorch: prebuilt binaries need nothing else.',
    );
  }
}

/** @template T @param {() => Promise<T>} work @param {string} lock @returns {Promise<T>} */
async function withLock(work, lock) {
  mkdirSync(dirname(lock), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, `${process.pid} ${startOf(process.pid)}`, { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(lock);
    if (holder === null) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!told && holder !== 0) {
      log(`waiting for another set-up of this checkout (process ${holder})`);
      told = true;
    }
    await new Promise((resume) => setTimeout(resume, 300));
  }
  return withCleanUp(work, () => rmSync(lock, { force: true }));
}

/** When a process began; '' where nothing says so. @param {number} pid */
const startOf = (pid) => statOf(pid)?.start ?? '';

/**
 * The living process that holds a lock, 0 for one that has not written its number yet, null where there is none.
 * @param {string} lock
 */
function holderOf(lock) {
  try {
    const [pid, start] = readFileSync(lock, 'utf8').split(' ');
    // Between its creation and its writing the file is empty: somebody has just taken it, or died just then.
    if (!pid) return Date.now() - statSync(lock).mtimeMs < 10_000 ? 0 : null;
    // The number of a process that is gone is given to another in time.
    if (start && startOf(Number(pid)) !== start) return null;
    return isAlive(Number(pid)) ? Number(pid) : null;
  } catch {
    return null; // released meanwhile
  }
}
