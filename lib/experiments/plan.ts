import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeNew } from '../data/files.ts';
import { type DataName, isFolderName } from '../data/index.ts';
import { RunFolder, type TrainConfig } from '../train/index.ts';
import { checkCounts } from './check.ts';
import {
  epochsWithin,
  measurePace,
  type Pace,
  type PaceOptions,
  parseBudget,
  secondsOf,
} from './estimate.ts';
import { isOpen, type Job, type JobState, jobOf, stateOf } from './jobs.ts';
import { type Experiment, epochsOf, type Recipe } from './recipe.ts';
import { recipesOf, type Selection, type Table } from './tables.ts';

/** Where the runs are, apart from those of `train`, whose names could be the same. */
export const paperRuns = 'runs/paper';

export interface PlanOptions extends Selection, PaceOptions {
  /** The runs of a cell have the seeds 0, 1, …. Default 3. */
  seeds?: number;
  /** Epochs of every run instead of the recipe's. Default: the recipe's. */
  epochs?: number;
  /** '10m': fewer epochs, so that the runs take about so long together. Default: none. */
  budget?: string;
  /**
   * Choose long-tailed subsets anew for each seed but 0, which has the published one; needs a row that has one. Default
   * false: the published subset.
   */
  varySubset?: boolean;
  /** `test` is the parity mode, see `TrainConfig.selectOn`. Default `validation`. */
  selectOn?: TrainConfig['selectOn'];
  /** The folder of run folders. Default 'runs/paper': `train` names its runs in 'runs' alike. */
  runsDir?: string;
  /** Default: `INTRACLASS_DATA`, else `data`. */
  dataDir?: string;
}

export interface PlannedJob {
  job: Job;
  state: JobState;
}

/** What is there of a table, and what is to do. */
export interface Plan {
  table: Table;
  recipes: Recipe[];
  seeds: number;
  /** All seeds of the first number before any of the second, so that every cell has a figure early */
  jobs: PlannedJob[];
  /** What a budget has come to, if that is not written down yet: see `writeBudget` */
  budget: BudgetNote | null;
  /** Of each experiment that had to be timed for a budget, by name */
  paces: ReadonlyMap<string, Pace>;
}

/** The epochs of each experiment that a budget is enough for, and the file in the folder of runs that says so. */
interface BudgetNote {
  runsDir: string;
  file: string;
  content: { epochs: Record<string, number> } & Record<string, unknown>;
  /** The budget, and what all runs take: more where one epoch of each does. In seconds. */
  limit: number;
  seconds: number;
}

/**
 * Reads what there is, and writes nothing.
 *
 * @throws TypeError for an option that is not valid; Error if a run's folder holds a run with other settings
 */
export async function planOf(table: Table, options: PlanOptions = {}): Promise<Plan> {
  const { seeds = 3, varySubset, selectOn, runsDir = paperRuns, dataDir } = options;
  checkCounts('reproduce', { seeds, epochs: options.epochs ?? 1 });
  if (options.epochs !== undefined && options.budget !== undefined) {
    throw new TypeError('reproduce: budget: expected none beside epochs, which say how long a run is');
  }
  const recipes = recipesOf(table, options);
  if (varySubset && !recipes.some(({ settings }) => isLongTailed(settings.data.value))) {
    const rows = experimentsOf(recipes).map(({ name }) => name);
    throw new TypeError(
      `reproduce: varySubset: expected a row with a long-tailed subset, got ${rows.join(', ')}`,
    );
  }
  const { epochs, budget, paces } = await chosenEpochs(table, recipes, seeds, options, runsDir);
  const jobs: PlannedJob[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    for (const recipe of recipes) {
      const { experiment, settings } = recipe;
      const ownSubset = varySubset && seed > 0 && isLongTailed(settings.data.value);
      const variation = { seed, epochs: epochs.get(experiment.name), varySubset: ownSubset, selectOn };
      const job = jobOf(recipe, variation, runsDir, dataDir);
      jobs.push({ job, state: await stateOf(job) });
    }
  }
  return { table, recipes, seeds, jobs, budget, paces };
}

/** Whether it names a long-tailed subset. */
export const isLongTailed = (data: DataName): boolean => data.includes('-lt-') && !isFolderName(data);

type Chosen = Pick<Plan, 'budget' | 'paces'> & { epochs: ReadonlyMap<string, number> };

/** The epochs of each experiment, where they are not the recipe's. */
async function chosenEpochs(
  table: Table,
  recipes: readonly Recipe[],
  seeds: number,
  { epochs, budget, selectOn = 'validation', ...options }: PlanOptions,
  runsDir: string,
): Promise<Chosen> {
  const chosen = (epochs: Chosen['epochs']): Chosen => ({ epochs, budget: null, paces: new Map() });
  if (epochs !== undefined) {
    return chosen(new Map(recipes.map(({ experiment }) => [experiment.name, epochs])));
  }
  if (budget === undefined) return chosen(new Map());
  const limit = parseBudget(budget);
  const asked = recipes.map(({ experiment, method }) => `${experiment.name} ${method.name}`).join(', ');
  // Another choice of rows, losses or seeds has a file of its own.
  const question = { budget, asked, seeds, ...(selectOn === 'test' && { selectOn }) };
  const key = createHash('sha256').update(JSON.stringify(question)).digest('hex').slice(0, 8);
  const file = `budget-${table.name}-${budget}-${key}.json`;
  const folder = new RunFolder(runsDir);
  const kept = existsSync(folder.file(file)) ? await folder.readJson(file) : null;
  if (kept !== null) return chosen(keptEpochs(kept, recipes, folder.file(file)));
  const runs = experimentsOf(recipes).map((experiment) => ({
    experiment,
    count: seeds * recipes.filter((recipe) => recipe.experiment === experiment).length,
    pace: measurePace(experiment, options),
  }));
  const within = epochsWithin(limit, runs, selectOn);
  const content = { ...question, epochs: Object.fromEntries(within.epochs) };
  return {
    epochs: within.epochs,
    budget: { runsDir, file, content, limit, seconds: within.seconds },
    paces: new Map(runs.map(({ experiment, pace }) => [experiment.name, pace])),
  };
}

function keptEpochs(kept: unknown, recipes: readonly Recipe[], path: string): ReadonlyMap<string, number> {
  const { epochs } = Object(kept) as { epochs?: Record<string, unknown> };
  return new Map(
    experimentsOf(recipes).map(({ name }) => {
      const own = epochs?.[name];
      if (Number.isSafeInteger(own) && (own as number) >= 1) return [name, own as number];
      throw new Error(
        `${path}: expected the epochs of ${name}, an integer of at least 1, got ${JSON.stringify(own)}; ` +
          'delete the file to measure them anew',
      );
    }),
  );
}

/**
 * Writes down what a plan's budget came to, before its first run: the machine may be quicker the next time, and the
 * runs must stay the same for the command to go on with them.
 *
 * @returns whether that is what is written: not if another process has come to something else meanwhile
 */
export async function writeBudget({ budget }: Plan): Promise<boolean> {
  if (budget === null) return true;
  const { runsDir, file } = budget;
  const content = `${JSON.stringify(budget.content, null, 2)}\n`;
  await mkdir(runsDir, { recursive: true });
  return (
    (await writeNew(join(runsDir, file), content)) ||
    (await readFile(join(runsDir, file), 'utf8')) === content
  );
}

/**
 * A plan whose budget is written down, by this process or by another that was quicker.
 * @param again makes the plan anew, from what the other has written
 */
export const settled = async (plan: Plan, again: () => Promise<Plan>): Promise<Plan> =>
  (await writeBudget(plan)) ? plan : again();

/** What a picture says of an experiment's runs where they are not the recipe's. */
export function notesOf({ jobs }: Plan, experiment: Experiment): string[] {
  const { recipe, config } = jobs.find(({ job }) => job.recipe.experiment === experiment)!.job;
  const all = epochsOf(recipe);
  return [
    ...(config.epochs === all ? [] : [`${config.epochs} of ${all} epochs`]),
    ...(config.selectOn === 'test' ? ['epoch chosen on the test set'] : []),
  ];
}

/** Those of the recipes, each once. */
export const experimentsOf = (recipes: readonly Recipe[]): Experiment[] => [
  ...new Set(recipes.map(({ experiment }) => experiment)),
];

/** How long what is missing would take on this machine. */
export interface Estimate {
  experiment: Experiment;
  /** Runs that have to be begun or resumed */
  runs: number;
  epochs: number;
  pace: Pace;
  seconds: number;
}

/** Times a few steps of each experiment that has something to do. */
export function estimatesOf({ recipes, jobs, paces }: Plan, options: PaceOptions = {}): Estimate[] {
  return experimentsOf(recipes).flatMap((experiment) => {
    const open = jobs.filter(({ job, state }) => job.recipe.experiment === experiment && isOpen(state));
    if (open.length === 0) return [];
    const pace = paces.get(experiment.name) ?? measurePace(experiment, options);
    const { epochs, selectOn } = open[0]!.job.config;
    const seconds = open.reduce(
      (sum, { state }) =>
        sum + secondsOf(experiment, pace, epochs - (state.kind === 'begun' ? state.epochs : 0), selectOn),
      0,
    );
    return [{ experiment, runs: open.length, epochs, pace, seconds }];
  });
}
