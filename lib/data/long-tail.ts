/**
 * Long-tailed subsets of balanced data sets, as CIFAR-LT (Cui et al., CVPR 2019; Cao et al., NeurIPS 2019): of K
 * classes, each of which has n images, class k keeps
 *
 *     n_k = ⌊n · (1/ratio)^(k/(K−1))⌋,
 *
 * from all n in the first class to n / ratio in the last. Which images is decided by numpy's legacy generator, class by
 * class, as in the published code (kaidic/LDAM-DRW, `np.random.seed(0)`), so that the subset is the very same.
 */
import { describeValue, noGrad, scope } from '../tensor/index.ts';
import { type Dataset, placesByClass, placesOf, sizeOf, subset } from './dataset.ts';
import { Mt19937 } from './mt19937.ts';

export interface LongTailOptions {
  /** The largest class over the smallest; at least 1. The published ones are 10, 50 and 100. */
  ratio: number;
  /** Of the choice of images, from 0 to 2^32 − 1. Default 0, as published. */
  seed?: number;
}

/**
 * n_k for each class.
 * @param most n, the images in the first class
 * @param numClasses K
 */
export const longTailCounts = (most: number, numClasses: number, ratio: number): number[] =>
  Array.from({ length: numClasses }, (_, k) =>
    Math.trunc(most * (1 / ratio) ** (numClasses === 1 ? 0 : k / (numClasses - 1))),
  );

/** The images of a class in the order of its shuffle, of which the subset keeps the first `count`. */
interface ClassOrder {
  members: number[];
  count: number;
}

function classOrders(caller: string, dataset: Dataset, { ratio, seed = 0 }: LongTailOptions): ClassOrder[] {
  if (!(Number.isFinite(ratio) && ratio >= 1)) {
    throw new TypeError(
      `${caller}: ratio: expected a finite number of at least 1, got ${describeValue(ratio)}`,
    );
  }
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    throw new TypeError(
      `${caller}: seed: expected an integer from 0 to 2^32 − 1, got ${describeValue(seed)}`,
    );
  }
  const { numClasses } = dataset;
  const counts = longTailCounts(sizeOf(dataset) / numClasses, numClasses, ratio);
  const members = placesByClass(caller, dataset);
  const random = new Mt19937(seed);
  return counts.map((count, k) => {
    const own = members[k]!;
    if (own.length < count || count < 1) {
      throw new RangeError(
        `${caller}: dataset: expected at least ${Math.max(count, 1)} images of class ${k}, got ${Math.min(own.length, count)}`,
      );
    }
    random.shuffle(own);
    return { members: own, count };
  });
}

/**
 * The long-tailed subset of a balanced data set, class by class in the order of the shuffle, as published.
 * @param options.sorted in the data set's order instead, so that a part of it is a sample of all classes; default false
 * @throws TypeError for a ratio below 1, a seed that is none or a label that is no class; RangeError if a class has too few images, or would
 *   keep none
 */
export function longTailed(dataset: Dataset, options: LongTailOptions & { sorted?: boolean }): Dataset {
  const kept = classOrders('longTailed', dataset, options).flatMap(({ members, count }) =>
    members.slice(0, count),
  );
  if (options.sorted) kept.sort((a, b) => a - b);
  return noGrad(() => scope(() => subset(dataset, placesOf(kept))));
}

/**
 * The long-tailed subset, and `heldOut` images of each class beside it to choose the epoch with: the last of each
 * class's shuffle, which are images that the subset does not have, except where a class keeps more than n − heldOut.
 * Only these large classes give images up, so that no tail class loses any. Both parts are in the data set's order.
 *
 * @param heldOut images of each class
 * @throws as `longTailed`; RangeError if heldOut is not an integer from 1 to n − 1
 */
export function splitLongTailed(
  dataset: Dataset,
  heldOut: number,
  options: LongTailOptions,
): { train: Dataset; validation: Dataset } {
  const orders = classOrders('splitLongTailed', dataset, options);
  const least = Math.min(...orders.map(({ members }) => members.length));
  if (!(Number.isInteger(heldOut) && heldOut >= 1 && heldOut < least)) {
    throw new RangeError(
      `splitLongTailed: heldOut: expected an integer from 1 to ${least - 1}, got ${describeValue(heldOut)}`,
    );
  }
  const part = (select: (order: ClassOrder) => number[]) =>
    scope(() => subset(dataset, placesOf(orders.flatMap(select).sort((a, b) => a - b))));
  return noGrad(() => ({
    train: part(({ members, count }) => members.slice(0, Math.min(count, members.length - heldOut))),
    validation: part(({ members }) => members.slice(-heldOut)),
  }));
}
