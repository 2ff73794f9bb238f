/** The paper's tables and figures as recipes, and what runs them. */
export { type DecisionFigureOptions, decisionFigure } from './figures/decision-regions.ts';
export { type FeatureFigureOptions, featureFigure } from './figures/features.ts';
export type { Figure, FigureEvents, LabelledRun } from './figures/figure.ts';
export { type MarginFigureOptions, marginFigure } from './figures/margins.ts';
export { sigmaFigure } from './figures/sigmas.ts';
export { type Estimate, estimatesOf, type Plan, type PlanOptions, paperRuns, planOf } from './plan.ts';
export { otherFigures, type Published, paperFigure } from './published.ts';
export {
  configOf,
  type Experiment,
  type Method,
  type Recipe,
  recipeOf,
  type Settings,
  type Variation,
} from './recipe.ts';
export { type Report, type ReproduceOptions, reproduceTable } from './reproduce.ts';
export {
  type FigureName,
  type FigureReport,
  figureNames,
  planOfFigure,
  reproduceFigure,
} from './reproduce-figure.ts';
export { type PlanOutcome, type RunPlanOptions, runPlan } from './run-plan.ts';
export type { Origin, Setting } from './setting.ts';
export { type PairedTest, pairedTest, type Spread, spreadOf } from './statistics.ts';
export { type Cell, cellsOf, type Figures } from './summary.ts';
export { recipesOf, type Selection, type Table, type TableName, tableNames, tableOf } from './tables.ts';
