import type { Spec } from 'vega';
import { type FeaturePanel, frameOf, panelData } from './feature-data.ts';
import { classLegend, classScales, featurePanelMark } from './feature-panel.ts';
import { checkNames } from './names.ts';
import { renderSvg } from './render.ts';
import { pictureTitle } from './style.ts';

/** One network's features: drawn below each other in one frame. */
export interface FeatureColumn {
  /** 'Softmax'; stands above each of the column's panels, whose own titles follow below it */
  title: string;
  /** From above; as many in each column */
  panels: readonly FeaturePanel[];
}

export interface FeatureGridOptions {
  /** Drawn side by side. */
  columns: readonly FeatureColumn[];
  /** The classes' names, K of them, all different. */
  classes: readonly string[];
  title?: string;
  /** The most points that a class gets in a panel. Default 120, less where all would be more than 14,000. */
  pointsPerClass?: number;
  /** A panel's width and height in pixels. Default 300. */
  size?: number;
}

/** So many stay below 2 MB. */
const mostPoints = 14_000;

/**
 * The features of several two-dimensional networks. Each column has a frame of its own, since losses differ in the
 * scale of their features, and its panels share it, so that train and test can be compared.
 *
 * @returns SVG
 * @throws TypeError or RangeError naming what does not fit
 */
export async function featureGrid(options: FeatureGridOptions): Promise<string> {
  const { columns, classes, title, size = 300 } = options;
  const rows = columns[0]?.panels.length ?? 0;
  if (rows === 0) {
    throw new RangeError('featureGrid: columns: expected at least one with at least one panel, got none');
  }
  const odd = columns.find(({ panels }) => panels.length !== rows);
  if (odd !== undefined) {
    throw new RangeError(
      `featureGrid: column '${odd.title}': panels: expected ${rows} as in the first column, got ${odd.panels.length}`,
    );
  }
  checkNames('featureGrid: classes', classes);
  const most = Math.max(1, Math.floor(mostPoints / (columns.length * rows * classes.length)));
  const perClass = options.pointsPerClass ?? Math.min(120, most);
  // The key of the contours stands in the first panel that has any.
  const explaining = columns.findIndex(({ panels }) => panels[0]!.sigmas !== undefined);
  const drawn = columns.map((column, c) => {
    const of = `featureGrid: column '${column.title}'`;
    const data = column.panels.map((panel) => panelData(of, panel, classes.length, perClass));
    if (data.every(({ points }) => points.length === 0)) {
      throw new RangeError(`${of}: expected finite features, got none`);
    }
    const frame = frameOf(data);
    return column.panels.map((panel, r) =>
      featurePanelMark(panel, data[r]!, frame, classes, size, c === explaining && r === 0, column.title),
    );
  });
  const spec: Spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 12,
    layout: { columns: columns.length, padding: { row: 18, column: 14 }, align: 'all', bounds: 'full' },
    ...pictureTitle(title),
    scales: classScales(classes),
    legends: [classLegend(classes)],
    marks: Array.from({ length: rows }, (_, r) => drawn.map((marks) => marks[r]!)).flat(),
  };
  return renderSvg(spec);
}
