import { describe, expect, test } from 'vitest';
import type { Result } from '../../scripts/bench/compare.mjs';
import { busyNote, describeMachine } from '../../scripts/bench/machine.mjs';
import { figure, formatTable, toJson } from '../../scripts/bench/report.mjs';

const timed: Result = {
  case: 'add',
  ours: 0.71234,
  peer: 1.0678,
  peerName: 'PyTorch',
  unit: 'µs',
  ratio: 0.6671,
  spread: [0.65, 0.69],
  cpuRatio: 0.66,
  iterations: { ours: 1000, peer: 900 },
  goal: 0.7,
};
const size: Result = { case: 'peak', ours: 400, peer: 200, peerName: 'PyTorch', unit: 'MiB', ratio: 2 };

describe('figures', () => {
  test('have three digits that count', () => {
    expect([0.000123456, 0.71234, 1.0678, 12.345, 123.45, 12_345].map(figure)).toEqual([
      '0.000123',
      '0.712',
      '1.07',
      '12.3',
      '123',
      '12345',
    ]);
    expect(figure(0)).toBe('0.00');
    expect(figure(Number.NaN)).toBe('NaN');
  });
});

describe('the table', () => {
  test('has a line for each result, in columns', () => {
    const lines = formatTable([timed, size]).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain('0.712 µs');
    expect(lines[1]).toContain('0.65–0.69');
    expect(lines[1]).toContain('≤ 0.70 met');
    expect(lines[2]).toContain('400 MiB');
    expect(lines[1]?.indexOf('PyTorch')).toBe(lines[2]?.indexOf('PyTorch'));
  });

  test('says when a goal is missed, and when the ratio is no number', () => {
    expect(formatTable([{ ...timed, ratio: 0.71 }])).toContain('≤ 0.70 missed');
    expect(formatTable([{ ...timed, ratio: Number.NaN }])).toContain('≤ 0.70 missed');
  });

  test('leaves out columns that nothing fills', () => {
    const table = formatTable([size]);
    expect(table).not.toContain('quartiles');
    expect(table).not.toContain('goal');
  });
});

describe('the line for machines', () => {
  const about = {
    ours: { libtorch: '2.13.0+cpu', commit: 'cf30153', node: 'v20.0.0' },
    peer: { libtorch: '2.13.0+cpu', commit: 'cf30153', python: '3.11.7' },
  };
  const machine = describeMachine({ threads: 2, about });

  test('is one object with what was measured and on what', () => {
    const line = toJson('ops', machine, [timed, size]);
    expect(line).not.toContain('\n');
    const { bench, machine: on, results } = JSON.parse(line);
    expect(bench).toBe('ops');
    expect(on).toMatchObject({ threads: 2, libtorch: '2.13.0+cpu', python: '3.11.7' });
    for (const key of ['cpu', 'cores', 'memory', 'node']) expect(on[key]).toBeDefined();
    expect(results.map((result: Result) => result.case)).toEqual(['add', 'peak']);
    for (const result of results) {
      for (const key of ['case', 'ours', 'peer', 'peerName', 'unit', 'ratio'])
        expect(result).toHaveProperty(key);
    }
  });

  test('a busy machine is named', () => {
    expect(busyNote(0.1)).toBeNull();
    expect(busyNote(3.21)).toContain('load 3.2');
  });
});
