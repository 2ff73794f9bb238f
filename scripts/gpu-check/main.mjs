// @ts-check
// Which steps of npm run gpu:check are due, and the page after each of them.
import { readFileSync, writeFileSync } from 'node:fs';
import { log, SetupError, shown } from '../setup/steps.mjs';
import { writeReport } from './report.mjs';
import { hasRun, openResults } from './results.mjs';

/**
 * @typedef {import('./results.mjs').About} About
 * @typedef {import('./results.mjs').Outcome} Outcome
 * @typedef {import('./steps.mjs').Step} Step
 *
 * @typedef {object} Choice
 * @property {readonly string[]} [only] kinds of steps
 * @property {readonly string[]} [shapes] of the benchmark, as N,K,D
 */

const unique = (/** @type {readonly string[]} */ names) => [...new Set(names)];

/**
 * The steps to run: those that are named, or all that have not run yet, and before them the build where they need it.
 * @param {readonly Step[]} steps
 * @param {ReadonlyMap<string, Outcome>} done
 * @param {Choice} choice
 * @throws {SetupError} where there is nothing of that name
 */
export function choose(steps, done, { only, shapes }) {
  const kinds = unique(steps.map(({ kind }) => kind));
  const problems = unique(steps.flatMap(({ shape }) => (shape ? [shape.join()] : [])));
  for (const [option, given, known] of /** @type {const} */ ([
    ['only', only, kinds],
    ['shape', shapes, problems],
  ])) {
    const strange = given?.find((name) => !known.includes(name));
    if (strange !== undefined) {
      throw new SetupError(`--${option}: there is no ${strange}; there are ${known.join(' ')}`);
    }
  }
  const due = steps.filter(
    ({ name, kind, shape }) =>
      (only === undefined ? !hasRun(done.get(name)) : only.includes(kind)) &&
      (shapes === undefined || shape === undefined || shapes.includes(shape.join())),
  );
  const build = steps.filter(({ kind }) => kind === 'build');
  return due.some(({ needsLibrary }) => needsLibrary) ? [...new Set([...build, ...due])] : due;
}

/**
 * Runs what is due and writes the page after each step. A page stays as it is until there is something to put there: a
 * build alone, or that no tool is here, is nothing.
 * @param {{ steps: readonly Step[]; about: About; page: string; results?: string } & Choice} options
 * @returns {Promise<boolean>} whether something ran and nothing failed
 */
export async function checkGpu({ steps, about, page, results, ...choice }) {
  const { done, record } = openResults(about, results);
  const due = choose(steps, done, choice);
  const write = () => {
    const outcomes = steps.flatMap(({ name }) => done.get(name) ?? []);
    if (!outcomes.some((outcome) => outcome.step !== 'build' && hasRun(outcome))) return false;
    const checks = outcomes.flatMap((outcome) => outcome.checks);
    const timings = outcomes.flatMap((outcome) => outcome.timings);
    writeFileSync(page, writeReport(readFileSync(page, 'utf8'), { about, checks, timings }));
    return true;
  };
  const built = { python: null, library: null };
  for (const step of due) {
    log(`\n${step.name}`);
    record({ step: step.name, ...(await step.run(built)) });
    write();
  }
  if (due.length === 0) log('every step has run already; --only runs one again');
  log(`${shown(page)}: ${write() ? 'written' : 'as it was'}`);
  const outcomes = (due.length > 0 ? due : steps).flatMap(({ name }) => done.get(name) ?? []);
  const failed = outcomes.flatMap(({ checks }) => checks).filter(({ ok }) => ok === false);
  for (const { name, detail } of failed) log(`FAILED: ${name}: ${detail}`);
  // A build is something only where nothing else was to follow.
  const some = outcomes.some((outcome) => hasRun(outcome) && (due.length === 1 || outcome.step !== 'build'));
  if (!some) log('nothing could be run');
  return some && failed.length === 0;
}
