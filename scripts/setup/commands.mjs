// @ts-check
// The commands that run just now. Each leads a process group of its own, so that all that it has started can be ended
// with it: `cmake --build` lets no signal through to what it waits for, and a signal to this process reaches it alone.
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { hasEnded, statOf } from './processes.mjs';

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

/** Whether a process of the group still runs. @param {number} group */
function isRunning(group) {
  if (!signalTo(group, 0)) return false;
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((name) => {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    return stat?.group === group && !hasEnded(stat);
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
