/** Pictures of features and of training, as SVG and PNG. */
export {
  type AccuracyPanel,
  type AccuracyPlotOptions,
  type AccuracyRow,
  accuracyPlot,
} from './accuracy-plot.ts';
export { type Curve, type CurvesPanel, type CurvesPlotOptions, curvesPlot } from './curves-plot.ts';
export type { Frame } from './feature-data.ts';
export { type FeatureColumn, type FeatureGridOptions, featureGrid } from './feature-grid.ts';
export { type FeaturePanel, type FeaturePlotOptions, featurePlot } from './feature-plot.ts';
export { type Path, type PlaneFunction, positiveRegion, zeroLines } from './level-lines.ts';
export {
  type PlaneClass,
  type PlaneLine,
  type PlanePanel,
  type PlanePlotOptions,
  planePlot,
} from './plane-plot.ts';
export { svgToPng } from './render.ts';
export { type SigmaPlotOptions, type SigmaSeries, sigmaPlot } from './sigma-plot.ts';
