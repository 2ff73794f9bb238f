import { describe, expect, it } from 'vitest';
import { type Path, positiveRegion, zeroLines } from '../../lib/plot/index.ts';

const frame = { x: [-2, 2] as [number, number], y: [-2, 3] as [number, number] };
const circle = (x: number, y: number) => 1 - x * x - y * y;
/** Above 0 where the path goes counter-clockwise. */
const area = (path: Path) =>
  path.slice(1).reduce((sum, [x, y], i) => sum + (path[i]![0] * y - x * path[i]![1]) / 2, 0);
const closed = (path: Path) => path[0]![0] === path.at(-1)![0] && path[0]![1] === path.at(-1)![1];

describe('zeroLines', () => {
  it('follows a circle, each point on it', () => {
    const paths = zeroLines(circle, frame, 40);
    expect(paths).toHaveLength(1);
    expect(closed(paths[0]!)).toBe(true);
    for (const [x, y] of paths[0]!) expect(Math.hypot(x, y)).toBeCloseTo(1, 12);
    expect(area(paths[0]!)).toBeGreaterThan(0.995 * Math.PI);
    expect(area(paths[0]!)).toBeLessThan(Math.PI);
  });

  it('has what is positive on its left, whatever the sign', () => {
    expect(area(zeroLines((x, y) => -circle(x, y), frame)[0]!)).toBeLessThan(0);
  });

  it('ends lines at the frame, and keeps two that cross apart', () => {
    const [line, ...others] = zeroLines((x, y) => y - 0.3 * x - 0.1, frame, 7);
    expect(others).toEqual([]);
    expect(Math.abs(line![0]![0])).toBeCloseTo(2, 12);
    expect(Math.abs(line!.at(-1)![0])).toBeCloseTo(2, 12);
    const saddle = zeroLines((x, y) => x * y - 1e-3, frame, 9);
    expect(saddle).toHaveLength(2);
    for (const [x, y] of saddle.flat()) expect(x * y).toBeCloseTo(1e-3, 10);
    expect(zeroLines(() => 1, frame)).toEqual([]);
  });
});

it.each([0, -1, 1.5, Number.NaN])('refuses a grid of %s cells', (cells) => {
  for (const make of [zeroLines, positiveRegion]) {
    expect(() => make(circle, frame, cells)).toThrow(/cells: expected an integer of at least 1, got/);
  }
});

describe('positiveRegion', () => {
  it('covers what is positive: a disc, the frame without it, all of the frame, nothing', () => {
    const covered = (f: (x: number, y: number) => number) => {
      const paths = positiveRegion(f, frame, 80);
      expect(paths.every(closed)).toBe(true);
      return paths.reduce((sum, path) => sum + area(path), 0);
    };
    expect(covered(circle)).toBeCloseTo(Math.PI, 2);
    expect(covered((x, y) => -circle(x, y))).toBeCloseTo(20 - Math.PI, 2);
    expect(covered(() => 1)).toBeCloseTo(20, 10);
    expect(covered(() => -1)).toBe(0);
    // A quarter of a circle in a corner closes along the frame.
    expect(covered((x, y) => circle(x - 2, y - 3))).toBeCloseTo(Math.PI / 4, 2);
  });
});
