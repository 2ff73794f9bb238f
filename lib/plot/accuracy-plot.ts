import type { Mark, Spec } from 'vega';
import { checkNames } from './names.ts';
import { renderSvg } from './render.ts';
import { colorOf, ink, pictureTitle } from './style.ts';

/** One loss in one experiment. */
export interface AccuracyRow {
  /** 'ICU' */
  name: string;
  /** Shares, one for each seed; none where it was not run */
  values: readonly number[];
  /** A share that was published elsewhere, to compare. */
  published?: number | null;
}

export interface AccuracyPanel {
  /** 'MNIST, 2-D' */
  title: string;
  /** Below the title: '2 of 8 epochs'. Default: none. */
  note?: string;
  /** From above, of different names */
  rows: readonly AccuracyRow[];
}

export interface AccuracyPlotOptions {
  /** Drawn side by side, two in a row, each with an axis of its own. */
  panels: readonly AccuracyPanel[];
  title?: string;
  /** Of a panel, in pixels. Default 300. */
  width?: number;
}

const legend = { mean: 'mean ± sd over seeds', seed: 'one seed', published: 'published' };
const rowHeight = 30;
/** More panels than these in a row, and their letters are too small in a picture of a page's width. */
const mostColumns = 2;

/**
 * Accuracies of losses: the mean over seeds as a dot with a bar of one standard deviation (n − 1) to both sides, each
 * seed as a small dot below it, and a published figure as a hollow diamond.
 *
 * @returns SVG
 * @throws RangeError naming the panel and the row that does not fit
 */
export async function accuracyPlot(options: AccuracyPlotOptions): Promise<string> {
  const { panels, title, width = 300 } = options;
  if (panels.length === 0) throw new RangeError('accuracyPlot: panels: expected at least one, got none');
  for (const panel of panels) check(panel);
  const shown = Object.entries(legend).filter(
    ([kind]) => kind !== 'published' || panels.some(({ rows }) => rows.some((row) => row.published != null)),
  );
  const names = shown.map(([, name]) => name);
  const pick = (values: Record<keyof typeof legend, unknown>) =>
    shown.map(([kind]) => values[kind as keyof typeof legend]) as string[];
  const scale = (name: string, values: Record<keyof typeof legend, unknown>) => ({
    name,
    type: 'ordinal' as const,
    domain: names,
    range: pick(values),
  });
  const spec: Spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 12,
    layout: { columns: Math.min(panels.length, mostColumns), padding: 24, align: 'all', bounds: 'full' },
    ...pictureTitle(title),
    scales: [
      scale('fill', { mean: ink, seed: colorOf(5), published: 'transparent' }),
      scale('stroke', { mean: ink, seed: colorOf(5), published: colorOf(4) }),
      scale('shape', { mean: 'circle', seed: 'circle', published: 'diamond' }),
      scale('size', { mean: 70, seed: 22, published: 80 }),
    ],
    legends: [
      {
        fill: 'fill',
        stroke: 'stroke',
        shape: 'shape',
        size: 'size',
        orient: 'bottom',
        direction: 'horizontal',
        columnPadding: 18,
        symbolStrokeWidth: 1.6,
      },
    ],
    marks: panels.map((panel) => panelMark(panel, width)),
  };
  return renderSvg(spec);
}

function check({ title, rows }: AccuracyPanel): void {
  const fail = (what: string, expected: string, got: string | number): never => {
    throw new RangeError(`accuracyPlot: panel '${title}': ${what}: expected ${expected}, got ${got}`);
  };
  const isShare = (value: number) => value >= 0 && value <= 1;
  if (rows.length === 0) fail('rows', 'at least one', 'none');
  checkNames(
    `accuracyPlot: panel '${title}': rows`,
    rows.map(({ name }) => name),
  );
  rows.forEach(({ name, values, published }) => {
    values.forEach((value, s) => {
      if (!isShare(value)) fail(`'${name}': values[${s}]`, 'a share from 0 to 1', value);
    });
    if (published != null && !isShare(published)) {
      fail(`'${name}': published`, 'a share from 0 to 1', published);
    }
  });
  if (rows.every(({ values, published }) => values.length === 0 && published == null)) {
    fail('rows', 'an accuracy', 'none');
  }
}

function meanAndSpread(values: readonly number[]): { mean: number; sd: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

function panelMark({ title, note = '', rows }: AccuracyPanel, width: number): Mark {
  const height = rows.length * rowHeight;
  // In percent.
  const points: { row: string; value: number; kind: string; dy: number }[] = [];
  const bars: { row: string; low: number; high: number }[] = [];
  for (const { name: row, values, published } of rows) {
    if (values.length > 0) {
      const { mean, sd } = meanAndSpread(values);
      points.push({ row, value: 100 * mean, kind: legend.mean, dy: -3 });
      if (sd > 0) bars.push({ row, low: 100 * (mean - sd), high: 100 * (mean + sd) });
    }
    for (const value of values) points.push({ row, value: 100 * value, kind: legend.seed, dy: 7 });
    if (published != null) points.push({ row, value: 100 * published, kind: legend.published, dy: -3 });
  }
  const all = [...points.map(({ value }) => value), ...bars.flatMap(({ low, high }) => [low, high])];
  const [least, greatest] = [Math.min(...all), Math.max(...all)];
  const room = Math.max(0.06 * (greatest - least), 0.05);
  const [left, right] = [least - room, greatest + room];
  // The room and a bar may go beyond 0 and 100, where no accuracy is and no tick should be: the scale ends there.
  const domain = [Math.max(left, 0), Math.min(right, 100)] as const;
  const share = (domain[1] - domain[0]) / (right - left);
  const y = { scale: 'y', field: 'row', band: 0.5, offset: -3 };
  const ends = { x: { scale: 'x', field: 'low' }, x2: { scale: 'x', field: 'high' } };
  return {
    type: 'group',
    title: { text: title, subtitle: note, frame: 'group', offset: 6, subtitleColor: ink },
    encode: {
      enter: { width: { value: width }, height: { value: height }, stroke: { value: '#bbbbbb' } },
    },
    data: [
      { name: 'points', values: points },
      { name: 'bars', values: bars },
    ],
    scales: [
      {
        name: 'x',
        type: 'linear',
        domain: [...domain],
        range: domain.map((value) => ((value - left) / (right - left)) * width),
        zero: false,
      },
      { name: 'y', type: 'band', domain: rows.map(({ name }) => name), range: [0, height] },
    ],
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        title: 'test accuracy (%)',
        titleX: width / 2,
        grid: true,
        gridScale: 'y',
        tickCount: Math.round(5 * share),
        domain: false,
      },
      {
        orient: 'left',
        scale: 'y',
        domain: false,
        ticks: false,
        labelPadding: 8,
        labelColor: ink,
        labelLimit: 0,
      },
    ],
    marks: [
      {
        type: 'rule',
        name: 'spread',
        from: { data: 'bars' },
        encode: { enter: { ...ends, y, stroke: { value: ink }, strokeWidth: { value: 1.6 } } },
      },
      ...(['low', 'high'] as const).map(
        (end): Mark => ({
          type: 'rule',
          name: `spread-${end}`,
          from: { data: 'bars' },
          encode: {
            enter: {
              x: { scale: 'x', field: end },
              y: { ...y, offset: -7 },
              y2: { ...y, offset: 1 },
              stroke: { value: ink },
              strokeWidth: { value: 1.6 },
            },
          },
        }),
      ),
      {
        type: 'symbol',
        name: 'accuracy',
        from: { data: 'points' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'value' },
            y: { scale: 'y', field: 'row', band: 0.5, offset: { field: 'dy' } },
            fill: { scale: 'fill', field: 'kind' },
            stroke: { scale: 'stroke', field: 'kind' },
            shape: { scale: 'shape', field: 'kind' },
            size: { scale: 'size', field: 'kind' },
            strokeWidth: { value: 1.6 },
          },
        },
      },
    ],
  };
}
