import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type AnyDataset, classCountsOf, type Splits, sizeOf } from '../data/index.ts';
import { countParameters } from '../models/index.ts';
import { loadTraining, loadWeights, readMetadata, saveTraining, saveWeights } from './checkpoint.ts';
import { parityNote, resolveConfig, type TrainConfig } from './config.ts';
import { csvField } from './csv.ts';
import type { Sums } from './epoch.ts';
import { evaluate } from './evaluate.ts';
import { type EpochMetrics, type FitState, fit, fitStart } from './fit.ts';
import { exitCodeOf } from './interrupt.ts';
import { type Lock, takeLock } from './lock.ts';
import { drawCurves, drawFeatures, drawSigmas } from './pictures.ts';
import { freeRunName, RunFolder, type RunPlace, type RunResult } from './run-folder.ts';
import { buildTraining, type Training, withClassCounts } from './setup.ts';
import { noteSkipped, recallSkipped } from './skipped.ts';
import { findSplits, loadSplits } from './splits.ts';
import { percent } from './words.ts';

/** What a run tells while it goes on. All are optional. */
export interface RunEvents {
  /** Something a person should know. */
  onMessage?: (message: string) => void;
  onStart?: (start: RunStart) => void;
  onProgress?: (epoch: number, sums: Sums) => void;
  onEpoch?: (metrics: EpochMetrics) => void;
}

export interface RunStart {
  folder: string;
  config: TrainConfig;
  parameters: RunResult['parameters'];
  images: { train: number; validation: number; test: number };
  stepsPerEpoch: number;
  /** Where it goes on: the epoch, beyond the last where all are done, and how many of its steps are done. */
  epoch: number;
  step: number;
}

export interface RunOptions extends RunEvents {
  /** Default: `INTRACLASS_DATA`, else `data`. */
  dataDir?: string;
  /** The folder of run folders. Default 'runs'. */
  runsDir?: string;
  /** The run's folder in `runsDir`. Default: the first free one of `<model>-<loss>-seed<seed>`, `…-2`, … */
  runName?: string;
  /** Once it is aborted the run saves itself after the step it is at, and ends. */
  signal?: AbortSignal;
  /** The lock of the run's folder, where the caller has it. Default: it is taken for as long as the run is at work. */
  lock?: Lock;
}

export type RunOutcome =
  | { finished: true; folder: string; result: RunResult }
  /** Interrupted; `resumeRun` goes on. */
  | { finished: false; folder: string; epoch: number; exitCode: number };

/**
 * Trains a network as configured into a folder of its own. Without a data set named in the configuration it is MNIST,
 * or, where that cannot be had, the digits that this package draws.
 *
 * @throws TypeError for a setting that is not valid; Error if the folder is taken, or another process resumes the run;
 *   DivergedError
 */
export async function trainRun(given: Partial<TrainConfig>, options: RunOptions = {}): Promise<RunOutcome> {
  const { runsDir = 'runs', dataDir, runName } = options;
  const wanted = resolveConfig(given);
  if (runName === '') throw new TypeError("runName: expected a folder's name, got an empty string");
  const taken = () =>
    new Error(
      `${join(runsDir, runName!)} has a run already; choose another --run-name, or go on with it by --resume`,
    );
  if (runName !== undefined && new RunFolder(join(runsDir, runName)).exists) throw taken();
  const { data, splits } =
    given.data === undefined
      ? await findSplits(wanted, dataDir, options.onMessage ?? (() => {}))
      : { data: given.data, splits: await loadSplits(wanted, dataDir) };
  // Written down with the rest, so that the run can be evaluated without the images that it was trained on.
  const config = withClassCounts({ ...wanted, data }, splits.train);
  const training = buildTraining(config, splits);
  const own = () => new RunFolder(join(runsDir, runName ?? freeRunName(runsDir, config)));
  let folder = own();
  while (!(await folder.create(config))) {
    if (runName !== undefined) throw taken();
    folder = own();
  }
  return alone(folder, options.lock, () => go(folder, config, splits, training, fitStart(), options));
}

/**
 * Does `work` on a run's folder unless another process is at work there.
 * @param held the folder's lock, where the caller has it
 * @throws Error naming the process
 */
async function alone<T>(folder: RunFolder, held: Lock | undefined, work: () => Promise<T>): Promise<T> {
  if (held !== undefined) return work();
  const lock = await takeLock(folder.lock);
  if ('heldBy' in lock) {
    throw new Error(
      `${folder.path}: another process, ${lock.heldBy}, is at work on this run; where that is not so, remove ${folder.lock}`,
    );
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

export interface ResumeOptions extends Omit<RunOptions, 'runsDir' | 'runName'>, RunPlace {}

/**
 * Goes on with a run that was interrupted, as if it had not been: the same steps in the same order give the same
 * weights, on the same device with as many threads. A run that had finished only makes its result anew; one that never came to save itself begins again.
 *
 * @param path the run's folder
 * @throws Error if it is no run's folder, or another process is at work on it; CheckpointError if a checkpoint is damaged
 */
export async function resumeRun(path: string, options: ResumeOptions = {}): Promise<RunOutcome> {
  const folder = new RunFolder(path);
  const config = await folder.readConfig(options);
  return alone(folder, options.lock, async () => {
    const splits = await loadSplits(config, options.dataDir);
    const training = buildTraining(config, splits);
    const state = existsSync(folder.last) ? await loadTraining(folder.last, training) : fitStart();
    await settleNextWeights(folder, state);
    return go(folder, config, splits, training, state, options);
  });
}

async function go(
  folder: RunFolder,
  config: TrainConfig,
  splits: Splits<AnyDataset>,
  training: Training,
  start: FitState,
  options: RunOptions,
): Promise<RunOutcome> {
  const { signal } = options;
  const { model, loss, loader } = training;
  // An epoch that was logged but not yet in the checkpoint is run again.
  await recallSkipped(folder, splits);
  await folder.checkData(splits.train);
  // Here, so that a run of an older version gets it when it is taken up again.
  await folder.writeData(splits.train);
  const metrics = (await folder.readMetrics()).filter(({ epoch }) => epoch < start.epoch);
  const parameters = { network: countParameters(model), loss: countParameters(loss) };
  options.onStart?.({
    folder: folder.path,
    config,
    parameters,
    images: {
      train: sizeOf(splits.train),
      validation: sizeOf(splits.validation),
      test: sizeOf(splits.test),
    },
    stepsPerEpoch: loader.length,
    epoch: start.epoch,
    step: start.sums.steps,
  });
  const trainCounts = classCountsOf(splits.train);
  const state = await fit({
    ...training,
    validation: splits.validation,
    epochs: config.epochs,
    device: config.device,
    state: start,
    signal,
    onProgress: options.onProgress,
    onEpoch: async (line, after) => {
      const isBest = after.best?.epoch === line.epoch;
      if (isBest) {
        await saveWeights(folder.nextWeights, training, {
          epoch: String(line.epoch),
          trainCounts: JSON.stringify(trainCounts),
        });
      }
      metrics.push(line);
      await folder.writeMetrics(metrics);
      await saveTraining(folder.last, training, after);
      if (isBest) await folder.takeNextWeights();
      await noteSkipped(folder, splits);
      options.onEpoch?.(line);
    },
  });
  const interrupted = (): RunOutcome => ({
    finished: false,
    folder: folder.path,
    epoch: Math.min(state.epoch, config.epochs),
    exitCode: exitCodeOf(signal),
  });
  if (state.epoch <= config.epochs) {
    // Every epoch saves at its end; here training may stand anywhere.
    await saveTraining(folder.last, training, state);
    await noteSkipped(folder, splits);
    return interrupted();
  }
  try {
    const result = await conclude(folder, config, splits, training, state, parameters, trainCounts, signal);
    await drawCurves(folder, metrics, titleOf(config, result), config.selectOn);
    if (result.skipped > 0) {
      options.onMessage?.(
        `images that could not be decoded and were left out: ${result.skipped}; ${folder.file('skipped.json')} names them`,
      );
    }
    return { finished: true, folder: folder.path, result };
  } catch (error) {
    if (!signal?.aborted) throw error;
    return interrupted();
  }
}

/** What was left undone where a run was cut off between writing `last` and the chosen epoch's weights. */
async function settleNextWeights(folder: RunFolder, { best }: FitState): Promise<void> {
  if (!existsSync(folder.nextWeights)) return;
  const { epoch } = await readMetadata(folder.nextWeights);
  if (epoch === String(best?.epoch)) await folder.takeNextWeights();
  // Of an epoch that is run again.
  else await rm(folder.nextWeights);
}

const titleOf = (config: TrainConfig, { epoch, testAccuracy }: RunResult): string => {
  const { model, loss, data, selectOn } = config;
  const note = selectOn === 'test' ? `\nepoch ${parityNote}` : '';
  return `${model}, ${loss}, ${data}: ${percent(testAccuracy)} on the test set (epoch ${epoch})${note}`;
};

/** Tests the last epoch's weights and, where they are others, the chosen ones'; draws the features, writes the result. */
async function conclude(
  folder: RunFolder,
  config: TrainConfig,
  splits: Splits<AnyDataset>,
  training: Training,
  { best, seconds }: FitState,
  parameters: RunResult['parameters'],
  trainCounts: readonly number[],
  signal: AbortSignal | undefined,
): Promise<RunResult> {
  const { device } = config;
  const isLast = best!.epoch === config.epochs;
  const options = { device, signal, trainCounts };
  const last = isLast ? null : await evaluate(training, splits.test, options);
  await loadWeights(folder.weights, training);
  // The features are for the picture.
  const test = await evaluate(training, splits.test, {
    ...options,
    features: training.model.featureDim === 2,
  });
  const result: RunResult = {
    run: folder.path,
    config,
    parameters,
    epoch: best!.epoch,
    validationAccuracy: best!.validationAccuracy,
    testAccuracy: test.accuracy,
    lastTestAccuracy: (last ?? test).accuracy,
    testAccuracyByClass: test.accuracyByClass,
    test: {
      top5: test.top5,
      ece: test.calibration.ece,
      mce: test.calibration.mce,
      shots: test.shots,
      featureNorm: test.featureNorm,
      icu: test.icu,
    },
    machine: cpus()[0]?.model.trim(),
    seconds,
    skipped: await noteSkipped(folder, splits),
  };
  const { features } = test;
  if (features !== null) {
    const parts = { train: splits.train, test: { ...test, features } };
    await drawFeatures(folder, training, parts, titleOf(config, result), { device, signal });
  }
  await drawSigmas(folder, test, titleOf(config, result));
  const { classes } = splits.test;
  const rows = [...(classes ? [classes.map(csvField)] : []), ...test.confusion];
  await folder.write('confusion.csv', rows.map((row) => `${row.join(',')}\n`).join(''));
  await folder.writeJson('result.json', result);
  return result;
}
