// @ts-check
// Our case of the benchmark of the loss's memory.
import { readFileSync, writeFileSync } from 'node:fs';
import { memory } from 'intraclass/tensor';
import { cases as loss } from '../loss/ours.mjs';

/** Resident memory now (VmRSS) or at its highest (VmHWM), in bytes. @param {string} name */
function status(name) {
  const text = readFileSync('/proc/self/status', 'utf8');
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
  return 1024 * Number(/** @type {RegExpExecArray} */ (found)[1]);
}

/** The most that `work` takes beyond what is there before it. @param {() => void} work */
export function peakOf(work) {
  memory.emptyCache(); // what making the inputs has left behind is not to be used
  writeFileSync('/proc/self/clear_refs', '5'); // VmHWM starts again
  const before = status('VmRSS');
  work();
  return status('VmHWM') - before;
}

export const cases = {
  /** @param {import('../loss/ours.mjs').Settings} settings */
  loss(settings) {
    // What loading and starting costs is no part of the loss.
    loss.loss({ ...settings, shape: [8, 10, 4] }).run(3);
    const problem = loss.loss(settings);
    return { peak: () => peakOf(() => problem.run(1)) };
  },
};
