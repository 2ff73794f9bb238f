import type { Spec } from 'vega';
import { checkNames } from './names.ts';
import { numberFormat } from './number-format.ts';
import { renderSvg } from './render.ts';
import { colorOf, fontFamily, ink, pictureTitle, shapeOf } from './style.ts';

/** The classes of one run. */
export interface SigmaSeries {
  /** 'ICU, seed 0' */
  name: string;
  /** Of class 0, 1, …: its training images, above 0, and its σ */
  sizes: readonly { size: number; sigma: number }[];
  /** Spearman's ρ of the two, shown beside the name. Null where it is not defined. */
  correlation?: number | null;
}

export interface SigmaPlotOptions {
  /** Drawn over each other. */
  series: readonly SigmaSeries[];
  title?: string;
  /** Of the drawing area, in pixels. Default 480 × 320. */
  width?: number;
  height?: number;
}

/**
 * σ of each class against its number of training images, which are on a logarithmic axis. Each point has its class's
 * number, where there is room.
 *
 * @returns SVG
 * @throws RangeError naming the series and the class that does not fit
 */
export async function sigmaPlot(options: SigmaPlotOptions): Promise<string> {
  const { series, title, width = 480, height = 320 } = options;
  if (series.length === 0) throw new RangeError('sigmaPlot: series: expected at least one, got none');
  checkNames(
    'sigmaPlot: series',
    series.map(({ name }) => name),
  );
  const rows = series.flatMap(({ name, sizes, correlation }) => {
    if (sizes.length === 0) {
      throw new RangeError(`sigmaPlot: series '${name}': sizes: expected at least one class, got none`);
    }
    const legend = correlation == null ? name : `${name}: ρ = ${correlation.toFixed(2).replace('-', '−')}`;
    return sizes.map(({ size, sigma }, k) => {
      for (const [what, value] of Object.entries({ size, sigma })) {
        if (!(Number.isFinite(value) && value > 0)) {
          throw new RangeError(
            `sigmaPlot: series '${name}': sizes[${k}].${what}: expected a number above 0, got ${value}`,
          );
        }
      }
      return { size, sigma, label: String(k), legend };
    });
  });
  const legends = [...new Set(rows.map(({ legend }) => legend))];
  const sizes = rows.map(({ size }) => size);
  const [least, greatest] = [Math.min(...sizes), Math.max(...sizes)];
  // Room at both ends, also where all classes are of one size.
  const room = Math.max((greatest / least) ** 0.06, 1.02);
  const domain = [least / room, greatest * room];
  const apart = (width * Math.log(greatest / least)) / Math.log((greatest / least) * room ** 2);
  const sigmas = rows.map(({ sigma }) => sigma);
  const spec: Spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 12,
    width,
    height,
    ...pictureTitle(title),
    data: [{ name: 'rows', values: rows }],
    scales: [
      { name: 'x', type: 'log', domain, range: [0, width] },
      {
        name: 'y',
        type: 'linear',
        domain: { data: 'rows', field: 'sigma' },
        range: [height, 0],
        zero: false,
        padding: 12,
      },
      { name: 'color', type: 'ordinal', domain: legends, range: legends.map((_, i) => colorOf(2 * i)) },
      { name: 'shape', type: 'ordinal', domain: legends, range: legends.map((_, i) => shapeOf(2 * i)) },
    ],
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        title: 'training images of the class',
        grid: true,
        format: ',d',
        values: ticks(least, greatest, apart),
      },
      {
        orient: 'left',
        scale: 'y',
        title: 'σ',
        grid: true,
        tickCount: 6,
        format: numberFormat(Math.min(...sigmas), Math.max(...sigmas)),
      },
    ],
    legends: [
      {
        fill: 'color',
        shape: 'shape',
        orient: 'bottom',
        direction: 'horizontal',
        columns: 2,
        columnPadding: 18,
        symbolSize: 90,
        symbolStrokeWidth: 0,
      },
    ],
    marks: [
      {
        type: 'symbol',
        name: 'class',
        from: { data: 'rows' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'size' },
            y: { scale: 'y', field: 'sigma' },
            fill: { scale: 'color', field: 'legend' },
            shape: { scale: 'shape', field: 'legend' },
            size: { value: 60 },
            fillOpacity: { value: 0.85 },
          },
        },
      },
      {
        type: 'text',
        name: 'label',
        from: { data: 'rows' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'size' },
            y: { scale: 'y', field: 'sigma' },
            text: { field: 'label' },
            font: { value: fontFamily },
            fontSize: { value: 11 },
            fill: { value: ink },
          },
        },
        transform: [
          {
            type: 'label',
            size: [width, height],
            anchor: ['right', 'top', 'bottom', 'left'],
            offset: [6],
            avoidBaseMark: true,
          },
        ],
      },
    ],
  };
  return renderSvg(spec);
}

/**
 * 1, 2, 5, 10, … between `least` and `greatest`; powers of ten alone, or some of them, where those would be too close
 * together; where these are too few, up to five numbers at equal ratios.
 *
 * @param apart how far `least` and `greatest` are from each other, in pixels
 */
function ticks(least: number, greatest: number, apart: number): number[] {
  if (least === greatest) return [least];
  // Six pixels for each character of the longest label, and for the gap.
  const room = 6 * (Math.round(greatest).toLocaleString('en').length + 1);
  const decade = apart / Math.log10(greatest / least);
  const digits = decade * Math.log10(2) >= room ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(room / decade));
  const powers = Array.from({ length: 16 }, (_, i) => 10 ** i).filter((_, i) => i % every === 0);
  const round = powers
    .flatMap((power) => digits.map((digit) => digit * power))
    .filter((value) => value >= least && value <= greatest);
  if (round.length >= 4) return round;
  const steps = Math.min(4, Math.floor(apart / room));
  const even = Array.from({ length: steps + 1 }, (_, i) =>
    Math.round(least * (greatest / least) ** (i / Math.max(1, steps))),
  );
  return [...new Set(even)];
}
