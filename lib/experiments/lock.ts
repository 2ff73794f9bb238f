import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/** A file that says which process is at work, so that a second one leaves it alone. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the lock, or says who has it. A process that is gone, on this machine, has left its lock behind, and it is
 * taken over.
 */
export async function takeLock(path: string): Promise<Lock | { heldBy: string }> {
  const own = `${process.pid} on ${hostname()}`;
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 0; attempt < 2; attempt++) {
    // Written first and then linked: nobody ever reads a lock without its holder, and takes it for an old one.
    const whole = `${path}.${process.pid}`;
    try {
      await writeFile(whole, own);
      await link(whole, path);
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(whole, { force: true });
    }
    const holder = await readFile(path, 'utf8').catch(() => '');
    if (isAtWork(holder)) return { heldBy: holder };
    await rm(path, { force: true });
  }
  return { heldBy: 'another process' };
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
