import { DataLoader, type Dataset, sizeOf } from '../data/index.ts';
import type { ClassificationLoss } from '../losses/index.ts';
import type { Backbone } from '../models/index.ts';
import { noGrad, scope } from '../tensor/index.ts';

/** A network and the loss on top of it. */
export interface Classifier {
  model: Backbone;
  loss: ClassificationLoss;
}

export interface Evaluation {
  /** The share of images whose class is predicted, 0 to 1 */
  accuracy: number;
  correct: number;
  count: number;
  /** K rows of K counts: how often class (row) was predicted as (column) */
  confusion: number[][];
  /** (N, D) row by row, in the data set's order */
  features: Float32Array;
  /** (N) */
  labels: Int32Array;
}

/** Images in a batch: large enough to be quick, small enough for any network here. */
const batchSize = 500;

/**
 * Predicts every image in evaluation mode, without margins or labels, and leaves the modules in the mode they were in.
 * Between batches other work gets its turn.
 * @throws the signal's reason once it is aborted; TypeError if a label is no class
 */
export async function evaluate(
  { model, loss }: Classifier,
  dataset: Dataset,
  options: { device?: string; signal?: AbortSignal } = {},
): Promise<Evaluation> {
  const { device = 'cpu', signal } = options;
  const count = sizeOf(dataset);
  const classes = dataset.numClasses;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const features = new Float32Array(count * model.featureDim);
  const labels = Int32Array.from(dataset.labels.toTypedArray() as BigInt64Array, Number);
  const loader = new DataLoader(dataset, { batchSize, device });
  const bad = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (bad >= 0) {
    throw new TypeError(
      `evaluate: dataset: expected labels from 0 to ${classes - 1}, got ${labels[bad]} for image ${bad}`,
    );
  }
  const epoch = loader.epoch(1);
  const modes = [model.training, loss.training] as const;
  model.eval();
  loss.eval();
  try {
    for (let i = 0; i < loader.length; i++) {
      signal?.throwIfAborted();
      noGrad(() =>
        scope(() => {
          const outputs = model.forward(epoch.batch(i).images);
          const predicted = loss.predict(outputs).toTypedArray() as BigInt64Array;
          predicted.forEach((k, j) => {
            confusion[labels[i * batchSize + j]!]![Number(k)]!++;
          });
          const rows = outputs.to({ device: 'cpu', dtype: 'float32' }).toTypedArray() as Float32Array;
          features.set(rows, i * batchSize * model.featureDim);
        }),
      );
      await new Promise(setImmediate);
    }
  } finally {
    epoch.dispose();
    model.train(modes[0]);
    loss.train(modes[1]);
  }
  const correct = confusion.reduce((sum, row, k) => sum + row[k]!, 0);
  return { accuracy: correct / count, correct, count, confusion, features, labels };
}
