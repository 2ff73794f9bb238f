import { type AnyDataset, createLoader, type LabelledImages, sizeOf } from '../data/index.ts';
import { type ClassificationLoss, IcuLoss } from '../losses/index.ts';
import type { Backbone } from '../models/index.ts';
import { checkOptions } from '../tensor/check.ts';
import { elementCount } from '../tensor/elements.ts';
import { describeValue, noGrad, scope, Tensor } from '../tensor/index.ts';
import {
  accuracyByClass,
  type Calibration,
  calibration,
  confusionMatrix,
  firstVerdicts,
  judge,
  noVerdicts,
  rankCorrelation,
  type ShotAccuracy,
  shotAccuracy,
  topAccuracy,
} from './metrics.ts';

/** A network and the loss on top of it. */
export interface Classifier {
  model: Backbone;
  loss: ClassificationLoss;
}

/** What the ICU loss has learned of the classes. */
export interface IcuFigures {
  /** The share of images whose distance d_z to their own class is below 0, where α helps instead of hindering */
  negativeShare: number;
  /** (K) σ of each class */
  sigmas: number[];
  /** Of each class its training images and its σ; null where the former are not known */
  sizes: { size: number; sigma: number }[] | null;
  /** Spearman's ρ of the two; null where they are not known, or all sizes or σ are equal */
  sizeCorrelation: number | null;
}

export interface Evaluation {
  /** The share of images whose class is predicted, 0 to 1 (top-1) */
  accuracy: number;
  /** The share of images whose class is among the five highest logits */
  top5: number;
  correct: number;
  count: number;
  /** K rows of K counts: how often class (row) was predicted as (column) */
  confusion: number[][];
  /** (K) null where a class has no images */
  accuracyByClass: (number | null)[];
  /** Null where the training images of each class are not known */
  shots: ShotAccuracy | null;
  /** In 15 bins */
  calibration: Calibration;
  /** The mean |x| of the features */
  featureNorm: number;
  /** Null for other losses */
  icu: IcuFigures | null;
  /** (N) the true classes */
  labels: Int32Array;
  /** (N) the predicted classes */
  predicted: Int32Array;
  /** (N, D) row by row, in the data set's order; null unless asked for */
  features: Float32Array | null;
}

export interface EvaluateOptions {
  /** Default 'cpu'. */
  device?: string;
  signal?: AbortSignal;
  /** Keep the features. Default false. */
  features?: boolean;
  /** (K) how many training images each class had, for the figures that depend on it. Default: not known. */
  trainCounts?: readonly number[] | null;
  /** Images in a batch. Default: as many as make four million values, at most 500. */
  batchSize?: number;
}

const optionNames = [
  'device',
  'signal',
  'features',
  'trainCounts',
  'batchSize',
] satisfies (keyof EvaluateOptions)[];

/**
 * Predicts every image in evaluation mode, without margins or labels, and leaves the modules in the mode they were in.
 * Between batches other work gets its turn. Images that could not be decoded, where the data set skips them, count for
 * nothing.
 * @throws the signal's reason once it is aborted; TypeError if a label is no class, the loss has other classes, or an
 *   option is unknown; Error if there are no images
 */
export function evaluate(
  classifier: Classifier,
  dataset: AnyDataset,
  options: EvaluateOptions & { features: true },
): Promise<Evaluation & { features: Float32Array }>;
export function evaluate(
  classifier: Classifier,
  dataset: AnyDataset,
  options?: EvaluateOptions,
): Promise<Evaluation>;
export async function evaluate(
  { model, loss }: Classifier,
  dataset: AnyDataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkOptions('evaluate', options, optionNames);
  const { device = 'cpu', signal, trainCounts = null } = options;
  checkDataset(['evaluate', 'dataset'], dataset, loss);
  const most = sizeOf(dataset);
  const { numClasses } = dataset;
  checkCounts(trainCounts, numClasses);
  const batchSize = options.batchSize ?? batchFor(model);
  const features = options.features ? new Float32Array(most * model.featureDim) : null;
  const all = noVerdicts(most);
  let count = 0;
  let norms = 0;
  const loader = createLoader(dataset, { batchSize, device });
  const epoch = loader.epoch(1);
  // Each module's own: a part may have been frozen.
  const modes = [model, loss].flatMap((root) =>
    root.namedModules().map(([, module]) => [module, module.training] as const),
  );
  model.eval();
  loss.eval();
  try {
    for (let i = 0; i < loader.length; i++) {
      signal?.throwIfAborted();
      const { images, labels } = await epoch.batch(i);
      try {
        noGrad(() =>
          scope(() => {
            const outputs = model.forward(images);
            all.labels.set(Int32Array.from(labels.toTypedArray() as BigInt64Array, Number), count);
            judge(valuesOf(loss.logits(outputs)), numClasses, all, count);
            norms += outputs.to({ dtype: 'float64' }).square().sum([1]).sqrt().sum().item();
            features?.set(valuesOf(outputs), count * model.featureDim);
          }),
        );
        count += labels.shape[0]!;
      } finally {
        images.dispose();
        labels.dispose();
      }
      await new Promise(setImmediate);
    }
  } finally {
    epoch.dispose();
    for (const [module, training] of modes) module.training = training;
  }
  if (count === 0) {
    throw new Error(
      `evaluate: dataset: expected at least one image, got none of ${most} that could be decoded`,
    );
  }
  const { labels, predicted, rank, confidence, ownLogit } = firstVerdicts(all, count);
  const confusion = confusionMatrix(labels, predicted, numClasses);
  const byClass = accuracyByClass(confusion);
  return {
    accuracy: topAccuracy(rank, 1),
    top5: topAccuracy(rank, 5),
    correct: confusion.reduce((sum, row, k) => sum + row[k]!, 0),
    count,
    confusion,
    accuracyByClass: byClass,
    shots: trainCounts && shotAccuracy(byClass, trainCounts),
    calibration: calibration(confidence, rank),
    featureNorm: norms / count,
    icu: loss instanceof IcuLoss ? icuFigures(loss, ownLogit, trainCounts) : null,
    labels,
    predicted,
    features: features === null ? null : features.subarray(0, count * model.featureDim),
  };
}

/** Few enough images for their activations to fit into memory, and enough of small ones to be quick. */
function batchFor(model: Backbone): number {
  const values = elementCount(model.inputShape);
  return Math.max(1, Math.min(500, Math.floor(4e6 / values)));
}

const valuesOf = (tensor: Tensor): Float32Array =>
  tensor.to({ device: 'cpu', dtype: 'float32' }).toTypedArray() as Float32Array;

/**
 * Throws a TypeError unless it is a data set whose labels are among the classes of the loss.
 * @param what who was given it, and under which name
 */
export function checkDataset(
  [who, argument]: readonly [who: string, argument: string],
  dataset: LabelledImages,
  loss: ClassificationLoss,
): void {
  if (!(dataset?.labels instanceof Tensor)) {
    throw new TypeError(`${who}: ${argument}: expected a data set, got ${describeValue(dataset)}`);
  }
  const { labels, numClasses } = dataset;
  const classes = labels.toTypedArray() as BigInt64Array;
  const bad = classes.findIndex((label) => !(label >= 0n && label < numClasses));
  if (bad >= 0) {
    throw new TypeError(
      `${who}: ${argument}: expected labels from 0 to ${numClasses - 1}, got ${classes[bad]} for image ${bad}`,
    );
  }
  if (loss.numClasses !== numClasses) {
    throw new TypeError(
      `${who}: loss: expected ${numClasses} classes, the data set's, got ${loss.numClasses}`,
    );
  }
}

function checkCounts(trainCounts: readonly number[] | null, numClasses: number): void {
  if (trainCounts !== null && !(Array.isArray(trainCounts) && trainCounts.length === numClasses)) {
    throw new TypeError(
      `evaluate: trainCounts: expected ${numClasses} numbers, one for each class, got ${describeValue(trainCounts)}`,
    );
  }
}

/** The logit of the own class is −d_z. */
function icuFigures(
  loss: IcuLoss,
  ownLogit: Float64Array,
  trainCounts: readonly number[] | null,
): IcuFigures {
  const sigmas = noGrad(() =>
    scope(() => [...(loss.sigmas().to({ device: 'cpu' }).toTypedArray() as Float64Array)]),
  );
  return {
    negativeShare: ownLogit.reduce((sum, logit) => sum + (logit > 0 ? 1 : 0), 0) / ownLogit.length,
    sigmas,
    sizes: trainCounts && sigmas.map((sigma, k) => ({ size: trainCounts[k]!, sigma })),
    sizeCorrelation: trainCounts && rankCorrelation(trainCounts, sigmas),
  };
}
