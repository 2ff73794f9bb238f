// @ts-check
// The steps of npm run gpu:check. One that cannot run says why, and the next goes on.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nvcc } from '../setup/native.mjs';
import { firstLine, log, root, seconds } from '../setup/steps.mjs';
import { cudaPython } from './machine.mjs';

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
 */

/** The lines of JSON in a program's output. @template T @param {string} output @returns {T[]} */
export const parseLines = (output) =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

/**
 * What compute-sanitizer's output says: its last summary, and whether it found nothing.
 * @param {string} tool
 * @param {number | null} status
 * @param {string} output
 * @returns {Check}
 */
export function parseSanitizer(tool, status, output) {
  const summaries = [...output.matchAll(/={9} ((?:ERROR|RACECHECK) SUMMARY: .*)/g)].map(
    ([, text]) => text ?? '',
  );
  const summary = summaries.at(-1);
  const name = `compute-sanitizer ${tool}`;
  if (summary === undefined) {
    const why = output.trim().split('\n').at(-1) ?? '';
    return { name, ok: null, detail: `could not run: ${why || `exit code ${status}`}` };
  }
  const clean = /SUMMARY: 0 (?:errors|hazards)/.test(summary) && status === 0;
  return { name, ok: clean, detail: summary };
}

/** @param {string} command @param {string[]} args @param {Record<string, string>} [env] */
function run(command, args, env = {}) {
  log(`$ ${[command, ...args].join(' ')}`);
  const started = Date.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, ...env },
  });
  log(`  ${status === 0 ? 'done' : `exit code ${status ?? error?.message}`} (${seconds(started)})`);
  return { status, stdout: stdout ?? '', stderr: stderr ?? error?.message ?? '' };
}

const lastLine = (/** @type {string} */ text) => text.trim().split('\n').at(-1) ?? '';

/** The library against Python's own torch, which needs no package of Node.js. @param {string} python */
function buildLibrary(python) {
  const folder = join(root, 'build-cuda', 'gpu-check');
  const torch = firstLine(python, ['-c', 'import torch, os; print(os.path.dirname(torch.__file__))']) ?? '';
  const options = [`-DLIBTORCH=${torch}`, '-DINTRACLASS_CUDA=ON', '-DINTRACLASS_ADDON=OFF'];
  const env = { CUDACXX: nvcc() };
  const output = `-DINTRACLASS_OUTPUT=${join(folder, 'Release')}`;
  const configured = run(
    'cmake',
    ['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release', output, ...options],
    env,
  );
  const built = configured.status === 0 ? run('cmake', ['--build', folder, '--parallel']) : configured;
  const library = join(folder, 'Release', 'libintraclass_icu.so');
  const ok = built.status === 0 && existsSync(library);
  return { ok, library, detail: ok ? 'against the torch of Python' : lastLine(built.stderr || built.stdout) };
}

/** @param {string} name @param {string} detail @returns {Check} */
const notRun = (name, detail) => ({ name, ok: null, detail });

/** The operators from Node.js, where its packages and a CUDA LibTorch can be had. @returns {Check} */
function parityFromNode() {
  const name = 'parity from Node.js';
  const built = run(process.execPath, ['scripts/build.mjs', '--cuda']);
  if (built.status !== 0) return notRun(name, `the addon was not built: ${lastLine(built.stderr)}`);
  const vitest = join(root, 'node_modules', '.bin', 'vitest');
  const { status, stdout, stderr } = run(vitest, ['run', 'test/native/cuda/parity.test.ts'], {
    INTRACLASS_BUILD: 'cuda',
  });
  const counts = /Tests\s+(.*)/.exec(stdout)?.[1] ?? lastLine(stderr);
  return { name, ok: status === 0, detail: counts };
}

/** @returns {Promise<{ checks: Check[]; timings: Timing[] }>} */
export async function runSteps() {
  /** @type {Check[]} */
  const checks = [];
  /** @type {Timing[]} */
  let timings = [];
  const python = cudaPython();
  if (python === null) {
    checks.push(notRun('all checks from Python', 'there is no Python whose torch sees the GPU'));
  } else {
    const { ok, library, detail } = buildLibrary(python);
    checks.push({ name: 'build', ok, detail });
    if (ok) {
      const parity = run(python, ['scripts/gpu-check/parity.py', library]);
      checks.push(.../** @type {Check[]} */ (parseLines(parity.stdout)));
      if (parity.status !== 0) {
        checks.push({ name: 'parity from Python', ok: false, detail: lastLine(parity.stderr) });
      }
      for (const tool of ['memcheck', 'racecheck', 'synccheck', 'initcheck']) {
        const args = [
          '--tool',
          tool,
          '--error-exitcode',
          '1',
          python,
          'scripts/gpu-check/parity.py',
          library,
          '--small',
        ];
        const { status, stdout, stderr } = run('compute-sanitizer', args, {
          PYTORCH_NO_CUDA_MEMORY_CACHING: '1',
        });
        checks.push(parseSanitizer(tool, status, stdout + stderr));
      }
      const bench = run(python, ['scripts/gpu-check/bench.py', library]);
      timings = parseLines(bench.stdout);
      if (bench.status !== 0) checks.push({ name: 'bench', ok: false, detail: lastLine(bench.stderr) });
    }
  }
  checks.push(parityFromNode());
  return { checks, timings };
}
