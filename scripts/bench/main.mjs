// @ts-check
// Reads the command line, runs one benchmark, prints its table.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeFolder, withCleanUp } from '../setup/cleanup.mjs';
import { SetupError } from '../setup/steps.mjs';
import { compare } from './compare.mjs';
import { busyNote, describeMachine } from './machine.mjs';
import { clearProgress, note, progress } from './progress.mjs';
import { formatTable, toJson } from './report.mjs';
import { killSides } from './side.mjs';
import { checkBuilt, findPython, startSides } from './sides.mjs';
import { wholeNumber } from './whole.mjs';

/**
 * @typedef {object} Context what a benchmark is given
 * @property {{ threads: number; repeats: number } & Record<string, unknown>} options
 * @property {(name: string) => boolean} selected whether a case is asked for
 * @property {(options?: { flags?: string[] }) => Promise<import('./sides.mjs').Sides>} start starts two fresh processes; `flags` of Node.js
 * @property {(comparison: import('./compare.mjs').Comparison, sides: import('./sides.mjs').Sides, options?: { target?: number }) => Promise<import('./compare.mjs').Result>} compare
 * @property {() => string} temporaryFolder one that is gone afterwards
 * @property {(text: string) => void} progress shows a line that the next one replaces
 * @property {(line: string) => void} note prints a line that stays
 *
 * @typedef {object} Benchmark a folder's bench.mjs
 * @property {string} summary one line for --help
 * @property {{ threads: number; repeats: number }} defaults
 * @property {Record<string, { type: 'string' | 'boolean'; default?: string | boolean; help: string }>} [options] of its own
 * @property {(context: Context) => Promise<{ results: import('./compare.mjs').Result[]; failures?: string[] }>} run `failures`: what must not be; each makes the exit code 1
 */

/** A new benchmark: a folder with bench.mjs, ours.mjs and peer.py, and a line here. */
const benchmarks = ['ops', 'step', 'loss', 'loss-memory', 'data', 'memory'];

const load = async (/** @type {string} */ name) =>
  /** @type {Benchmark} */ ((await import(`./${name}/bench.mjs`)).default);

async function help() {
  const lines = [];
  for (const name of benchmarks) {
    const { summary, options = {} } = await load(name);
    lines.push(`  ${name.padEnd(16)}${summary}`);
    for (const [option, { type, help }] of Object.entries(options)) {
      lines.push(`    --${`${option}${type === 'string' ? ' <…>' : ''}`.padEnd(20)}${help}`);
    }
  }
  return `npm run bench -- <benchmark> [options]

Measures this package against PyTorch in Python on the same LibTorch. A ratio below 1 means that we are ahead.

Benchmarks:
${lines.join('\n')}

Options:
  --case <text>   only the cases whose name contains the text
  --repeats <n>   runs of each case on each side, of which the medians are taken
  --threads <n>   threads of LibTorch, on both sides
  --json          a JSON object as the last line on standard output

docs/benchmarks.md says what is measured and how to read it.
`;
}

/** @param {string} name @param {unknown} value @param {number} otherwise */
const count = (name, value, otherwise) => (value === undefined ? otherwise : wholeNumber(name, value, 1e6));

const COMMON = /** @type {const} */ ({
  case: { type: 'string' },
  repeats: { type: 'string' },
  threads: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
});

/** A benchmark's own, as parseArgs takes them. @param {Benchmark} benchmark */
const optionsOf = ({ options = {} }) =>
  Object.fromEntries(
    Object.entries(options).map(([option, { type, default: value }]) => [
      option,
      { type, ...(value !== undefined && { default: value }) },
    ]),
  );

/**
 * The arguments that belong to no option. That takes to know which options have a value, and a benchmark's own are known
 * only by its name, which may stand behind them: here those of all benchmarks count.
 * @param {string[]} args
 */
async function namesIn(args) {
  const all = await Promise.all(benchmarks.map(load));
  const options = Object.assign({}, ...all.map(optionsOf), COMMON);
  const { values, positionals } = parseArgs({ args, options, strict: false, allowPositionals: true });
  return { names: positionals, wantsHelp: values.help === true };
}

/** @type {string[]} */
const folders = [];

function cleanUp() {
  clearProgress();
  killSides();
  for (const folder of folders) removeFolder(folder);
}

/** @param {string[]} args */
export async function main(args) {
  const { names, wantsHelp } = await namesIn(args);
  const [name] = names;
  if (wantsHelp || name === undefined) {
    process.stdout.write(await help());
    if (!wantsHelp && args.length > 0) throw new SetupError(`expected a benchmark: ${benchmarks.join(', ')}`);
    return;
  }
  if (names.length > 1) throw new SetupError(`expected one benchmark, got ${names.join(', ')}`);
  if (!benchmarks.includes(name)) {
    throw new SetupError(`there is no benchmark ${JSON.stringify(name)}; there are ${benchmarks.join(', ')}`);
  }
  const benchmark = await load(name);
  const { values } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...optionsOf(benchmark), ...COMMON },
  });
  const repeats = count('repeats', values.repeats, benchmark.defaults.repeats);
  const threads = count('threads', values.threads, benchmark.defaults.threads);
  const wanted = typeof values.case === 'string' ? values.case.toLowerCase() : '';

  checkBuilt();
  const python = findPython();

  /** @type {import('./sides.mjs').Sides['about'] | undefined} */
  let about;
  const busy = busyNote();
  const start = async (/** @type {{ flags?: string[] }} */ { flags = [] } = {}) => {
    progress('starting both sides');
    const sides = await startSides({ python, threads, flags });
    if (about === undefined) {
      about = sides.about;
      const { ours, peer } = about;
      note(`ours:    Node.js ${ours.node}, LibTorch ${ours.libtorch}, commit ${ours.commit ?? 'unknown'}`);
      note(`PyTorch: Python ${peer.python}, LibTorch ${peer.libtorch}, commit ${peer.commit ?? 'unknown'}`);
      if (busy !== null) note(`note: ${busy}`);
    }
    return sides;
  };
  /** @type {Context} */
  const context = {
    options: { ...values, repeats, threads },
    selected: (text) => text.toLowerCase().includes(wanted),
    start,
    compare: (comparison, sides, { target = 0.3 } = {}) =>
      compare(name, comparison, sides, { repeats, target, progress }),
    temporaryFolder: () => {
      const folder = mkdtempSync(join(tmpdir(), 'intraclass-bench-'));
      folders.push(folder);
      return folder;
    },
    progress,
    note,
  };
  // Also where it fails: a side waits for its next request, and this process for the side.
  const { results, failures = [] } = await withCleanUp(
    () => benchmark.run(context),
    cleanUp,
    () => note('stopped'),
  );
  if (results.length === 0 || about === undefined) {
    throw new SetupError(`${name}: no case contains ${JSON.stringify(values.case)}`);
  }
  const machine = describeMachine({ threads, about });
  process.stdout.write(
    `\n${machine.cpu}, ${machine.cores} cores, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${machine.memory}; ` +
      `Node.js ${machine.node}, LibTorch ${machine.libtorch}, Python ${machine.python}\n\n${formatTable(results)}\n`,
  );
  for (const failure of failures) process.stdout.write(`\nFAILED: ${failure}\n`);
  if (busy !== null) process.stdout.write(`\nNote: ${busy}.\n`);
  if (values.json) process.stdout.write(`${toJson(name, machine, results)}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
