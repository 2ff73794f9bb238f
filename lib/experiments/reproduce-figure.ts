import { createModel } from '../models/index.ts';
import { svgToPng } from '../plot/index.ts';
import { describeValue, setNumThreads } from '../tensor/index.ts';
import { decisionFigure } from './figures/decision-regions.ts';
import { featureFigure } from './figures/features.ts';
import type { Figure, LabelledRun } from './figures/figure.ts';
import { marginFigure } from './figures/margins.ts';
import { sigmaFigure } from './figures/sigmas.ts';
import { experimentsOf, notesOf, type Plan, type PlanOptions, planOf, settled } from './plan.ts';
import type { Recipe } from './recipe.ts';
import { defaultOut, type ReproduceOptions } from './reproduce.ts';
import { nothingRun, type PlanOutcome, runPlan } from './run-plan.ts';
import { recipesOf, tableOf } from './tables.ts';
import { makeOut, writeFiles } from './write-files.ts';

export const figureNames = ['fig1', 'fig2', 'fig3', 'sigmas'] as const;
export type FigureName = (typeof figureNames)[number];

/** Figures that show runs of a table's cells: of which, where nothing else is asked for. */
const shown = {
  fig2: { table: 'table1', rows: ['mnist-2d'], losses: undefined },
  sigmas: { table: 'table2', rows: ['cifar-10-lt-100'], losses: ['icu', 'icu-prior'] },
} as const;

/** The options that choose runs or change them. Seeds are not among them: a figure shows the seed 0. */
const ofRuns = ['rows', 'losses', 'epochs', 'budget', 'varySubset', 'selectOn', 'device', 'threads'] as const;

/** What each figure heeds; places apart, which are the same for all. */
const heeded: Readonly<Record<FigureName, readonly (keyof PlanOptions)[]>> = {
  fig1: ['seeds', 'threads'],
  fig2: ofRuns,
  fig3: [],
  sigmas: ofRuns,
};

export interface FigureReport extends PlanOutcome {
  files: string[];
}

/**
 * The runs that a figure shows; null for those that show none.
 * @throws as `planOf`; TypeError if there is no figure of that name, for an option that it does not heed, and naming a
 *   row or a loss that it cannot show
 */
export async function planOfFigure(name: FigureName, options: PlanOptions = {}): Promise<Plan | null> {
  if (!figureNames.includes(name)) {
    throw new TypeError(`reproduce: expected one of ${figureNames.join(', ')}, got '${String(name)}'`);
  }
  requireHeeded(name, options);
  if (name === 'fig1' || name === 'fig3') return null;
  const { table: of, rows, losses } = shown[name];
  const table = tableOf(of);
  const all = { rows, losses, ...given(options), seeds: 1 };
  // Before anything is timed or trained: the figure itself would say so when all runs are done.
  requireShowable(name, recipesOf(table, all));
  return planOf(table, all);
}

function requireHeeded(figure: FigureName, options: PlanOptions): void {
  const names = heeded[figure];
  for (const name of [...ofRuns, 'seeds'] as const) {
    if (names.includes(name) || [undefined, null, false].includes(options[name] as undefined)) continue;
    const heeds = names.length === 0 ? 'nothing' : names.join(', ');
    throw new TypeError(
      `reproduce: ${name}: expected none with ${figure}, which heeds ${heeds}; got ${describeValue(options[name])}`,
    );
  }
}

function requireShowable(figure: keyof typeof shown, recipes: readonly Recipe[]): void {
  if (figure === 'fig2') {
    for (const { name, settings } of experimentsOf(recipes)) {
      const { featureDim } = createModel(settings.model.value);
      if (featureDim !== 2) {
        throw new TypeError(
          `reproduce: rows: expected networks with two features for fig2, got '${name}' with ${featureDim}`,
        );
      }
    }
  } else {
    for (const { name, loss } of recipes.map(({ method }) => method)) {
      if (loss !== 'icu') {
        throw new TypeError(
          `reproduce: losses: expected the ICU loss (icu, icu-prior, icu-prior-2) for sigmas, which shows its σ, got '${name}'`,
        );
      }
    }
  }
}

/**
 * Makes a figure: SVG, PNG and its numbers as JSON. `fig2` and `sigmas` show runs with the seed 0, and run or resume
 * those that are missing; `rows`, `losses`, `epochs` and the like choose them as for tables. `fig1` takes `seeds` and
 * `threads`.
 *
 * @throws as `planOfFigure`, and Error if `out` can be no folder, before anything is run; Error if no run that the figure
 *   shows has finished
 */
export async function reproduceFigure(
  name: FigureName,
  options: ReproduceOptions = {},
): Promise<FigureReport> {
  const planned = await planOfFigure(name, options);
  await makeOut(options.out ?? defaultOut);
  if (planned === null) {
    const { seeds, threads, signal, onMessage } = options;
    if (threads) setNumThreads(threads);
    const figures = await (name === 'fig1' ? decisionFigure({ seeds, signal, onMessage }) : marginFigure());
    return { ...nothingRun(), files: await write(figures, options) };
  }
  const plan = await settled(planned, async () => (await planOfFigure(name, options))!);
  options.onPlan?.(plan);
  const outcome = await runPlan(plan, options);
  if (outcome.interrupted) return { ...outcome, files: [] };
  const runs = finished(plan);
  if (runs.length === 0)
    throw new Error(`${name}: no run that it shows has finished: ${reasonsOf(plan, outcome)}`);
  const of = experimentsOf(plan.recipes)
    .map((experiment) => [experiment.title, ...notesOf(plan, experiment)].join(', '))
    .join('; ');
  const figures = await (name === 'fig2'
    ? featureFigure(runs, { ...options, title: `${of}, seed 0` })
    : sigmaFigure(runs, { title: `σ of the classes against their size\n${of}, seed 0` }));
  return { ...outcome, files: await write(figures, options) };
}

function reasonsOf({ jobs }: Plan, { missingData, elsewhere }: PlanOutcome): string {
  const diverged = jobs.flatMap(({ state }) => (state.kind === 'diverged' ? [state.message] : []));
  return [
    ...missingData.values(),
    ...elsewhere.map(({ heldBy }) => `run by process ${heldBy}`),
    ...diverged,
  ].join('; ');
}

/** What is not given leaves the figure's own choice. */
const given = (options: PlanOptions): PlanOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** By their losses' names, and, where there are several, those of the data sets. */
function finished({ recipes, jobs }: Plan): LabelledRun[] {
  const several = experimentsOf(recipes).length > 1;
  return jobs.flatMap(({ job: { recipe, folder }, state }) => {
    const { method, experiment } = recipe;
    const title = several ? `${method.title}, ${experiment.title}` : method.title;
    return state.kind === 'done' ? [{ title, run: folder.path }] : [];
  });
}

async function write(figures: readonly Figure[], { out = defaultOut }: ReproduceOptions): Promise<string[]> {
  const files: string[] = [];
  for (const { name, svg, data } of figures) {
    const contents = { svg, png: svgToPng(svg), json: `${JSON.stringify(data, null, 1)}\n` };
    files.push(...(await writeFiles(out, name, contents)));
  }
  return files;
}
