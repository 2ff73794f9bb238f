/** Pictures of features and of training, as SVG and PNG. */
export { type Curve, type CurvesPanel, type CurvesPlotOptions, curvesPlot } from './curves-plot.ts';
export { type FeaturePanel, type FeaturePlotOptions, featurePlot } from './feature-plot.ts';
export { svgToPng } from './render.ts';
