import { describeValue, type Generator, type Tensor, tensor, torch } from '../tensor/index.ts';
import { classCountsOf, numbersOf, placesByClass, placesOf } from './dataset.ts';

/**
 * Which images make up an epoch of N, the number of images there are, in which order:
 *
 * - 'shuffle': each once
 * - 'class-aware': the classes take turns in rounds of random order, each with its next image; a class begins anew, in
 *   another order, once all its images have been seen (Shen, Lin & Huang, ECCV 2016, section 3.2)
 * - 'class-balanced': with replacement, first a class at random, then one of its images: p_i ∝ 1 / n_{y_i}
 * - weights w, one for each class: with replacement, p_i ∝ w_{y_i}
 */
export type Sampler = (typeof samplers)[number] | { readonly weights: readonly number[] };

/** Those that have a name. */
export const samplers = ['shuffle', 'class-aware', 'class-balanced'] as const;

/** @throws TypeError if it is none of these, or has not one finite weight of at least 0 for each class */
export function checkSampler(sampler: unknown, numClasses: number): asserts sampler is Sampler {
  if (samplers.includes(sampler as (typeof samplers)[number])) return;
  const weights = (sampler as { weights?: unknown } | null)?.weights;
  if (!Array.isArray(weights)) {
    throw new TypeError(
      `DataLoader: sampler: expected one of ${samplers.join(', ')}, or { weights }, got ${describeValue(sampler)}`,
    );
  }
  if (weights.length !== numClasses) {
    throw new TypeError(
      `DataLoader: sampler: expected a weight for each of ${numClasses} classes, got ${weights.length}`,
    );
  }
  const bad = weights.findIndex((weight) => !(Number.isFinite(weight) && weight >= 0));
  if (bad >= 0) {
    throw new TypeError(
      `DataLoader: sampler: expected finite weights of at least 0, got ${describeValue(weights[bad])} at ${bad}`,
    );
  }
}

/**
 * The places of an epoch's images, in their order: (N) int64.
 * @param labels (N) int64
 * @throws RangeError if every image has weight 0; TypeError naming a label that is no class, for 'class-aware'
 */
export function sampleOrder(
  sampler: Sampler,
  labels: Tensor,
  numClasses: number,
  generator: Generator,
): Tensor {
  const count = labels.shape[0]!;
  if (sampler === 'shuffle') return torch.randperm(count, { generator, dtype: 'int64' });
  if (sampler === 'class-aware') return classAware(labels, numClasses, generator);
  const weights =
    sampler === 'class-balanced'
      ? classCountsOf({ labels, numClasses }).map((size) => (size === 0 ? 0 : 1 / size))
      : sampler.weights;
  const each = tensor(Float64Array.from(weights)).indexSelect(0, labels);
  if (!(each.sum().item() > 0)) {
    throw new RangeError('DataLoader: sampler: expected a weight above 0 for a class that has images');
  }
  return torch.multinomial(each, count, { replacement: true, generator });
}

function classAware(labels: Tensor, numClasses: number, generator: Generator): Tensor {
  if (labels.shape[0] === 0) return placesOf([]);
  const present = placesByClass('DataLoader', { labels, numClasses }).filter((list) => list.length > 0);
  const rounds = Math.ceil(labels.shape[0]! / present.length);
  /** `rows` orders of 0 … columns − 1, one after the other. */
  const orders = (rows: number, columns: number) =>
    numbersOf(torch.rand([rows, columns], { generator, dtype: 'float64' }).argsort(1).reshape([-1]));
  const queues = present.map((list) => orders(Math.ceil(rounds / list.length), list.length));
  const turns = orders(rounds, present.length).slice(0, labels.shape[0]!);
  const seen = present.map(() => 0);
  return placesOf(turns.map((k) => present[k]![queues[k]![seen[k]!++]!]!));
}
