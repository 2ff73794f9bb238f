// @ts-check
// What the system says of processes.
import { readFileSync } from 'node:fs';

/**
 * The state of a process, its group and when it began, in Linux's own count; null where there is no such process, and on
 * other systems.
 * @param {number} pid
 */
export function statOf(pid) {
  try {
    // pid (name) state parent group …: the name may hold anything, brackets too.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return { state: fields[0] ?? '', group: Number(fields[2]), start: fields[19] ?? '' };
  } catch {
    return null;
  }
}

/** Of a process that has ended there is a remnant until its parent asks for it, which the first of a container may never do. */
export const hasEnded = (/** @type {{ state: string }} */ { state }) => state === 'Z';

/** Whether a process runs. @param {number} pid */
export function isAlive(pid) {
  const stat = statOf(pid);
  if (stat !== null && hasEnded(stat)) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'; // somebody else's
  }
}
