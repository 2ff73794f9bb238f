import { loadWeights } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import { type Classifier, type Evaluation, evaluate } from './evaluate.ts';
import { RunFolder, type RunPlace, type RunResult } from './run-folder.ts';
import { CheckpointError } from './safetensors.ts';
import { buildClassifier } from './setup.ts';
import { skippedOf } from './skipped.ts';
import { loadTest } from './splits.ts';

export interface RunEvaluation {
  run: string;
  config: TrainConfig;
  /** Whose weights these are */
  epoch: number;
  test: Evaluation;
  /** (K) the classes' names; null where the data set has none */
  classes: readonly string[] | null;
  /** (K) how many training images each class had; null where the run did not keep it */
  trainCounts: number[] | null;
  /** What the run itself had measured; null if it has not finished */
  result: RunResult | null;
  /** How many test images could not be decoded and were left out */
  skipped: number;
}

/**
 * Loads a run's chosen weights and tests them.
 * @param path the run's folder
 * @param options.features whether `test` keeps the features. Default false.
 * @throws Error if it is no run's folder; CheckpointError if it has no weights yet, or damaged ones
 */
export async function evaluateRun(
  path: string,
  options: RunPlace & { dataDir?: string; features?: boolean; signal?: AbortSignal } = {},
): Promise<RunEvaluation & { classifier: Classifier }> {
  const folder = new RunFolder(path);
  const config = await folder.readConfig(options);
  const dataset = await loadTest(config.data, options.dataDir, config);
  await folder.checkData(dataset);
  const classifier = buildClassifier(config, dataset);
  const { epoch, ...metadata } = await loadWeights(folder.weights, classifier);
  const trainCounts = countsIn(folder.weights, metadata.trainCounts);
  const { features, signal } = options;
  const test = await evaluate(classifier, dataset, { device: config.device, signal, trainCounts, features });
  const result = await folder.readResult();
  const skipped = skippedOf(dataset)?.size ?? 0;
  const { classes = null } = dataset;
  return { run: path, config, epoch: Number(epoch), test, classes, trainCounts, result, skipped, classifier };
}

/** What `go` writes beside the weights; runs of older versions have none. */
function countsIn(path: string, text: string | undefined): number[] | null {
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as number[];
  } catch (error) {
    throw new CheckpointError(`${path}: trainCounts: ${(error as Error).message}`, { cause: error });
  }
}
