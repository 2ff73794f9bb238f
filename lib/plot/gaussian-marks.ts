/** How points and Gaussians in the plane are drawn, the latter as contours one and two standard deviations from the mean. */
import type { LinearScale, Mark, TextEncodeEntry } from 'vega';
import type { Frame } from './feature-data.ts';
import { fontFamily, ink } from './style.ts';

/**
 * An ellipse around (0, 0) as four curves. The radii are in the path itself: a scaled path would need lines that do
 * not scale with it, which not every SVG viewer draws.
 */
export function ellipse(rx: number, ry: number): string {
  const [x, y] = [rx.toFixed(2), ry.toFixed(2)];
  // A quarter circle is a cubic whose inner points lie this far along the tangents.
  const [u, v] = [(0.5523 * rx).toFixed(2), (0.5523 * ry).toFixed(2)];
  return `M${x},0C${x},${v},${u},${y},0,${y}C-${u},${y},-${x},${v},-${x},0C-${x},-${v},-${u},-${y},0,-${y}C${u},-${y},${x},-${v},${x},0Z`;
}

export const contours = [
  { sigmas: 1, dash: [] },
  { sigmas: 2, dash: [4, 3] },
];

/** Contours, each with a white line below it that keeps it visible among its own points. */
export function ringMarks(): Mark[] {
  return [
    { name: 'halo', stroke: { value: 'white' }, strokeWidth: { value: 3 }, strokeOpacity: { value: 0.75 } },
    { name: 'contour', stroke: { value: ink }, strokeWidth: { value: 1.2 }, strokeDash: { field: 'dash' } },
  ].map(({ name, ...look }) => ({
    type: 'path',
    name,
    from: { data: 'rings' },
    encode: {
      enter: {
        x: { field: 'x' },
        y: { field: 'y' },
        path: { field: 'path' },
        ...look,
      },
    },
  }));
}

/** The classes' names at their means, on a white outline. */
export function labelMarks(): Mark[] {
  const outline = { stroke: { value: 'white' }, strokeWidth: { value: 4 }, strokeJoin: { value: 'round' } };
  const mark = (name: string, look: TextEncodeEntry): Mark => ({
    type: 'text',
    name,
    from: { data: 'centers' },
    encode: {
      enter: {
        x: { field: 'x' },
        y: { field: 'y' },
        text: { field: 'class' },
        font: { value: fontFamily },
        fontSize: { value: 15 },
        fontWeight: { value: 'bold' },
        align: { value: 'center' },
        baseline: { value: 'middle' },
        ...look,
      },
    },
  });
  return [mark('mean-outline', outline as TextEncodeEntry), mark('mean', { fill: { value: ink } })];
}

/** Scales named `x` and `y` for what a panel shows of the plane. */
export const planeScales = (frame: Frame, width: number, height: number): LinearScale[] =>
  (
    [
      ['x', [0, width]],
      ['y', [height, 0]],
    ] as const
  ).map(([name, range]) => ({
    name,
    type: 'linear',
    domain: frame[name],
    range: [...range],
    zero: false,
    nice: false,
  }));

/** Marks that end at the panel's edges. */
export const clippedMarks = (width: number, height: number, marks: Mark[]): Mark => ({
  type: 'group',
  encode: { enter: { width: { value: width }, height: { value: height }, clip: { value: true } } },
  marks,
});

/** The points of the data `dots`, by the colour and the shape of their class. */
export const pointMark = (size: number, opacity: number): Mark => ({
  type: 'symbol',
  name: 'point',
  from: { data: 'dots' },
  encode: {
    enter: {
      x: { field: 'x' },
      y: { field: 'y' },
      fill: { scale: 'color', field: 'class' },
      shape: { scale: 'shape', field: 'class' },
      size: { value: size },
      fillOpacity: { value: opacity },
    },
  },
});

/** In the corner of the first panel: which line is which contour. */
export function keyMarks(size: number): Mark[] {
  return contours.flatMap(({ sigmas, dash }, i): Mark[] => [
    {
      type: 'rule',
      name: `key-${sigmas}`,
      encode: {
        enter: {
          x: { value: 12 },
          x2: { value: 34 },
          y: { value: size - 30 + 16 * i },
          stroke: { value: ink },
          strokeWidth: { value: 1.2 },
          strokeDash: { value: dash },
        },
      },
    },
    {
      type: 'text',
      encode: {
        enter: {
          x: { value: 40 },
          y: { value: size - 30 + 16 * i },
          text: { value: `${sigmas}σ` },
          font: { value: fontFamily },
          fontSize: { value: 11 },
          baseline: { value: 'middle' },
          fill: { value: ink },
        },
      },
    },
  ]);
}
