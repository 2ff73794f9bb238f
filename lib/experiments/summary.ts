import type { RunResult } from '../train/index.ts';
import { isOpen } from './jobs.ts';
import type { Plan, PlannedJob } from './plan.ts';
import { otherFigures, type Published, paperFigure, paperTop5 } from './published.ts';
import { epochsOf, type Recipe } from './recipe.ts';
import { type PairedTest, pairedTest, type Spread, spreadOf } from './statistics.ts';

/** A finished run, as the tables have it; shares are from 0 to 1. */
export interface RunRow {
  seed: number;
  folder: string;
  result: RunResult;
}

/** What is known of a cell. */
export interface Cell {
  experiment: string;
  method: string;
  title: string;
  recipe: Recipe;
  /** How many epochs a run has, and how many the recipe asks for */
  epochs: number;
  recipeEpochs: number;
  runs: RunRow[];
  /** Of all the runs that were asked for: how many are not finished, and how many diverged */
  unfinished: number;
  diverged: number;
  /** Null where no run is finished */
  figures: Figures | null;
  /** In percent */
  paper: number | null;
  paperTop5: number | null;
  others: Published[];
  /** Test accuracy less that of the method that the table pairs with, on the seeds that both have */
  paired: PairedTest | null;
}

/** Over the seeds; of the test set, as shares. Null where no run has the figure. */
export interface Figures {
  /** Of the chosen epoch */
  accuracy: Spread;
  /** Of the last epoch */
  lastAccuracy: Spread;
  /** None where the test set chose the epoch, and nothing was held out */
  validationAccuracy: Spread | null;
  top5: Spread | null;
  ece: Spread | null;
  many: Spread | null;
  medium: Spread | null;
  few: Spread | null;
  featureNorm: Spread | null;
  /** ICU: mean σ over the classes, Spearman's ρ of σ and class size, the share of images with d_z < 0 */
  sigma: Spread | null;
  sizeCorrelation: Spread | null;
  negativeShare: Spread | null;
  parameters: RunResult['parameters'];
  /** Of training and validation, for one run */
  seconds: Spread;
}

/** The cells of a plan, experiment by experiment, as far as their runs are finished. */
export function cellsOf({ table, recipes, jobs }: Plan): Cell[] {
  const cells = recipes.map((recipe) =>
    cellOf(
      table.name,
      recipe,
      jobs.filter(({ job }) => job.recipe === recipe),
    ),
  );
  for (const cell of cells) {
    if (table.pairedWith === undefined || cell.method === table.pairedWith) continue;
    const base = cells.find(
      (other) => other.experiment === cell.experiment && other.method === table.pairedWith,
    );
    if (base !== undefined) cell.paired = pairedTest(differences(cell, base));
  }
  return cells;
}

function differences(cell: Cell, base: Cell): number[] {
  return cell.runs.flatMap(({ seed, result }) => {
    const twin = base.runs.find((run) => run.seed === seed);
    return twin === undefined ? [] : [result.testAccuracy - twin.result.testAccuracy];
  });
}

function cellOf(table: string, recipe: Recipe, planned: readonly PlannedJob[]): Cell {
  const { experiment, method } = recipe;
  const runs = planned.flatMap(({ job, state }) =>
    state.kind === 'done' ? [{ seed: job.seed, folder: job.folder.path, result: state.result }] : [],
  );
  return {
    experiment: experiment.name,
    method: method.name,
    title: method.title,
    recipe,
    epochs: planned[0]?.job.config.epochs ?? epochsOf(recipe),
    recipeEpochs: epochsOf(recipe),
    runs,
    unfinished: planned.filter(({ state }) => isOpen(state)).length,
    diverged: planned.filter(({ state }) => state.kind === 'diverged').length,
    figures: runs.length === 0 ? null : figuresOf(runs.map(({ result }) => result)),
    paper: paperFigure(table, experiment.name, method.name),
    paperTop5: paperTop5(table, experiment.name, method.name),
    others: otherFigures(experiment.name, method.name),
    paired: null,
  };
}

function figuresOf(results: readonly RunResult[]): Figures {
  const over = (of: (result: RunResult) => number | null | undefined): Spread | null =>
    spreadOf(results.map(of).filter((value) => value != null));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    accuracy: over((result) => result.testAccuracy)!,
    lastAccuracy: over((result) => result.lastTestAccuracy)!,
    validationAccuracy: over(({ config, validationAccuracy }) =>
      config.selectOn === 'test' ? null : validationAccuracy,
    ),
    top5: over(({ test }) => test.top5),
    ece: over(({ test }) => test.ece),
    many: over(({ test }) => test.shots?.many),
    medium: over(({ test }) => test.shots?.medium),
    few: over(({ test }) => test.shots?.few),
    featureNorm: over(({ test }) => test.featureNorm),
    sigma: over(({ test }) => test.icu && mean(test.icu.sigmas)),
    sizeCorrelation: over(({ test }) => test.icu?.sizeCorrelation),
    negativeShare: over(({ test }) => test.icu?.negativeShare),
    parameters: results[0]!.parameters,
    seconds: over((result) => result.seconds)!,
  };
}
