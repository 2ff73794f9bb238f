import { describeValue, Generator, noGrad, scope, type Tensor, tensor, torch } from '../tensor/index.ts';

/** Images with their classes, as bytes: a batch becomes float32 when it is made. */
export interface Dataset {
  /** 'mnist' */
  readonly name: string;
  /** (N, C, H, W) uint8 */
  readonly images: Tensor;
  /** (N) int64, from 0 to K − 1 */
  readonly labels: Tensor;
  readonly numClasses: number;
  /** Of a pixel from 0 to 1; a batch is (pixel / 255 − mean) / std. */
  readonly mean: number;
  readonly std: number;
}

/** A data set's parts: the held-out split chooses the epoch, the test set is only ever reported. */
export interface Splits {
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test: Dataset;
}

/** The number of images. */
export const sizeOf = (dataset: Dataset): number => dataset.labels.shape[0]!;

/** The number of images of each class, K numbers. */
export const classCountsOf = ({ labels, numClasses }: Dataset): number[] =>
  scope(() => Array.from(labels.bincount(null, numClasses).toTypedArray(), Number));

/**
 * A data set from bytes, copied. Images (N, C, H, W) and labels (N), row-major.
 * @throws TypeError if the numbers of bytes do not fit the shape, or a label is no class
 */
export function datasetFromBytes(
  bytes: { images: Uint8Array; labels: Uint8Array },
  description: Omit<Dataset, 'images' | 'labels'> & { shape: readonly [number, number, number] },
): Dataset {
  const { shape, ...rest } = description;
  const count = bytes.labels.length;
  const expected = shape.reduce((product, size) => product * size, count);
  if (bytes.images.length !== expected) {
    throw new TypeError(
      `datasetFromBytes: images: expected ${expected} bytes for ${count} of ${shape.join('×')}, got ${bytes.images.length}`,
    );
  }
  const bad = bytes.labels.findIndex((label) => label >= rest.numClasses);
  if (bad >= 0) {
    throw new TypeError(
      `datasetFromBytes: labels: expected classes from 0 to ${rest.numClasses - 1}, got ${bytes.labels[bad]} at ${bad}`,
    );
  }
  return {
    ...rest,
    images: scope(() => tensor(bytes.images).reshape([count, ...shape])).keep(),
    labels: scope(() => tensor(bytes.labels).to({ dtype: 'int64' })).keep(),
  };
}

/** The images at these places, (M) int64, in their order. */
export function subset(dataset: Dataset, indices: Tensor): Dataset {
  return scope(() => ({
    ...dataset,
    images: dataset.images.indexSelect(0, indices).keep(),
    labels: dataset.labels.indexSelect(0, indices).keep(),
  }));
}

/** The first `count` images, or all where there are fewer. */
export function firstOf(dataset: Dataset, count: number): Dataset {
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new TypeError(`firstOf: count: expected an integer of at least 1, got ${describeValue(count)}`);
  }
  return scope(() => subset(dataset, torch.arange(Math.min(count, sizeOf(dataset)), { dtype: 'int64' })));
}

/**
 * Splits off `count` images, from each class its share, chosen at random by `seed`.
 * @returns [the rest, in the original order; the images split off]
 * @throws RangeError if there are not more than `count` images
 */
export function splitOff(dataset: Dataset, count: number, seed: number): [rest: Dataset, held: Dataset] {
  const total = sizeOf(dataset);
  if (!(Number.isInteger(count) && count >= 1 && count < total)) {
    throw new RangeError(
      `splitOff: count: expected an integer from 1 to ${total - 1}, got ${describeValue(count)}`,
    );
  }
  return noGrad(() =>
    scope(() => {
      const generator = new Generator().manualSeed(seed);
      const labels = dataset.labels.toTypedArray() as BigInt64Array;
      const shuffled = torch.randperm(total, { generator, dtype: 'int64' }).toTypedArray() as BigInt64Array;
      const members: number[][] = Array.from({ length: dataset.numClasses }, () => []);
      for (const i of shuffled) members[Number(labels[Number(i)])]!.push(Number(i));
      const held = new Uint8Array(total);
      shares(
        members.map((list) => list.length),
        count,
      ).forEach((share, k) => {
        for (const i of members[k]!.slice(0, share)) held[i] = 1;
      });
      const places = (flag: number) =>
        tensor(BigInt64Array.from([...held.keys()].filter((i) => held[i] === flag).map(BigInt)));
      return [subset(dataset, places(0)), subset(dataset, places(1))] as [Dataset, Dataset];
    }),
  );
}

/** `count` divided in proportion to `sizes`; what rounding down leaves goes to the largest remainders. */
function shares(sizes: readonly number[], count: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => (size * count) / total);
  const result = exact.map(Math.floor);
  const left = count - result.reduce((sum, share) => sum + share, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b]! - result[b]! - (exact[a]! - result[a]!));
  for (const k of byRemainder.slice(0, left)) result[k]!++;
  return result;
}
