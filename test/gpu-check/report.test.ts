/** The parts of npm run gpu:check that need no GPU. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseGpus } from '../../scripts/gpu-check/machine.mjs';
import { formatResults, table, timingRows, writeReport } from '../../scripts/gpu-check/report.mjs';
import type { Timing } from '../../scripts/gpu-check/results.mjs';

it('reads what nvidia-smi says of the GPUs', () => {
  const output = 'NVIDIA H100 80GB HBM3, 580.65.06, 81559 MiB\nNVIDIA H100 80GB HBM3, 580.65.06, 81559 MiB\n';
  expect(parseGpus(output)).toEqual({
    ...{ name: 'NVIDIA H100 80GB HBM3', driver: '580.65.06', memory: '81559 MiB', count: 2 },
  });
  expect(parseGpus('')).toBeNull();
  expect(parseGpus('No devices were found\n')).toBeNull();
});

const about = {
  gpu: { name: 'GPU | A', driver: '1.2', memory: '80 GiB', count: 1 },
  versions: { nvcc: '13.0' },
  date: '2030-01-02',
};
const problem = { shape: [128, 10, 2], covariance: 'isotropic', state: 'dense' } as const;
const timings: Timing[] = [
  { ...problem, shape: [128, 10, 2], side: 'ours', ms: 0.01, low: 0.009, high: 0.012, MiB: 0.5 },
  { ...problem, shape: [128, 10, 2], side: 'eager', ms: 0.25, low: 0.2, high: 0.3, MiB: null },
  { ...problem, shape: [128, 10, 2], side: 'torch.compile', why: 'RuntimeError: no triton' },
];

it('makes a line for each side of each problem', () => {
  expect(timingRows(timings)).toEqual([
    ['(128, 10, 2) isotropic, dense', 'ours', '0.0100 (0.00900–0.0120)', '', '0.500'],
    ['(128, 10, 2) isotropic, dense', 'eager', '0.250 (0.200–0.300)', '25.0', ''],
    ['(128, 10, 2) isotropic, dense', 'torch.compile', 'RuntimeError: no triton', '', ''],
  ]);
});

it('writes tables that no cell can break', () => {
  expect(table(['a'], [['x|y\nz']])).toBe('| a |\n| --- |\n| x\\|y z |');
  const text = formatResults({ about, timings, checks: [{ name: 'build', ok: null, detail: 'no nvcc' }] });
  expect(text).toContain('GPU | A, 80 GiB, driver 1.2; nvcc 13.0; 2030-01-02.');
  expect(text).toContain('| build | not run | no nvcc |');
  expect(formatResults({ about, timings: [], checks: [] })).toContain('Times: not yet measured.');
});

it('puts results between the marks of docs/gpu.md and leaves the rest', () => {
  const page = readFileSync(new URL('../../docs/gpu.md', import.meta.url), 'utf8');
  const checks = [{ name: 'every option', ok: true, detail: '8 problems' }];
  const written = writeReport(page, { about, checks, timings });
  const [before] = page.split('<!-- results -->');
  expect(written.startsWith(`${before}<!-- results -->`)).toBe(true);
  expect(written).toContain('| every option | passed | 8 problems |');
  expect(written).not.toContain('not yet measured');
  expect(writeReport(written, { about, checks, timings })).toBe(written);
  expect(() => writeReport('no marks', { about, checks, timings })).toThrow(/expected <!-- results -->/);
});
