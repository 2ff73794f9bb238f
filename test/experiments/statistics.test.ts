import { describe, expect, it } from 'vitest';
import { pairedTest, spreadOf, tailsOfT } from '../../lib/experiments/statistics.ts';

/** P(|T| ≥ t) from the density by Simpson's rule, with Γ as a product over half integers. */
function tailsByIntegration(t: number, n: number): number {
  let ratio = n % 2 === 0 ? 0.5 : 1 / Math.PI; // Γ((n+1)/2) / (Γ(n/2)·√π)
  for (let m = n % 2 === 0 ? 2 : 1; m < n; m += 2) ratio *= (m + 1) / m;
  const density = (x: number) => (ratio / Math.sqrt(n)) * (1 + (x * x) / n) ** (-(n + 1) / 2);
  const parts = 20_000;
  const width = t / parts;
  let sum = density(0) + density(t);
  for (let i = 1; i < parts; i++) sum += (i % 2 === 0 ? 2 : 4) * density(i * width);
  return 1 - (2 * width * sum) / 3;
}

describe('spreadOf', () => {
  it('has the mean and the standard deviation with n − 1', () => {
    expect(spreadOf([1, 2, 4])).toEqual({ count: 3, mean: 7 / 3, sd: expect.closeTo(Math.sqrt(7 / 3), 12) });
    expect(spreadOf([5])).toEqual({ count: 1, mean: 5, sd: null });
    expect(spreadOf([])).toBeNull();
  });
});

describe('tailsOfT', () => {
  it.each([1, 2, 3, 4, 5, 6, 9, 19, 30])(
    'agrees with the integral of the density, %i degrees of freedom',
    (n) => {
      for (const t of [0, 0.3, 1, 2.776, 12]) {
        expect(tailsOfT(t, n)).toBeCloseTo(tailsByIntegration(t, n), 9);
        expect(tailsOfT(-t, n)).toBe(tailsOfT(t, n));
      }
    },
  );

  it('is never below 0', () => {
    for (const n of [1, 2, 6, 7, 19])
      for (const t of [1540.03, 1e5, 1e12]) expect(tailsOfT(t, n)).toBeGreaterThanOrEqual(0);
  });

  it('has the critical values of the tables', () => {
    expect(tailsOfT(12.706, 1)).toBeCloseTo(0.05, 5);
    expect(tailsOfT(4.303, 2)).toBeCloseTo(0.05, 4);
    expect(tailsOfT(2.262, 9)).toBeCloseTo(0.05, 4);
  });
});

describe('pairedTest', () => {
  it('tests the differences', () => {
    // mean 2, sd 1, t = 2√3 with 2 degrees of freedom: p = 1 − t/√(t² + 2)
    const { count, mean, sd, tTest, signFlip } = pairedTest([1, 2, 3]);
    expect([count, mean, sd]).toEqual([3, 2, 1]);
    expect(tTest).toBeCloseTo(1 - Math.sqrt(12 / 14), 12);
    expect(signFlip).toBe(2 / 8);
  });

  it('counts the signs that are as extreme', () => {
    // Sums of ±1 ±1 ±1 ±5: 8, 6, 6, 6, 4, 4, 4, 2 and their negatives; |6| is reached by 8 of 16.
    expect(pairedTest([-1, 1, 1, 5]).signFlip).toBe(8 / 16);
    expect(pairedTest([0.1, 0.2, -0.3]).signFlip).toBe(1);
  });

  it('says nothing where nothing can be said', () => {
    expect(pairedTest([])).toMatchObject({ count: 0, tTest: null, signFlip: null });
    expect(pairedTest([0.5])).toEqual({ count: 1, mean: 0.5, sd: null, tTest: null, signFlip: 1 });
    expect(pairedTest([1, 1])).toMatchObject({ tTest: null, signFlip: 0.5 });
    // The same but for rounding.
    expect(pairedTest([0.9905 - 0.9901, 0.9912 - 0.9908]).tTest).toBeNull();
    // 2²¹ choices of signs are too many to go through.
    const many = Array.from({ length: 21 }, (_, i) => i);
    expect(pairedTest(many)).toMatchObject({ count: 21, mean: 10, signFlip: null });
    expect(pairedTest(many).tTest).toBeLessThan(1e-6);
  });
});
