import { mkdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { writeNew } from '../data/files.ts';

/** A file that says which process is at work, so that a second one leaves it alone. */
export interface Lock {
  release(): Promise<void>;
}

/** The locks that this process has: of its own number without one an earlier process was the holder. */
const held = new Set<string>();

/**
 * Takes the lock, or says who has it. A process that is gone, on this machine, has left its lock behind, and it is
 * taken over.
 */
export async function takeLock(path: string): Promise<Lock | { heldBy: string }> {
  const own = `${process.pid} on ${hostname()}`;
  const key = resolve(path);
  if (held.has(key)) return { heldBy: own };
  held.add(key);
  try {
    const heldBy = await takeFile(path, own);
    if (heldBy !== null) {
      held.delete(key);
      return { heldBy };
    }
  } catch (error) {
    held.delete(key);
    throw error;
  }
  return {
    async release() {
      await rm(path, { force: true });
      held.delete(key);
    },
  };
}

/** @returns who has it; null where it is ours now */
async function takeFile(path: string, own: string): Promise<string | null> {
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 0; attempt < 2; attempt++) {
    if (await writeNew(path, own)) return null;
    const holder = await holderOf(path);
    if (holder !== null && isAtWork(holder)) return holder;
    await clear(path);
  }
  return 'another process';
}

const holderOf = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);

/**
 * Removes the lock of a process that is gone. Only one process does so at a time, and reads it again first: another may
 * have taken it over by now, and its lock must stay.
 */
async function clear(path: string): Promise<void> {
  const guard = `${path}.old`;
  if (!(await writeNew(guard, ''))) return;
  try {
    const holder = await holderOf(path);
    if (holder !== null && !isAtWork(holder)) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** Whether the process of a lock may still be running; of another machine's nothing is known. */
function isAtWork(holder: string): boolean {
  const [, pid, host] = /^(\d+) on (.*)$/.exec(holder) ?? [];
  if (pid === undefined || (host === hostname() && Number(pid) === process.pid)) return false;
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
