import type { Spec } from 'vega';
import { type FeaturePanel, frameOf, panelData } from './feature-data.ts';
import { classLegend, classScales, featurePanelMark } from './feature-panel.ts';
import { checkNames } from './names.ts';
import { renderSvg } from './render.ts';
import { pictureTitle } from './style.ts';

export type { FeaturePanel } from './feature-data.ts';

export interface FeaturePlotOptions {
  /** Drawn side by side on the same axes. */
  panels: readonly FeaturePanel[];
  /** The classes' names, K of them, all different. */
  classes: readonly string[];
  /** Of one line or several */
  title?: string;
  /** The most points that a class gets in a panel. Default 250: two panels of ten classes stay below 1 MB. */
  pointsPerClass?: number;
  /** A panel's width and height in pixels. Default 420. */
  size?: number;
}

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
  checkNames('featurePlot: classes', classes);
  const data = panels.map((panel) => panelData('featurePlot', panel, classes.length, pointsPerClass));
  if (data.every(({ points }) => points.length === 0)) {
    throw new RangeError('featurePlot: panels: expected finite features, got none');
  }
  const frame = frameOf(data);
  const withSigmas = panels.some((panel) => panel.sigmas !== undefined);
  const spec: Spec = {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 12,
    layout: { columns: panels.length, padding: 16, align: 'all', bounds: 'full' },
    ...pictureTitle(title),
    scales: classScales(classes),
    legends: [classLegend(classes)],
    marks: panels.map((panel, i) =>
      featurePanelMark(panel, data[i]!, frame, classes, size, withSigmas && i === 0),
    ),
  };
  return renderSvg(spec);
}
