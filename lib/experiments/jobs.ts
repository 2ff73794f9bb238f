import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirectory, isFolderName } from '../data/index.ts';
import { RunFolder, type RunResult, type TrainConfig } from '../train/index.ts';
import { configOf, epochsOf, type Recipe, type Variation } from './recipe.ts';

/** One run of a recipe. */
export interface Job {
  readonly recipe: Recipe;
  readonly seed: number;
  /** Complete, but for device and threads */
  readonly config: TrainConfig;
  readonly folder: RunFolder;
}

export type JobState =
  | { kind: 'missing' }
  /** Some epochs are done; it can be resumed */
  | { kind: 'begun'; epochs: number }
  | { kind: 'done'; result: RunResult }
  /** Its loss was not finite any more, and would not be again */
  | { kind: 'diverged'; message: string };

/** Whether there is anything left to run. */
export const isOpen = ({ kind }: JobState): boolean => kind === 'missing' || kind === 'begun';

/** Where a run that diverged says so. */
const divergedFile = 'diverged.json';

/**
 * The run of a recipe, in the folder `<experiment>-<method>-seed<n>`; whatever else it varies is part of the name.
 * @param runsDir the folder of run folders
 */
export function jobOf(recipe: Recipe, variation: Variation, runsDir: string, dataDir?: string): Job {
  const { seed, epochs, varySubset, selectOn } = variation;
  const config = configOf(recipe, variation);
  const name = [
    recipe.experiment.name,
    recipe.method.name,
    `seed${seed}`,
    ...(epochs === undefined || epochs === epochsOf(recipe) ? [] : [`${epochs}epochs`]),
    ...(varySubset ? ['own-subset'] : []),
    ...(selectOn === 'test' ? ['on-test'] : []),
  ].join('-');
  return { recipe, seed, config: withFolder(config, dataDir), folder: new RunFolder(join(runsDir, name)) };
}

/** A recipe names an image folder in the data directory. */
function withFolder(config: TrainConfig, dataDir: string | undefined): TrainConfig {
  const name = /^folder:(.*)$/.exec(config.data)?.[1];
  const relative = name?.split(/[\\/]/).at(-1);
  return relative === undefined
    ? config
    : { ...config, data: `folder:${join(dataDirectory(dataDir), relative)}` };
}

/**
 * How far a run has come.
 * @throws Error if its folder holds a run with other settings
 */
export async function stateOf(job: Job): Promise<JobState> {
  const { folder } = job;
  if (!folder.exists) return { kind: 'missing' };
  requireSame(job, await folder.readConfig());
  const result = await folder.readResult();
  if (result !== null) return { kind: 'done', result };
  if (existsSync(folder.file(divergedFile))) {
    return { kind: 'diverged', ...((await folder.readJson(divergedFile)) as { message: string }) };
  }
  return { kind: 'begun', epochs: (await folder.readMetrics()).length };
}

/** Notes that a run diverged, so that it is not begun again. */
export const noteDiverged = ({ folder }: Job, error: Error): Promise<void> =>
  folder.writeJson(divergedFile, { message: error.message });

/** Where and with how many threads a run computes decides nothing about what it is. */
const free: readonly (keyof TrainConfig)[] = ['device', 'threads', 'workers', 'skipCorrupt'];

function requireSame({ config, folder }: Job, found: TrainConfig): void {
  const [wanted, there] = [comparable(config), comparable(found)];
  const different = Object.keys(wanted).filter((name) => wanted[name] !== there[name]);
  if (different.length === 0) return;
  const list = different.map((name) => `${name} ${there[name]} instead of ${wanted[name]}`).join(', ');
  throw new Error(
    `${folder.path} holds a run with other settings than the recipe has: ${list}; move it away, or name another --runs-dir`,
  );
}

function comparable(config: TrainConfig): Record<string, string> {
  // The counts come from the data, when the run begins.
  const { classCounts: _, ...lossOptions } = config.lossOptions as Record<string, unknown>;
  // Nor does where a folder of images lies.
  const data = isFolderName(config.data) ? 'folder' : config.data;
  const entries = Object.entries({ ...config, data, lossOptions }).filter(
    ([name]) => !free.includes(name as keyof TrainConfig),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, JSON.stringify(sorted(value))]));
}

/** Options in whatever order are the same. */
const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
