/** Which steps npm run gpu:check takes, and what it writes after each; the steps are made up. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Choice, checkGpu } from '../../scripts/gpu-check/main.mjs';
import { type Outcome, parseLines } from '../../scripts/gpu-check/results.mjs';
import { steps as realSteps, type Step } from '../../scripts/gpu-check/steps.mjs';
import { useTemporaryFolder } from '../support/folder.ts';

const about = (name = 'GPU A') => ({
  gpu: { name, driver: '1.2', memory: '80 GiB', count: 1 },
  versions: { nvcc: '13.0' },
  date: '2030-01-02',
});

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

let page = '';
let results = '';
let ran: string[] = [];
let pages: string[] = [];
beforeEach(() => {
  page = join(folder, 'gpu.md');
  results = join(folder, 'results.jsonl');
  writeFileSync(page, 'Text.\n<!-- results -->\nold figures\n<!-- end of results -->\n');
  [ran, pages] = [[], []];
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const written = () => readFileSync(page, 'utf8');

function step(name: string, kind: string, ok: boolean | null, more: Partial<Step> = {}): Step {
  return {
    name,
    kind,
    run: async () => {
      ran.push(name);
      pages.push(written());
      const [N, K, D] = more.shape ?? [];
      const problem = {
        shape: [N, K, D] as [number, number, number],
        covariance: 'isotropic',
        state: 'dense',
      };
      return kind === 'bench'
        ? { checks: [], timings: [{ ...problem, side: 'ours', ms: ran.length }] }
        : { checks: [{ name, ok, detail: `run ${ran.length}` }], timings: [] };
    },
    ...more,
  };
}

const steps = (ok: boolean | null = true) => [
  step('build', 'build', true),
  step('parity', 'parity', ok, { needsLibrary: true }),
  step('memcheck', 'memcheck', ok, { needsLibrary: true }),
  step('bench small', 'bench', ok, { needsLibrary: true, shape: [1, 2, 3] }),
  step('bench large', 'bench', ok, { needsLibrary: true, shape: [4, 5, 6] }),
  step('node', 'node', ok),
];

const check = (choice: Choice & { results?: string } = {}, made = steps()) =>
  checkGpu({ steps: made, about: about(), page, ...choice });

it('writes the page after each step', async () => {
  expect(await check()).toBe(true);
  expect(ran).toEqual(['build', 'parity', 'memcheck', 'bench small', 'bench large', 'node']);
  // The build alone says nothing that the old figures should go for.
  expect(pages[1]).toContain('old figures');
  expect(pages[2]).toContain('| parity | passed | run 2 |');
  expect(pages[2]).not.toContain('old figures');
  expect(pages[5]).toContain('| (4, 5, 6) isotropic, dense | ours | 5.00 |');
  expect(written()).toContain('| node | passed | run 6 |');
});

it('goes on from the results of earlier calls, and runs again what is named', async () => {
  expect(await check({ only: ['parity'], results })).toBe(true);
  expect(ran).toEqual(['build', 'parity']);
  appendFileSync(results, '{"step":"memcheck","che'); // the call was ended while it wrote
  ran = [];
  expect(await check({ results })).toBe(true);
  expect(ran).toEqual(['build', 'memcheck', 'bench small', 'bench large', 'node']);
  expect(written()).toContain('| parity | passed | run 2 |');
  ran = [];
  expect(await check({ results })).toBe(true);
  expect(ran).toEqual([]);
  expect(await check({ only: ['node', 'bench'], shapes: ['4,5,6'], results })).toBe(true);
  expect(ran).toEqual(['build', 'bench large', 'node']);
  expect(written()).toContain('| (4, 5, 6) isotropic, dense | ours | 2.00 |');
  expect(written()).toContain('| (1, 2, 3) isotropic, dense | ours | 3.00 |');
  expect(written()).toContain('| node | passed | run 3 |');
});

it('leaves the page as it is and fails where nothing could be run', async () => {
  expect(await check({ only: ['parity', 'memcheck', 'node'], results }, steps(null))).toBe(false);
  expect(written()).toContain('old figures');
  expect(await check({ only: ['node'], results }, steps(null))).toBe(false);
  expect(written()).toContain('old figures');
  expect(await check({ only: ['build'], results }, steps(null))).toBe(true);
  expect(written()).toContain('old figures');
  // What could not run is tried again.
  ran = [];
  expect(await check({ results })).toBe(true);
  expect(ran).toContain('parity');
});

it('fails where a check does, and keeps that too', async () => {
  expect(await check({ only: ['parity'], results }, steps(false))).toBe(false);
  expect(written()).toContain('| parity | **failed** | run 2 |');
  ran = [];
  await check({ results });
  expect(ran).not.toContain('parity');
  expect(written()).toContain('| parity | **failed** | run 2 |');
});

it('asks for a known step, a known problem, and results of this GPU', async () => {
  await expect(check({ only: ['party'] })).rejects.toThrow(
    /--only: there is no party; there are build parity/,
  );
  await expect(check({ shapes: ['9,9,9'] })).rejects.toThrow(
    /--shape: there is no 9,9,9; there are 1,2,3 4,5,6/,
  );
  await check({ results });
  const other = checkGpu({ steps: steps(), about: about('GPU B'), page, results });
  await expect(other).rejects.toThrow(/results of GPU A, and this is GPU B/);
});

it('keeps results only in a file that is named', async () => {
  await check();
  expect(existsSync(results)).toBe(false);
  await check({ results });
  const lines = parseLines<Outcome>(readFileSync(results, 'utf8'));
  expect(lines.map((line) => line.step)).toEqual([undefined, ...steps().map(({ name }) => name)]);
});

it('takes the lines of JSON out of other output', () => {
  expect(parseLines('warming up\n{"a":1}\n\n{"a":2}\n{"a":{"b":3}\n{"a":')).toEqual([{ a: 1 }, { a: 2 }]);
});

it('has a step of each kind, with names of their own', () => {
  const names = realSteps.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain('bench (1024, 1000000, 512) isotropic');
});
