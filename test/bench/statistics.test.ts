import { describe, expect, test } from 'vitest';
import { compareSamples, largest, median, quantile } from '../../scripts/bench/statistics.mjs';

describe('quantiles', () => {
  test('interpolate between neighbours, whatever the order', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([40, 10, 30, 20], 0)).toBe(10);
    expect(quantile([40, 10, 30, 20], 1)).toBe(40);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  test('of nothing are an error', () => {
    expect(() => median([])).toThrow('at least one value');
  });

  test('leave their argument as it is', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

test('the largest of more values than a call takes arguments', () => {
  const values = Array.from({ length: 500_000 }, (_, i) => -i);
  values[300_000] = 5;
  expect(largest(values)).toBe(5);
});

describe('comparing samples', () => {
  test('takes the ratio of the medians, which one bad turn does not move', () => {
    const { ours, peer, ratio } = compareSamples([1, 1, 100, 1, 1], [2, 2, 2, 2, 2]);
    expect([ours, peer, ratio]).toEqual([1, 2, 0.5]);
  });

  test('takes the spread from the ratios within turns: a machine that slows both sides alike adds none', () => {
    const { spread } = compareSamples([1, 2, 3, 4], [2, 4, 6, 8]);
    expect(spread).toEqual([0.5, 0.5]);
  });
});
