// @ts-check
// What the steps of npm run gpu:check found, in a file of JSON lines if there is one, so that several calls make one page.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { SetupError, shown } from '../setup/steps.mjs';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {boolean | null} ok null where it could not run
 * @property {string} detail
 *
 * @typedef {object} Timing a line of bench.py
 * @property {[number, number, number]} shape N, K, D
 * @property {string} covariance
 * @property {string} state
 * @property {string} side
 * @property {number} [ms]
 * @property {number} [low]
 * @property {number} [high]
 * @property {number | null} [MiB]
 * @property {string} [why] instead of the figures
 *
 * @typedef {{ step: string; checks: Check[]; timings: Timing[] }} Outcome
 * @typedef {{ gpu: import('./machine.mjs').Gpu; versions: Record<string, string>; date: string }} About
 */

/** The lines of JSON in a program's output, without one that was cut off. @template T @param {string} output @returns {T[]} */
export const parseLines = (output) =>
  output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });

/** Whether a step came to anything: to be told that a tool is missing is nothing. @param {Outcome | undefined} outcome */
export const hasRun = (outcome) =>
  outcome !== undefined &&
  (outcome.checks.some(({ ok }) => ok !== null) || outcome.timings.some(({ ms }) => ms !== undefined));

/**
 * The outcomes by step, those of the file included.
 * @param {About} about this machine
 * @param {string | undefined} file
 * @throws {SetupError} where the file is of another GPU: figures of two do not belong on one page
 */
export function openResults(about, file) {
  /** @type {Map<string, Outcome>} */
  const done = new Map();
  const write = (/** @type {object} */ line) => {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
  };
  if (file !== undefined && existsSync(file)) {
    for (const line of /** @type {({ about?: About } & Outcome)[]} */ (
      parseLines(readFileSync(file, 'utf8'))
    )) {
      if (line.about === undefined) done.set(line.step, line);
      else if (line.about.gpu.name !== about.gpu.name) {
        throw new SetupError(
          `${shown(file)} has results of ${line.about.gpu.name}, and this is ${about.gpu.name}: name another file`,
        );
      }
    }
    // Behind a line that was cut off.
    appendFileSync(file, '\n');
  }
  write({ about });
  return {
    done,
    /** @param {Outcome} outcome */
    record(outcome) {
      done.set(outcome.step, outcome);
      write(outcome);
    },
  };
}
