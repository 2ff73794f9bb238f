import { describe, expect, test } from 'vitest';
import { judge, MIB } from '../../scripts/bench/memory/flat.mjs';

const limits = { warmUp: 0.2, allowance: 8 * MIB };
const samples = (of: (i: number) => number) => Array.from({ length: 100 }, (_, i) => of(i) * MIB);

describe('flat memory', () => {
  test('may rise while warming up', () => {
    expect(
      judge(
        samples((i) => Math.min(100 + 20 * i, 400)),
        limits,
      ),
    ).toEqual({
      peak: 400 * MIB,
      growth: 0,
      flat: true,
    });
  });

  test('may go up and down between collections', () => {
    expect(
      judge(
        samples((i) => 100 + (i % 17) * 5),
        limits,
      ).flat,
    ).toBe(true);
  });

  test('must not rise slowly for ever', () => {
    const verdict = judge(
      samples((i) => 100 + 0.5 * i),
      limits,
    );
    expect(verdict.growth).toBe(20 * MIB);
    expect(verdict.flat).toBe(false);
  });

  test('cannot be judged by a handful of samples, or by no numbers', () => {
    expect(() => judge([1, 2, 3], limits)).toThrow('at least 10 samples');
    expect(
      judge(
        samples(() => Number.NaN),
        limits,
      ).flat,
    ).toBe(false);
  });
});
