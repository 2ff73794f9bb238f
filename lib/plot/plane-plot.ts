import type { Mark, Spec } from 'vega';
import type { Frame } from './feature-data.ts';
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
import type { Path } from './level-lines.ts';
import { checkNames } from './names.ts';
import { numberFormat } from './number-format.ts';
import { renderSvg } from './render.ts';
import { colorOf, pictureTitle, shapeOf } from './style.ts';

export interface PlaneClass {
  name: string;
  /** Which colour and shape it has. Default: its number. */
  look?: number;
}

/** A line of the legend. */
export interface PlaneLine {
  name: string;
  /** A colour. Default: dark grey. */
  color?: string;
  /** Pixels drawn and left out, in turn. Default: drawn through. */
  dash?: readonly number[];
}

export interface PlanePanel {
  title: string;
  /** Lines below the title */
  subtitle?: string | readonly string[];
  /** Samples: coordinates (N, 2), row-major, and classes (N) */
  points?: { features: ArrayLike<number>; labels: ArrayLike<number> };
  /** Circles of one and two σ, with the class's name at the mean */
  gaussians?: readonly { mean: readonly [number, number]; sigma: number; label: string }[];
  /** Areas below all else, by the class whose colour tints them; grey without one */
  regions?: readonly { class?: number; paths: readonly Path[] }[];
  /** By the names of `lines` */
  lines?: readonly { name: string; paths: readonly Path[] }[];
}

export interface PlanePlotOptions {
  /** Drawn side by side. */
  panels: readonly PlanePanel[];
  /** What all panels show of the plane. Its sides' lengths make a panel's width and height, in the same scale. */
  frame: Frame;
  classes: readonly PlaneClass[];
  lines: readonly PlaneLine[];
  title?: string;
  /** What the grey regions are, for the legend. Default: there are none. */
  greyRegions?: string;
  /** A panel's width in pixels. Default 420. */
  width?: number;
}

const lineColor = '#333333';
const grey = '#d4d4d4';

/**
 * Two or more classes in the plane: regions, samples, σ contours and boundaries, all given as numbers.
 *
 * @returns SVG
 * @throws RangeError naming what does not fit
 */
export async function planePlot(options: PlanePlotOptions): Promise<string> {
  const { panels, frame, classes, lines, title, greyRegions, width = 420 } = options;
  if (panels.length === 0) throw new RangeError('planePlot: panels: expected at least one, got none');
  const [[left, right], [bottom, top]] = [frame.x, frame.y];
  if (!(right > left && top > bottom)) {
    throw new RangeError(
      `planePlot: frame: expected ranges from low to high, got x ${left} to ${right} and y ${bottom} to ${top}`,
    );
  }
  checkNames(
    'planePlot: classes',
    classes.map(({ name }) => name),
  );
  checkNames(
    'planePlot: lines',
    lines.map(({ name }) => name),
  );
  for (const panel of panels) check(panel, classes.length, lines);
  const withPoints = panels.some(({ points }) => points !== undefined);
  const withContours = panels.findIndex(({ gaussians }) => gaussians !== undefined);
  const names = classes.map(({ name }) => name);
  const looks = classes.map(({ look }, k) => look ?? k);
  const lineNames = lines.map(({ name }) => name);
  const scale = (name: string, domain: string[], range: unknown[]) => ({
    name,
    type: 'ordinal' as const,
    domain,
    range: range as string[],
  });
  const legend = {
    orient: 'bottom' as const,
    direction: 'horizontal' as const,
    columns: 4,
    columnPadding: 18,
  };
  const spec: Spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 12,
    // Flush, with room for the axis: titles would count with an estimate of their width that is half too much.
    layout: { columns: panels.length, padding: 48, align: 'all', bounds: 'flush' },
    ...pictureTitle(title),
    scales: [
      scale('color', names, looks.map(colorOf)),
      scale('shape', names, looks.map(shapeOf)),
      scale(
        'line-color',
        lineNames,
        lines.map(({ color }) => color ?? lineColor),
      ),
      scale(
        'line-dash',
        lineNames,
        lines.map(({ dash }) => dash ?? []),
      ),
      scale('grey', [greyRegions ?? ''], [grey]),
    ],
    legends: [
      ...(withPoints
        ? [{ ...legend, fill: 'color', shape: 'shape', symbolSize: 70, symbolStrokeWidth: 0 }]
        : []),
      {
        ...legend,
        stroke: 'line-color',
        strokeDash: 'line-dash',
        symbolType: 'stroke',
        symbolSize: 900,
        symbolStrokeWidth: 2,
      },
      ...(greyRegions === undefined
        ? []
        : [{ ...legend, fill: 'grey', symbolType: 'square', symbolSize: 150, symbolStrokeWidth: 0 }]),
    ],
    marks: panels.map((panel, i) => panelMark(panel, frame, classes, width, i === withContours)),
  };
  return renderSvg(spec);
}

function check(
  { title, points, regions = [], lines = [] }: PlanePanel,
  count: number,
  known: readonly PlaneLine[],
): void {
  const fail = (what: string, expected: string, got: string | number): never => {
    throw new RangeError(`planePlot: panel '${title}': ${what}: expected ${expected}, got ${got}`);
  };
  const checkClass = (what: string, k: number) => {
    if (!(Number.isInteger(k) && k >= 0 && k < count)) fail(what, `a class from 0 to ${count - 1}`, k);
  };
  if (points !== undefined) {
    const { features, labels } = points;
    if (features.length !== 2 * labels.length) {
      fail('points.features', `${2 * labels.length} numbers, two for each label`, features.length);
    }
    for (let i = 0; i < labels.length; i++) checkClass(`points.labels[${i}]`, labels[i]!);
  }
  regions.forEach(({ class: k = 0 }, i) => {
    checkClass(`regions[${i}].class`, k);
  });
  const names = known.map(({ name }) => name);
  for (const { name } of lines) {
    if (!names.includes(name)) fail('lines', `one of ${names.join(', ')}`, name);
  }
}

function panelMark(
  panel: PlanePanel,
  frame: Frame,
  classes: readonly PlaneClass[],
  width: number,
  explains: boolean,
): Mark {
  const { title, subtitle, points, gaussians = [], regions = [], lines = [] } = panel;
  const perUnit = width / (frame.x[1] - frame.x[0]);
  const height = (frame.y[1] - frame.y[0]) * perUnit;
  const left = (x: number) => (x - frame.x[0]) * perUnit;
  const top = (y: number) => (frame.y[1] - y) * perUnit;
  const rounded = (pixels: number) => Math.round(pixels * 100) / 100;
  const svgPath = (paths: readonly Path[]) =>
    paths
      .map((path) => `M${path.map(([x, y]) => `${rounded(left(x))},${rounded(top(y))}`).join('L')}`)
      .join('');
  const name = (k: number) => classes[k]!.name;
  const dots = Array.from(points?.labels ?? [], (k, i) => ({
    x: rounded(left(points!.features[2 * i]!)),
    y: rounded(top(points!.features[2 * i + 1]!)),
    class: name(k),
  })).filter(({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height);
  const circles = gaussians.flatMap(({ mean: [x, y], sigma }) =>
    contours.map(({ sigmas, dash }) => ({
      x: left(x),
      y: top(y),
      path: ellipse(sigmas * sigma * perUnit, sigmas * sigma * perUnit),
      dash,
    })),
  );
  return {
    type: 'group',
    title: {
      text: title,
      ...(subtitle === undefined ? {} : { subtitle: subtitle as string[] }),
      frame: 'group',
      offset: 8,
    },
    encode: { enter: { width: { value: width }, height: { value: height }, stroke: { value: '#bbbbbb' } } },
    data: [
      {
        name: 'regions',
        values: regions.map(({ class: k, paths }) => ({
          path: svgPath(paths),
          color: k === undefined ? grey : colorOf(classes[k]!.look ?? k),
          opacity: k === undefined ? 1 : 0.16,
        })),
      },
      { name: 'dots', values: dots },
      { name: 'rings', values: circles },
      {
        name: 'centers',
        values: gaussians.map(({ mean: [x, y], label }) => ({ x: left(x), y: top(y), class: label })),
      },
      { name: 'lines', values: lines.map(({ name, paths }) => ({ name, path: svgPath(paths) })) },
    ],
    scales: planeScales(frame, width, height),
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        tickCount: 7,
        format: numberFormat(...frame.x),
        labelOverlap: true,
        domain: false,
      },
      { orient: 'left', scale: 'y', tickCount: 7, format: numberFormat(...frame.y), domain: false },
    ],
    marks: [
      clippedMarks(width, height, [regionMark, pointMark(20, 0.7), ...ringMarks(), ...lineMarks()]),
      ...labelMarks(),
      ...(explains ? keyMarks(height) : []),
    ],
  };
}

const regionMark: Mark = {
  type: 'path',
  name: 'region',
  from: { data: 'regions' },
  encode: {
    enter: {
      path: { field: 'path' },
      fill: { field: 'color' },
      fillOpacity: { field: 'opacity' },
    },
  },
};

/** On a white line that keeps them apart from what is below. */
function lineMarks(): Mark[] {
  const look = [
    {
      name: 'line-halo',
      stroke: { value: 'white' },
      strokeWidth: { value: 4 },
      strokeOpacity: { value: 0.7 },
    },
    {
      name: 'line',
      stroke: { scale: 'line-color', field: 'name' },
      strokeWidth: { value: 2 },
      strokeDash: { scale: 'line-dash', field: 'name' },
    },
  ];
  return look.map(({ name, ...encoding }) => ({
    type: 'path',
    name,
    from: { data: 'lines' },
    encode: { enter: { path: { field: 'path' }, ...encoding } },
  }));
}
