import { basename } from 'node:path';
import { accuracyPlot, svgToPng } from '../plot/index.ts';
import { csvOf } from './csv.ts';
import { markdownOf, type ReportNotes } from './markdown.ts';
import { experimentsOf, notesOf, type Plan, type PlanOptions, planOf, settled } from './plan.ts';
import { type PlanOutcome, type RunPlanOptions, runPlan } from './run-plan.ts';
import { type Cell, cellsOf } from './summary.ts';
import { type Table, type TableName, tableOf } from './tables.ts';
import { makeOut, writeFiles } from './write-files.ts';

export const defaultOut = 'results';

export interface ReproduceOptions
  extends PlanOptions,
    Omit<RunPlanOptions, 'threads' | 'device' | 'dataDir'> {
  /** The folder of tables and pictures. Default 'results'. */
  out?: string;
  /** The command that the table quotes. Default null: none. */
  command?: string | null;
  onPlan?: (plan: Plan) => void;
}

export interface Report extends PlanOutcome {
  plan: Plan;
  cells: Cell[];
  markdown: string;
  /** The files that were written */
  files: string[];
}

/**
 * Runs or resumes what is missing of a table, and writes it as Markdown, JSON, CSV and, once any run has finished, a
 * picture, in place of those that are there. Interrupted anywhere, it writes what there is, and the next call goes on.
 *
 * @param which one of the paper's tables by its name, or a table of one's own
 * @throws TypeError for an option that is not valid; Error if `out` can be no folder, or a run's folder holds a run with
 *   other settings
 */
export async function reproduceTable(
  which: TableName | Table,
  options: ReproduceOptions = {},
): Promise<Report> {
  const table = typeof which === 'string' ? tableOf(which) : which;
  const { name } = table;
  const { out = defaultOut, command = null } = options;
  const planned = () => planOf(table, options);
  const plan = await settled(await planned(), planned);
  options.onPlan?.(plan);
  await makeOut(out);
  const outcome = await runPlan(plan, options);
  const cells = cellsOf(plan);
  const notes = { command, machine: machinesOf(cells), missingData: outcome.missingData };
  const markdown = markdownOf(plan, cells, notes);
  const picture = await pictureOf(plan, cells);
  const files = await writeFiles(out, name, {
    md: markdown,
    json: `${JSON.stringify(jsonOf(plan, cells, notes), null, 1)}\n`,
    csv: csvOf(cells),
    svg: picture,
    png: picture && svgToPng(picture),
  });
  return { ...outcome, plan, cells, markdown, files };
}

/** The processors and devices that the finished runs were computed on; null where there are none. */
function machinesOf(cells: readonly Cell[]): string | null {
  const names = cells.flatMap(({ runs }) =>
    runs.map(
      ({ result }) => `${result.machine ?? 'a processor that was not noted'}, ${result.config.device}`,
    ),
  );
  return names.length === 0 ? null : [...new Set(names)].join('; ');
}

/** The accuracies of the experiments that have any; null where none has. */
async function pictureOf(plan: Plan, cells: readonly Cell[]): Promise<string | null> {
  const panels = experimentsOf(plan.recipes).flatMap((experiment) => {
    const { name, title } = experiment;
    const own = cells.filter((cell) => cell.experiment === name);
    if (own.every(({ runs }) => runs.length === 0)) return [];
    const rows = own.map((cell) => ({
      name: cell.title,
      values: cell.runs.map(({ result }) => result.testAccuracy),
      published: cell.paper === null ? null : cell.paper / 100,
    }));
    return [{ title, note: notesOf(plan, experiment).join(', '), rows }];
  });
  return panels.length === 0 ? null : accuracyPlot({ panels, title: `${plan.table.title}, test accuracy` });
}

/** All that the table is made of; accuracies as shares, published ones in percent as printed. */
function jsonOf(
  { table, seeds }: Plan,
  cells: readonly Cell[],
  { command, machine, missingData }: Required<ReportNotes>,
): unknown {
  return {
    table: table.name,
    title: table.title,
    command,
    machine,
    seeds,
    missingData: [...missingData.keys()],
    cells: cells.map(({ recipe, runs, paper, others, ...cell }) => ({
      ...cell,
      // By name: where the folders lie is of no use to a reader elsewhere.
      runs: runs.map(({ seed, folder, result: { run: _, ...result } }) => ({
        seed,
        run: basename(folder),
        ...result,
        config: { ...result.config, data: recipe.settings.data.value },
      })),
      published: { paper, others },
      settings: recipe.settings,
    })),
  };
}
