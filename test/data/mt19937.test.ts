import { describe, expect, it } from 'vitest';
import { Mt19937 } from '../../lib/data/mt19937.ts';
import { hasTorch, runPython } from '../support/python.ts';

describe('Mt19937', () => {
  it('gives the sequence of the C++ standard (26.6.5): the 10,000th of seed 5489', () => {
    const random = new Mt19937(5489);
    for (let i = 1; i < 10_000; i++) random.uint32();
    expect(random.uint32()).toBe(4_123_659_995);
  });

  it('draws integers up to a bound, the bound included', () => {
    const random = new Mt19937(1);
    const seen = new Set(Array.from({ length: 200 }, () => random.upTo(4)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(random.upTo(0)).toBe(0);
  });

  it.skipIf(!hasTorch)('shuffles as numpy does, one array after the other', () => {
    const sizes = [1, 2, 17, 500, 5000];
    for (const seed of [0, 1, 4_294_967_295]) {
      const expected = runPython<number[][]>(
        [
          'import numpy as np',
          'np.random.seed(given["seed"])',
          'result = []',
          'for size in given["sizes"]:',
          '    values = np.arange(size)',
          '    np.random.shuffle(values)',
          '    result.append(values.tolist())',
        ].join('\n'),
        { seed, sizes },
      );
      const random = new Mt19937(seed);
      const shuffled = sizes.map((size) => {
        const values = Array.from({ length: size }, (_, i) => i);
        random.shuffle(values);
        return values;
      });
      expect(shuffled).toEqual(expected);
    }
  });
});
