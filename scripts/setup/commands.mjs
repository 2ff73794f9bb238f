// @ts-check
// The commands that run just now. Each leads a process group of its own, so that all that it has started can be ended
// with it: `cmake --build` lets no signal through to what it waits for, and a signal to this process reaches it alone.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

/** How long commands have to end by themselves, in milliseconds. */
const PATIENCE = 10_000;

/** The groups' numbers, which are those of the commands. @type {Set<number>} */
const running = new Set();

/** @type {Promise<void> | null} */
let ending = null;

/** Whether they are being ended, and their failures are none. */
export const isEnding = () => ending !== null;

/** @param {number} group @param {NodeJS.Signals | 0} signal @returns whether it has anybody in it */
function signalTo(group, signal) {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/**
 * Whether a process of the group still runs. Of one that has ended there may be a remnant, which can be signalled: as a
 * child of the first process of a container, which may be one that collects none.
 * @param {number} group
 */
function isRunning(group) {
  if (!signalTo(group, 0)) return false;
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      // pid (name) state parent group …
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, , of] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(of) === group && state !== 'Z';
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

function endAtExit() {
  for (const group of running) signalTo(group, 'SIGTERM');
}

/**
 * Has a command end with this process. It must have been started `detached`.
 * @param {ChildProcess} child
 */
export function endWithThis(child) {
  const { pid } = child;
  if (pid === undefined) return; // it could not be started
  // Before all else at the exit, which removes the folder that it writes into.
  if (running.size === 0) process.prependListener('exit', endAtExit);
  running.add(pid);
  child.once('close', () => {
    if (ending !== null) return;
    running.delete(pid);
    if (running.size === 0) process.off('exit', endAtExit);
  });
}

/** Ends them and waits until they are gone: only then may others take what they have worked on. */
export function endCommands() {
  ending ??= endAll();
  return ending;
}

async function endAll() {
  endAtExit();
  const started = Date.now();
  const left = () => [...running].filter(isRunning);
  for (let groups = left(); groups.length > 0; groups = left()) {
    const waited = Date.now() - started;
    if (waited > 2 * PATIENCE) return;
    if (waited > PATIENCE) for (const group of groups) signalTo(group, 'SIGKILL');
    await setTimeout(20);
  }
  running.clear();
}
