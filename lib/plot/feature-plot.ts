import type { Mark, Spec, TextEncodeEntry } from 'vega';
import { type FeaturePanel, type Frame, frameOf, type PanelData, panelData } from './feature-data.ts';
import { renderSvg } from './render.ts';
import { colorOf, fontFamily, ink, percent, shapeOf } from './style.ts';

export type { FeaturePanel } from './feature-data.ts';

export interface FeaturePlotOptions {
  /** Drawn side by side on the same axes. */
  panels: readonly FeaturePanel[];
  /** The classes' names, K of them. */
  classes: readonly string[];
  /** Of one line or several */
  title?: string;
  /** The most points that a class gets in a panel. Default 250: two panels of ten classes stay below 1 MB. */
  pointsPerClass?: number;
  /** A panel's width and height in pixels. Default 420. */
  size?: number;
}

/**
 * An ellipse around (0, 0) as four curves. The radii are in the path itself: a scaled path would need lines that do
 * not scale with it, which not every SVG viewer draws.
 */
function ellipse(rx: number, ry: number): string {
  const [x, y] = [rx.toFixed(2), ry.toFixed(2)];
  // A quarter circle is a cubic whose inner points lie this far along the tangents.
  const [u, v] = [(0.5523 * rx).toFixed(2), (0.5523 * ry).toFixed(2)];
  return `M${x},0C${x},${v},${u},${y},0,${y}C-${u},${y},-${x},${v},-${x},0C-${x},-${v},-${u},-${y},0,-${y}C${u},-${y},${x},-${v},${x},0Z`;
}

const contours = [
  { sigmas: 1, dash: [] },
  { sigmas: 2, dash: [4, 3] },
];

/**
 * The features of a two-dimensional network: points coloured by class, class means, and contours one and two standard
 * deviations from them. Both axes have the same scale, so an isotropic class is a circle.
 *
 * @returns SVG
 * @throws TypeError or RangeError naming what does not fit
 */
export async function featurePlot(options: FeaturePlotOptions): Promise<string> {
  const { panels, classes, title, pointsPerClass = 250, size = 420 } = options;
  if (panels.length === 0) throw new RangeError('featurePlot: panels: expected at least one, got none');
  const data = panels.map((panel) => panelData(panel, classes.length, pointsPerClass));
  if (data.every(({ points }) => points.length === 0)) {
    throw new RangeError('featurePlot: panels: expected finite features, got none');
  }
  const frame = frameOf(data);
  const withSigmas = panels.some((panel) => panel.sigmas !== undefined);
  const spec: Spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 12,
    layout: { columns: panels.length, padding: 16, align: 'all', bounds: 'full' },
    ...(title === undefined
      ? {}
      : { title: { text: title.split('\n'), fontSize: 16, anchor: 'start', offset: 10 } }),
    scales: [
      {
        name: 'color',
        type: 'ordinal',
        domain: [...classes],
        range: classes.map((_, k) => colorOf(k)),
      },
      {
        name: 'shape',
        type: 'ordinal',
        domain: [...classes],
        range: classes.map((_, k) => shapeOf(k)),
      },
    ],
    legends: [
      {
        fill: 'color',
        shape: 'shape',
        title: 'class',
        orient: 'right',
        columns: Math.ceil(classes.length / 20),
        symbolSize: 70,
        symbolStrokeWidth: 0,
        offset: 18,
      },
    ],
    marks: panels.map((panel, i) => panelMark(panel, data[i]!, frame, classes, size, withSigmas && i === 0)),
  };
  return renderSvg(spec);
}

function panelMark(
  panel: FeaturePanel,
  { points, clusters }: PanelData,
  frame: Frame,
  classes: readonly string[],
  size: number,
  explains: boolean,
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
  const scale = (name: 'x' | 'y', range: [number, number]) => ({
    name,
    type: 'linear' as const,
    domain: frame[name],
    range,
    zero: false,
    nice: false,
  });
  const place = { x: { field: 'x' }, y: { field: 'y' } };
  const fill = { scale: 'color', field: 'class' };
  return {
    type: 'group',
    title: { text: heading, frame: 'group', offset: 8 },
    encode: {
      enter: { width: { value: size }, height: { value: size }, stroke: { value: '#bbbbbb' } },
    },
    data: [
      { name: 'dots', values: dots },
      { name: 'rings', values: rings },
      { name: 'centers', values: centers },
    ],
    scales: [scale('x', [0, size]), scale('y', [size, 0])],
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        title: 'feature 1',
        grid: true,
        tickCount: 6,
        domain: false,
        zindex: 0,
      },
      { orient: 'left', scale: 'y', title: 'feature 2', tickCount: 6, domain: false },
    ],
    marks: [
      {
        type: 'group',
        encode: { enter: { width: { value: size }, height: { value: size }, clip: { value: true } } },
        marks: [
          {
            type: 'symbol',
            name: 'point',
            from: { data: 'dots' },
            encode: {
              enter: {
                ...place,
                fill,
                shape: { scale: 'shape', field: 'class' },
                size: { value: 16 },
                fillOpacity: { value: 0.6 },
              },
            },
          },
          ...ringMarks(),
        ],
      },
      ...labelMarks(),
      ...(explains ? keyMarks(size) : []),
    ],
  };
}

/** Contours, each with a white line below it that keeps it visible among its own points. */
function ringMarks(): Mark[] {
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
function labelMarks(): Mark[] {
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

/** In the corner of the first panel: which line is which contour. */
function keyMarks(size: number): Mark[] {
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
