import { expect } from 'vitest';

export interface Tolerance {
  /** Absolute tolerance. Default 0. */
  atol?: number;
  /** Tolerance relative to the expected value. Default 0. */
  rtol?: number;
}

type Values = number | ArrayLike<number>;

const toList = (values: Values): ArrayLike<number> => (typeof values === 'number' ? [values] : values);

/**
 * Asserts |actual − expected| ≤ atol + rtol·|expected| in every element. A NaN on either side fails, because the
 * comparison is written as "not within tolerance".
 */
export function expectClose(actual: Values, expected: Values, { atol = 0, rtol = 0 }: Tolerance): void {
  const a = toList(actual);
  const b = toList(expected);
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) {
    const error = Math.abs(a[i]! - b[i]!);
    const limit = atol + rtol * Math.abs(b[i]!);
    if (!(error <= limit)) {
      expect.fail(`element ${i}: got ${a[i]}, expected ${b[i]}, error ${error} exceeds ${limit}`);
    }
  }
}

/** ‖actual − expected‖ / ‖expected‖ in the Euclidean norm; NaN when either holds a NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(size), Number.MIN_VALUE);
}
