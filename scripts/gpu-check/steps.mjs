// @ts-check
// The steps of npm run gpu:check. One that cannot run says why, and the next goes on.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nvcc } from '../../lib/native/tools.mjs';
import { buildJobs, generatorFor, prepareFolder } from '../setup/native.mjs';
import { firstLine, root } from '../setup/steps.mjs';
import { bin } from '../setup/typescript.mjs';
import { cause, run } from './command.mjs';
import { cudaPython } from './machine.mjs';
import { parseLines } from './results.mjs';

/**
 * @typedef {import('./results.mjs').Check} Check
 * @typedef {import('./results.mjs').Outcome} Outcome
 *
 * @typedef {object} Built what later steps need of the first
 * @property {string | null} python
 * @property {string | null} library null where there is none
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {string} kind by which --only names it
 * @property {readonly number[]} [shape] of the benchmark's problem
 * @property {boolean} [needsLibrary]
 * @property {(built: Built) => Promise<Omit<Outcome, 'step'>>} run
 */

/** @param {Check[]} checks */
const onlyChecks = (...checks) => ({ checks, timings: [] });

/** @param {string} name @param {string} detail @returns {Check} */
const notRun = (name, detail) => ({ name, ok: null, detail });

/**
 * What compute-sanitizer's output says: its last summary, and whether it found nothing.
 * @param {string} tool
 * @param {number | null} status
 * @param {string} output
 * @returns {Check}
 */
export function parseSanitizer(tool, status, output) {
  const name = `compute-sanitizer ${tool}`;
  const unsupported = /^.*device not supported.*$/im.exec(output)?.[0];
  if (unsupported !== undefined) return notRun(name, unsupported.replace(/^=+ */, ''));
  const summary = [...output.matchAll(/={9} ((?:ERROR|RACECHECK) SUMMARY: .*)/g)].at(-1)?.[1];
  if (summary === undefined) return notRun(name, `could not run: ${cause(output) || `exit code ${status}`}`);
  const clean = /SUMMARY: 0 (?:errors|hazards)/.test(summary);
  if (!clean || status === 0) return { name, ok: clean, detail: summary };
  // It found nothing, but the program under it failed.
  const own = output.replace(/^=========.*$/gm, '');
  return { name, ok: false, detail: cause(own) || `exit code ${status}, ${summary}` };
}

/** compute-sanitizer: on PATH, beside nvcc, or in its usual place; null where there is none. */
export function findSanitizer() {
  const name = 'compute-sanitizer';
  const folders = (process.env.PATH ?? '').split(':');
  const compilers = nvcc().includes('/') ? [nvcc()] : folders.map((folder) => join(folder, nvcc()));
  const beside = compilers
    .filter(existsSync)
    .flatMap((path) => [path, realpathSync(path)])
    .map((path) => join(dirname(path), name));
  return (
    [name, ...beside, `/usr/local/cuda/bin/${name}`].find(
      (path) => firstLine(path, ['--version']) !== null,
    ) ?? null
  );
}

/** The library against Python's own torch, which needs no package of Node.js. @param {Built} built */
async function buildLibrary(built) {
  built.python = cudaPython();
  built.library = null;
  if (built.python === null) return notRun('build', 'there is no Python whose torch sees the GPU');
  const folder = join(root, 'build-cuda', 'gpu-check');
  const torch =
    firstLine(built.python, ['-c', 'import torch, os; print(os.path.dirname(torch.__file__))']) ?? '';
  const options = [
    `-DINTRACLASS_OUTPUT=${join(folder, 'Release')}`,
    ...[`-DLIBTORCH=${torch}`, '-DINTRACLASS_CUDA=ON', '-DINTRACLASS_ADDON=OFF'],
  ];
  prepareFolder(folder);
  let made = await run(
    'cmake',
    ['-S', root, '-B', folder, ...generatorFor(folder), '-DCMAKE_BUILD_TYPE=Release', ...options],
    { CUDACXX: nvcc() },
  );
  if (made.ok) made = await run('cmake', ['--build', folder, '--parallel', buildJobs()]);
  const library = join(folder, 'Release', 'libintraclass_icu.so');
  const ok = made.ok && existsSync(library);
  if (ok) built.library = library;
  return { name: 'build', ok, detail: ok ? 'against the torch of Python' : cause(made.output) };
}

/**
 * A step that runs Python with the library.
 * @param {string} name
 * @param {string} kind
 * @param {(python: string, library: string) => Promise<Omit<Outcome, 'step'>>} work
 * @param {readonly number[]} [shape]
 * @returns {Step}
 */
const withLibrary = (name, kind, work, shape) => ({
  ...{ name, kind, needsLibrary: true, ...(shape && { shape }) },
  run: async ({ python, library }) =>
    python === null || library === null
      ? onlyChecks(notRun(name, 'the library was not built'))
      : work(python, library),
});

/** @param {string} name @param {string} python @param {string[]} args of it @returns {Promise<Check[]>} */
async function parity(name, python, args) {
  const { ok, stdout, output } = await run(python, ['scripts/gpu-check/parity.py', ...args]);
  const checks = /** @type {Check[]} */ (parseLines(stdout));
  return ok ? checks : [...checks, { name, ok: false, detail: cause(output) }];
}

/** @param {string} tool @param {string} python @param {string} library */
async function sanitize(tool, python, library) {
  const sanitizer = findSanitizer();
  if (sanitizer === null) return notRun(`compute-sanitizer ${tool}`, 'there is no compute-sanitizer');
  const program = [python, 'scripts/gpu-check/parity.py', library, '--small'];
  const { status, output } = await run(sanitizer, ['--tool', tool, '--error-exitcode', '1', ...program], {
    PYTORCH_NO_CUDA_MEMORY_CACHING: '1',
  });
  return parseSanitizer(tool, status, output);
}

/** The operators from Node.js, where its packages and a CUDA LibTorch can be had. @returns {Promise<Check>} */
async function parityFromNode() {
  const name = 'parity from Node.js';
  const built = await run(process.execPath, ['scripts/build.mjs', '--cuda']);
  if (!built.ok) return notRun(name, `the addon was not built: ${cause(built.output)}`);
  const tested = await run(bin('vitest'), ['run', 'test/native/cuda/parity.test.ts'], {
    INTRACLASS_BUILD: 'cuda',
  });
  const counts = /Tests\s+(.*)/.exec(tested.stdout)?.[1];
  return { name, ok: tested.ok, detail: counts ?? cause(tested.output) };
}

/** @type {readonly (readonly [shape: readonly [number, number, number], covariance: string])[]} */
const PROBLEMS = [
  [[128, 10, 2], 'isotropic'],
  [[128, 10, 100], 'isotropic'],
  [[256, 100, 512], 'isotropic'],
  [[256, 1000, 2048], 'isotropic'],
  [[256, 21841, 2048], 'isotropic'],
  [[1024, 1000000, 512], 'isotropic'],
  [[256, 1000, 2048], 'diagonal'],
];

// A process to a problem: one that runs out of memory, or breaks the device, leaves the others as they are.
const benchSteps = PROBLEMS.map(([shape, covariance]) => {
  const name = `bench (${shape.join(', ')}) ${covariance}`;
  return withLibrary(
    name,
    'bench',
    async (python, library) => {
      const args = ['scripts/gpu-check/bench.py', library, shape.join(','), covariance];
      const { ok, stdout, output } = await run(python, args);
      return {
        checks: ok ? [] : [{ name, ok: false, detail: cause(output) }],
        timings: parseLines(stdout),
      };
    },
    shape,
  );
});

/** In the order of the page. @type {readonly Step[]} */
export const steps = [
  { name: 'build', kind: 'build', run: async (built) => onlyChecks(await buildLibrary(built)) },
  withLibrary('parity from Python', 'parity', async (python, library) =>
    onlyChecks(...(await parity('parity from Python', python, [library]))),
  ),
  ...['memcheck', 'racecheck', 'synccheck', 'initcheck'].map((tool) =>
    withLibrary(`compute-sanitizer ${tool}`, tool, async (python, library) =>
      onlyChecks(await sanitize(tool, python, library)),
    ),
  ),
  ...benchSteps,
  { name: 'parity from Node.js', kind: 'node', run: async () => onlyChecks(await parityFromNode()) },
];
