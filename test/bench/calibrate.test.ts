import { describe, expect, test } from 'vitest';
import { calibrate } from '../../scripts/bench/calibrate.mjs';

/** A side that takes `each` seconds for an iteration and `start` to begin, and notes what it was asked. */
function fake(each: number, start = 0) {
  const asked: number[] = [];
  const secondsOf = async (iterations: number) => {
    asked.push(iterations);
    return start + iterations * each;
  };
  return { asked, secondsOf };
}

describe('calibration', () => {
  test('finds the number that takes the target time', async () => {
    const iterations = await calibrate(fake(2e-6).secondsOf, { target: 0.3 });
    expect(Math.abs(iterations - 150_000)).toBeLessThanOrEqual(1);
  });

  test('never runs much longer than the target while it looks', async () => {
    const { asked, secondsOf } = fake(1e-3);
    await calibrate(secondsOf, { target: 1 });
    expect(Math.max(...asked) * 1e-3).toBeLessThanOrEqual(1);
  });

  test('keeps to multiples of the granule', async () => {
    const { asked, secondsOf } = fake(3.3e-6);
    const iterations = await calibrate(secondsOf, { target: 0.1, granule: 100 });
    expect([iterations, ...asked].every((count) => count > 0 && count % 100 === 0)).toBe(true);
  });

  test('runs at least one iteration, however slow', async () => {
    expect(await calibrate(fake(60).secondsOf, { target: 1 })).toBe(1);
  });

  test('ends where the clock sees nothing', async () => {
    expect(await calibrate(async () => 0, { target: 1, limit: 1000 })).toBe(1000);
  });
});
