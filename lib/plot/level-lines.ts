/**
 * Where a function of the plane is 0, and where it is positive: marching squares. Where a line crosses the grid is found
 * by bisection of the function itself, so that every point returned lies on the line up to rounding.
 */
import type { Frame } from './feature-data.ts';

export type PlaneFunction = (x: number, y: number) => number;

/** Points joined by straight lines. A closed one ends where it begins. */
export type Path = [x: number, y: number][];

/**
 * The lines f = 0 within a frame, f positive on their left.
 * @param cells the grid's in each direction; smaller features are missed. Default 100.
 * @throws RangeError unless it is an integer of at least 1
 */
export const zeroLines = (f: PlaneFunction, frame: Frame, cells = 100): Path[] =>
  march(f, ticks(frame.x, cells), ticks(frame.y, cells), false);

/** The part of a frame where f ≥ 0, as closed lines that go around it counter-clockwise, around its holes clockwise. */
export const positiveRegion = (f: PlaneFunction, frame: Frame, cells = 100): Path[] =>
  march(f, ticks(frame.x, cells), ticks(frame.y, cells), true);

function ticks([low, high]: [number, number], cells: number): number[] {
  if (!(Number.isSafeInteger(cells) && cells >= 1)) {
    throw new RangeError(`level lines: cells: expected an integer of at least 1, got ${cells}`);
  }
  return Array.from({ length: cells + 1 }, (_, i) => low + ((high - low) * i) / cells);
}

function march(f: PlaneFunction, x: number[], y: number[], closed: boolean): Path[] {
  // A rim of cells without width whose outer corners count as negative: lines close along the frame.
  const [xs, ys] = closed ? [rimmed(x), rimmed(y)] : [x, y];
  const [columns, rows] = [xs.length, ys.length];
  const outside = (i: number, j: number) =>
    closed && (i === 0 || j === 0 || i === columns - 1 || j === rows - 1);
  const positive = ys.map((yj, j) => xs.map((xi, i) => !outside(i, j) && f(xi, yj) >= 0));
  const edges: Edges = { next: new Map(), points: new Map() };
  for (let j = 0; j + 1 < rows; j++) {
    for (let i = 0; i + 1 < columns; i++) {
      const corners = [
        [i, j],
        [i + 1, j],
        [i + 1, j + 1],
        [i, j + 1],
      ] as const;
      const signs = corners.map(([a, b]) => positive[b]![a]!);
      // Counter-clockwise around the cell; the edge m leads from corner m to the next.
      const crossed = [0, 1, 2, 3].filter((m) => signs[m] !== signs[(m + 1) % 4]);
      if (crossed.length === 0) continue;
      const middle =
        crossed.length < 4 || f((xs[i]! + xs[i + 1]!) / 2, (ys[j]! + ys[j + 1]!) / 2) >= 0 ? 1 : -1;
      // Below, right, above, left: even numbers are edges to the right of a grid point, odd ones those above it.
      const point = (a: number, b: number) => 2 * (b * columns + a);
      const ids = [point(i, j), point(i + 1, j) + 1, point(i, j + 1), point(i, j) + 1];
      for (const m of crossed) {
        const [from, to] = [corners[m]!, corners[(m + 1) % 4]!];
        if (!edges.points.has(ids[m]!)) {
          const at = ([a, b]: readonly [number, number]): [number, number] => [xs[a]!, ys[b]!];
          edges.points.set(ids[m]!, signs[m] ? crossing(f, at(from), at(to)) : crossing(f, at(to), at(from)));
        }
        // A line comes in where the corners turn negative and goes out where they turn positive again.
        if (!signs[m]) continue;
        const place = crossed.indexOf(m);
        edges.next.set(ids[m]!, ids[crossed.at((place + middle) % crossed.length)!]!);
      }
    }
  }
  return chains(edges);
}

const rimmed = (values: number[]): number[] => [values[0]!, ...values, values.at(-1)!];

/** Between a place where f ≥ 0 and one where f < 0, or that is outside and then the same place. */
function crossing(f: PlaneFunction, inside: [number, number], outside: [number, number]): [number, number] {
  let [low, high] = [0, 1];
  const at = (t: number): [number, number] => [
    inside[0] + t * (outside[0] - inside[0]),
    inside[1] + t * (outside[1] - inside[1]),
  ];
  for (let step = 0; step < 48; step++) {
    const middle = (low + high) / 2;
    if (f(...at(middle)) >= 0) low = middle;
    else high = middle;
  }
  return at((low + high) / 2);
}

interface Edges {
  /** From a crossed edge of the grid to the one that the line crosses next. */
  next: Map<number, number>;
  points: Map<number, [number, number]>;
}

function chains({ next, points }: Edges): Path[] {
  const paths: Path[] = [];
  const follow = (start: number) => {
    const path: Path = [points.get(start)!];
    for (let edge = start, to = next.get(edge); to !== undefined; edge = to, to = next.get(edge)) {
      next.delete(edge);
      path.push(points.get(to)!);
    }
    paths.push(path);
  };
  // First those that begin at the frame, then the closed ones.
  const targets = new Set(next.values());
  for (const start of [...next.keys()]) if (!targets.has(start)) follow(start);
  for (const start of [...next.keys()]) if (next.has(start)) follow(start);
  return paths;
}
