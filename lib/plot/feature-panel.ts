/** One panel of features, and the legend of the classes. */
import type { Legend, Mark, OrdinalScale } from 'vega';
import type { FeaturePanel, Frame, PanelData } from './feature-data.ts';
import {
  clippedMarks,
  contours,
  ellipse,
  keyMarks,
  labelMarks,
  planeScales,
  pointMark,
  ringMarks,
} from './gaussian-marks.ts';
import { numberFormat } from './number-format.ts';
import { colorOf, percent, shapeOf } from './style.ts';

/** For every panel of a picture: scales named `color` and `shape`. */
export const classScales = (classes: readonly string[]): OrdinalScale[] => [
  { name: 'color', type: 'ordinal', domain: [...classes], range: classes.map((_, k) => colorOf(k)) },
  { name: 'shape', type: 'ordinal', domain: [...classes], range: classes.map((_, k) => shapeOf(k)) },
];

export const classLegend = (classes: readonly string[]): Legend => ({
  fill: 'color',
  shape: 'shape',
  title: 'class',
  orient: 'right',
  columns: Math.ceil(classes.length / 20),
  symbolLimit: 0,
  symbolSize: 70,
  symbolStrokeWidth: 0,
  offset: 18,
});

/**
 * @param explains whether the key of the contours stands in the corner
 * @param above what the panel is of; its own title then stands below that
 */
export function featurePanelMark(
  panel: FeaturePanel,
  { points, clusters }: PanelData,
  frame: Frame,
  classes: readonly string[],
  size: number,
  explains: boolean,
  above?: string,
): Mark {
  const perUnit = size / (frame.x[1] - frame.x[0]);
  const left = (x: number) => (x - frame.x[0]) * perUnit;
  const top = (y: number) => (frame.y[1] - y) * perUnit;
  // A tenth of a pixel is enough, and half the file.
  const rounded = (pixels: number) => Math.round(pixels * 10) / 10;
  const label = (k: number) => classes[k]!;
  const dots = points
    .map(({ x, y, k }) => ({ x: rounded(left(x)), y: rounded(top(y)), class: label(k) }))
    .filter(({ x, y }) => x >= 0 && x <= size && y >= 0 && y <= size);
  const centers = clusters.map(({ x, y, k }) => ({ x: left(x), y: top(y), class: label(k) }));
  const rings = clusters
    .filter(({ sx, sy }) => sx > 0 && sy > 0)
    .flatMap(({ x, y, k, sx, sy }) =>
      contours.map(({ sigmas, dash }) => ({
        x: left(x),
        y: top(y),
        class: label(k),
        path: ellipse(sigmas * sx * perUnit, sigmas * sy * perUnit),
        dash,
      })),
    );
  const heading = panel.accuracy === undefined ? panel.title : `${panel.title} · ${percent(panel.accuracy)}`;
  return {
    type: 'group',
    title: {
      ...(above === undefined ? { text: heading } : { text: above, subtitle: heading }),
      frame: 'group',
      offset: 8,
    },
    encode: {
      enter: { width: { value: size }, height: { value: size }, stroke: { value: '#bbbbbb' } },
    },
    data: [
      { name: 'dots', values: dots },
      { name: 'rings', values: rings },
      { name: 'centers', values: centers },
    ],
    scales: planeScales(frame, size, size),
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        title: 'feature 1',
        grid: true,
        tickCount: 6,
        format: numberFormat(...frame.x),
        labelOverlap: true,
        domain: false,
        zindex: 0,
      },
      {
        orient: 'left',
        scale: 'y',
        title: 'feature 2',
        tickCount: 6,
        format: numberFormat(...frame.y),
        domain: false,
      },
    ],
    marks: [
      clippedMarks(size, size, [pointMark(16, 0.6), ...ringMarks()]),
      ...labelMarks(),
      ...(explains ? keyMarks(size) : []),
    ],
  };
}
