import { svgToPng } from '../plot/index.ts';
import { decisionFigure } from './figures/decision-regions.ts';
import { featureFigure } from './figures/features.ts';
import type { Figure, LabelledRun } from './figures/figure.ts';
import { marginFigure } from './figures/margins.ts';
import { sigmaFigure } from './figures/sigmas.ts';
import { experimentsOf, type Plan, type PlanOptions, planOf } from './plan.ts';
import type { ReproduceOptions } from './reproduce.ts';
import { nothingRun, type PlanOutcome, runPlan } from './run-plan.ts';
import { tableOf } from './tables.ts';
import { writeFiles } from './write-files.ts';

export const figureNames = ['fig1', 'fig2', 'fig3', 'sigmas'] as const;
export type FigureName = (typeof figureNames)[number];

/** Figures that show runs of a table's cells: of which, where nothing else is asked for. */
const shown = {
  fig2: { table: 'table1', rows: ['mnist-2d'], losses: undefined },
  sigmas: { table: 'table2', rows: ['cifar-10-lt-100'], losses: ['icu', 'icu-prior'] },
} as const;

export interface FigureReport extends PlanOutcome {
  files: string[];
}

/**
 * The runs that a figure shows; null for those that show none.
 * @throws as `planOf`; TypeError if there is no figure of that name
 */
export async function planOfFigure(name: FigureName, options: PlanOptions = {}): Promise<Plan | null> {
  if (!figureNames.includes(name)) {
    throw new TypeError(`reproduce: expected one of ${figureNames.join(', ')}, got '${String(name)}'`);
  }
  if (name === 'fig1' || name === 'fig3') return null;
  const { table, rows, losses } = shown[name];
  return planOf(tableOf(table), { rows, losses, ...given(options), seeds: 1 });
}

/**
 * Makes a figure: SVG, PNG and its numbers as JSON. `fig2` and `sigmas` show runs with the seed 0, and run or resume
 * those that are missing; `rows`, `losses`, `epochs` and the like choose them as for tables.
 *
 * @throws as `reproduceTable`; Error if no run that the figure shows has finished
 */
export async function reproduceFigure(
  name: FigureName,
  options: ReproduceOptions = {},
): Promise<FigureReport> {
  const plan = await planOfFigure(name, options);
  if (plan === null) {
    const { signal, onMessage } = options;
    const figures = await (name === 'fig1' ? decisionFigure({ signal, onMessage }) : marginFigure());
    return { ...nothingRun(), files: await write(figures, options) };
  }
  options.onPlan?.(plan);
  const outcome = await runPlan(plan, options);
  if (outcome.interrupted) return { ...outcome, files: [] };
  const runs = finished(plan);
  if (runs.length === 0)
    throw new Error(`${name}: no run that it shows has finished: ${reasonsOf(plan, outcome)}`);
  const figures = await (name === 'fig2' ? featureFigure(runs, options) : sigmaFigure(runs));
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

async function write(figures: readonly Figure[], { out = 'results' }: ReproduceOptions): Promise<string[]> {
  const files: string[] = [];
  for (const { name, svg, data } of figures) {
    const contents = { svg, png: svgToPng(svg), json: `${JSON.stringify(data, null, 1)}\n` };
    files.push(...(await writeFiles(out, name, contents)));
  }
  return files;
}
