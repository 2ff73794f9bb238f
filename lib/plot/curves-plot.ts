import type { Mark, Spec } from 'vega';
import { checkNames } from './names.ts';
import { numberFormat, percentFormat } from './number-format.ts';
import { renderSvg } from './render.ts';
import { colorOf, pictureTitle, shapeOf } from './style.ts';

/** One quantity over the epochs. */
export interface Curve {
  /** 'train' */
  name: string;
  /** One for each epoch; null, NaN and infinities leave a gap. */
  values: readonly (number | null)[];
}

/** Curves on the same axis. */
export interface CurvesPanel {
  /** 'loss' */
  title: string;
  /** Of different names */
  curves: readonly Curve[];
  /** Whether values are shares, to be shown as percentages. Default false. */
  percent?: boolean;
  /** Whether the axis is logarithmic; values must then be above 0, others leave a gap. Default false. */
  log?: boolean;
}

export interface CurvesPlotOptions {
  /** Drawn side by side. */
  panels: readonly CurvesPanel[];
  /** Of one line or several */
  title?: string;
  /** The epochs' numbers. Default 1, 2, 3, … */
  epochs?: readonly number[];
  /** A panel's size in pixels. Default 300 × 220. */
  width?: number;
  height?: number;
}

const dashes = [[], [5, 3], [1.5, 2.5], [7, 2, 2, 2]];
/** Up to here each epoch gets a dot. */
const dottedEpochs = 30;

/**
 * Training curves: loss, accuracy, mean σ or what else was measured, over the epochs. Curves differ in dash besides their
 * colour; of a single epoch there is no line, and the dots differ in shape.
 *
 * @returns SVG
 * @throws RangeError if there is nothing to draw, a curve has not one value for each epoch, or two in a panel have one name
 */
export async function curvesPlot(options: CurvesPlotOptions): Promise<string> {
  const { panels, title, width = 300, height = 220 } = options;
  const first = panels[0]?.curves[0];
  if (first === undefined)
    throw new RangeError('curvesPlot: panels: expected a panel with a curve, got none');
  const epochs = options.epochs ?? first.values.map((_, i) => i + 1);
  for (const panel of panels) {
    checkNames(
      `curvesPlot: panel '${panel.title}': curves`,
      panel.curves.map(({ name }) => name),
    );
    for (const { name, values } of panel.curves) {
      if (values.length !== epochs.length) {
        throw new RangeError(
          `curvesPlot: panel '${panel.title}': curve '${name}': expected ${epochs.length} values, one for each epoch, got ${values.length}`,
        );
      }
      if (values.length === 0) {
        throw new RangeError(
          `curvesPlot: panel '${panel.title}': curve '${name}': expected at least one value, got none`,
        );
      }
    }
  }
  const spec: Spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 12,
    layout: { columns: panels.length, padding: 24, align: 'all', bounds: 'full' },
    ...pictureTitle(title),
    marks: panels.map((panel) => panelMark(panel, epochs, width, height)),
  };
  return renderSvg(spec);
}

function panelMark(panel: CurvesPanel, epochs: readonly number[], width: number, height: number): Mark {
  const { curves, percent = false, log = false } = panel;
  const rows = curves.flatMap(({ name, values }) =>
    values.map((value, i) => ({
      epoch: epochs[i]!,
      value,
      name,
      defined: value !== null && Number.isFinite(value) && !(log && value <= 0),
    })),
  );
  const names = curves.map((curve) => curve.name);
  const shown = rows.filter((row) => row.defined);
  // A panel without any value still gets axes.
  const values = shown.length > 0 ? shown.map(({ value }) => value!) : log ? [0.1, 1] : [0, 1];
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  const single = epochs.length === 1;
  const place = { x: { scale: 'x', field: 'epoch' }, y: { scale: 'y', field: 'value' } };
  const stroke = { scale: 'color', field: 'name' };
  return {
    type: 'group',
    title: { text: panel.title, frame: 'group', offset: 6 },
    encode: { enter: { width: { value: width }, height: { value: height } } },
    data: [
      { name: 'rows', values: rows },
      { name: 'shown', values: shown },
    ],
    scales: [
      { name: 'x', type: 'linear', domain: [epochs[0]!, epochs.at(-1)!], range: [0, width], zero: false },
      {
        name: 'y',
        type: log ? 'log' : 'linear',
        domain: [least, greatest],
        range: [height, 0],
        zero: false,
        nice: true,
      },
      { name: 'color', type: 'ordinal', domain: names, range: names.map((_, i) => colorOf(2 * i)) },
      {
        name: 'dash',
        type: 'ordinal',
        domain: names,
        range: names.map((_, i) => dashes[i % dashes.length]!) as unknown as string[],
      },
      { name: 'shape', type: 'ordinal', domain: names, range: names.map((_, i) => shapeOf(i)) },
    ],
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        title: 'epoch',
        tickMinStep: 1,
        format: 'd',
        tickCount: Math.min(epochs.length, 8),
      },
      {
        orient: 'left',
        scale: 'y',
        grid: true,
        gridScale: 'x',
        tickCount: 5,
        // A logarithmic axis takes each number's own digits.
        format: log ? (percent ? '%' : undefined) : (percent ? percentFormat : numberFormat)(least, greatest),
      },
    ],
    legends: [
      {
        ...(single
          ? { fill: 'color', shape: 'shape', symbolSize: 70, symbolStrokeWidth: 0 }
          : {
              stroke: 'color',
              strokeDash: 'dash',
              symbolType: 'stroke',
              symbolSize: 350,
              symbolStrokeWidth: 2,
            }),
        orient: 'bottom',
        direction: 'horizontal',
        columns: 4,
      },
    ],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'one', data: 'rows', groupby: 'name' } },
        marks: [
          {
            type: 'line',
            name: 'curve',
            from: { data: 'one' },
            encode: {
              enter: {
                ...place,
                stroke,
                strokeDash: { scale: 'dash', field: 'name' },
                strokeWidth: { value: 2 },
                defined: { field: 'defined' },
              },
            },
          },
        ],
      },
      ...(epochs.length <= dottedEpochs
        ? [
            {
              type: 'symbol' as const,
              name: 'dot',
              from: { data: 'shown' },
              encode: {
                enter: {
                  ...place,
                  fill: stroke,
                  ...(single
                    ? { shape: { scale: 'shape', field: 'name' }, size: { value: 70 } }
                    : { size: { value: 22 }, stroke: { value: 'white' } }),
                },
              },
            },
          ]
        : []),
    ],
  };
}
