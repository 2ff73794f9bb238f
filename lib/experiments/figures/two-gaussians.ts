/** Two unbalanced classes in the plane, and losses trained on their points as features, without a network. */
import {
  BalancedSoftmaxLoss,
  type ClassificationLoss,
  CrossEntropyLoss,
  IcuLoss,
} from '../../losses/index.ts';
import { Adam } from '../../optim/index.ts';
import { Generator, manualSeed, scope, type Tensor, tensor, torch } from '../../tensor/index.ts';
import { distance, type PlaneGaussian } from './gaussian-plane.ts';

/** A class and how many training samples it has. */
export interface SampledGaussian extends PlaneGaussian {
  name: string;
  count: number;
}

/** One wide class with many samples, one narrow with few, their means `apart`. */
export const unbalanced = (apart: number): [SampledGaussian, SampledGaussian] => [
  { name: 'wide', mean: [0, 0], sigma: 2, count: 1000 },
  { name: 'narrow', mean: [apart, 0], sigma: 0.5, count: 100 },
];

/** What is trained: the two losses of the figure, and both with the classes' sizes taken into account. */
export const trainable = {
  softmax: () => new CrossEntropyLoss(2, 2),
  icu: () => new IcuLoss(2, 2),
  balancedSoftmax: (classCounts: number[]) => new BalancedSoftmaxLoss(2, 2, { classCounts }),
  icuLogPrior: (classCounts: number[]) => new IcuLoss(2, 2, { logPrior: 'counts', classCounts }),
};

/** Features (N, 2) and labels (N). */
export interface Samples {
  features: Tensor;
  labels: Tensor;
}

export const drawSamples = (
  classes: readonly PlaneGaussian[],
  counts: readonly number[],
  seed: number,
): Samples =>
  scope(() => {
    const generator = new Generator(seed);
    const features = classes.map(({ mean, sigma }, k) =>
      torch.randn([counts[k]!, 2], { generator }).mul(sigma).add(tensor(mean)),
    );
    const labels = counts.map((count, k) => torch.full([count], k, { dtype: 'int64' }));
    return { features: torch.cat(features), labels: torch.cat(labels) };
  });

/** Adam's learning rate; a loss decides about its own parameters' multiples of it. */
export const lr = 0.03;

/** A loss that `make` builds after seeding, trained with Adam on all samples in each step. */
export function trainLoss<Loss extends ClassificationLoss>(
  make: () => Loss,
  { features, labels }: Samples,
  { seed, steps, signal }: { seed: number; steps: number; signal?: AbortSignal },
): Loss {
  signal?.throwIfAborted();
  manualSeed(seed);
  const loss = make();
  const optimizer = new Adam(loss.parameterGroups(lr), { lr });
  for (let step = 0; step < steps; step++) {
    scope(() => {
      optimizer.zeroGrad();
      loss.forward(features, labels).total.backward();
      optimizer.step();
    });
  }
  return loss;
}

/** (N) the classes that a trained loss predicts. */
export const predictions = (loss: ClassificationLoss, { features }: Samples): number[] =>
  scope(() => Array.from(loss.predict(features).toTypedArray() as BigInt64Array, Number));

/** (N) the classes that Bayes' rule predicts where both are equally frequent: the likelier density. */
export function bayesPredictions(
  [first, second]: readonly [PlaneGaussian, PlaneGaussian],
  { features }: Samples,
): number[] {
  const values = features.toTypedArray() as Float32Array;
  return Array.from({ length: values.length / 2 }, (_, i) => {
    const [x, y] = [values[2 * i]!, values[2 * i + 1]!];
    return distance(second, x, y) < distance(first, x, y) ? 1 : 0;
  });
}

/** Shares, 0 to 1 */
export interface Accuracy {
  accuracy: number;
  /** (K) */
  accuracyByClass: number[];
}

export function accuracyOf(predicted: readonly number[], { labels }: Samples): Accuracy {
  const classes = Array.from(labels.toTypedArray() as BigInt64Array, Number);
  const right = [0, 0];
  const count = [0, 0];
  classes.forEach((k, i) => {
    count[k]! += 1;
    if (predicted[i] === k) right[k]! += 1;
  });
  return {
    accuracy: (right[0]! + right[1]!) / classes.length,
    accuracyByClass: right.map((value, k) => value / count[k]!),
  };
}
