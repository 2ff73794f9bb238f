import { elementCount } from '../tensor/elements.ts';
import { describeValue, Generator, noGrad, scope, type Tensor, tensor, torch } from '../tensor/index.ts';
import type { Augmentation } from './augment.ts';

/** What every data set has, wherever its images are. */
export interface LabelledImages {
  /** 'mnist' */
  readonly name: string;
  /** (N) int64, from 0 to K − 1 */
  readonly labels: Tensor;
  readonly numClasses: number;
  /** (K) the names of the classes, where they have any */
  readonly classes?: readonly string[];
  /** Of a pixel from 0 to 1, of each channel or of all; a batch is (pixel / 255 − mean) / std. */
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
  /** How training varies the images unless it is told otherwise. Default 'none'. */
  readonly augment?: Augmentation;
}

/** Images in memory with their classes, as bytes: a batch becomes float32 when it is made. */
export interface Dataset extends LabelledImages {
  /** (N, C, H, W) uint8 */
  readonly images: Tensor;
}

/** Images in files, decoded when a batch is made. See `loadImageFolder`. */
export interface ImageFolder extends LabelledImages {
  /** Paths, N of them */
  readonly files: readonly string[];
  /** The names of the classes, which are the names of their folders, sorted */
  readonly classes: readonly string[];
  /** Height and width of an image in a batch */
  readonly size: number;
  /** Files that could not be decoded, with the reason. Null: such a file is an error. */
  readonly skipped: Map<string, string> | null;
  /** Threads that decode; null: one for each core, as far as Node.js's thread pool goes */
  readonly workers: number | null;
}

export type AnyDataset = Dataset | ImageFolder;

/**
 * A data set's parts: the held-out split chooses the epoch, the test set is only ever reported. Loaded with
 * `holdOut: false`, `validation` is `test`.
 */
export interface Splits<D extends AnyDataset = Dataset> {
  readonly train: D;
  readonly validation: D;
  readonly test: D;
}

/** The number of images. */
export const sizeOf = (dataset: LabelledImages): number => dataset.labels.shape[0]!;

/** The number of images of each class, K numbers. */
export const classCountsOf = ({
  labels,
  numClasses,
}: Pick<LabelledImages, 'labels' | 'numClasses'>): number[] =>
  scope(() => Array.from(labels.bincount(null, numClasses).toTypedArray(), Number));

/** Of an image in a batch: (C, H, W). */
export const imageShape = (dataset: AnyDataset): number[] =>
  'images' in dataset ? dataset.images.shape.slice(1) : [3, dataset.size, dataset.size];

/**
 * A data set from bytes, copied. Images (N, C, H, W) and labels (N), row-major.
 * @throws TypeError if the numbers of bytes do not fit the shape, mean and std not the channels, a std is not
 *   above 0, a label is no class, or there are names of classes, but not one for each
 */
export function datasetFromBytes(
  bytes: { images: Uint8Array; labels: Uint8Array },
  description: Omit<Dataset, 'images' | 'labels'> & { shape: readonly [number, number, number] },
): Dataset {
  const { shape, ...rest } = description;
  const count = bytes.labels.length;
  const expected = count * elementCount(shape);
  if (bytes.images.length !== expected) {
    throw new TypeError(
      `datasetFromBytes: images: expected ${expected} bytes for ${count} of ${shape.join('×')}, got ${bytes.images.length}`,
    );
  }
  checkPixels('mean', rest.mean, shape[0]);
  checkPixels('std', rest.std, shape[0]);
  checkLabels('datasetFromBytes', bytes.labels, rest.numClasses);
  const { classes, numClasses } = rest;
  if (classes !== undefined && !(Array.isArray(classes) && classes.length === numClasses)) {
    throw new TypeError(
      `datasetFromBytes: classes: expected ${numClasses} names, one for each class, got ${
        Array.isArray(classes) ? classes.length : describeValue(classes)
      }`,
    );
  }
  return {
    ...rest,
    images: scope(() => tensor(bytes.images).reshape([count, ...shape])).keep(),
    labels: scope(() => tensor(bytes.labels).to({ dtype: 'int64' })).keep(),
  };
}

/** Throws a TypeError unless `value` is a finite number, above 0 for 'std', or one for each channel. */
function checkPixels(name: 'mean' | 'std', value: unknown, channels: number): void {
  if (Array.isArray(value) && value.length !== channels) {
    throw new TypeError(
      `datasetFromBytes: ${name}: expected a number, or one for each of ${channels} channels, got ${value.length}`,
    );
  }
  for (const each of Array.isArray(value) ? value : [value]) {
    if (!(Number.isFinite(each) && (name === 'mean' || each > 0))) {
      const expected = name === 'mean' ? 'finite numbers' : 'finite numbers above 0';
      throw new TypeError(`datasetFromBytes: ${name}: expected ${expected}, got ${describeValue(each)}`);
    }
  }
}

/** Throws a TypeError unless there are classes, and every label is one. */
function checkLabels(caller: string, labels: Uint8Array | readonly number[], numClasses: number): void {
  if (!(Number.isSafeInteger(numClasses) && numClasses >= 1)) {
    throw new TypeError(
      `${caller}: numClasses: expected an integer of at least 1, got ${describeValue(numClasses)}`,
    );
  }
  const bad = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < numClasses));
  if (bad >= 0) {
    throw new TypeError(
      `${caller}: labels: expected classes from 0 to ${numClasses - 1}, got ${labels[bad]} at ${bad}`,
    );
  }
}

/**
 * The places of each class's images, K lists.
 * @param order of the places in each list. Default: the data set's.
 * @throws TypeError naming a label that is no class
 */
export function placesByClass(
  caller: string,
  { labels, numClasses }: Pick<LabelledImages, 'labels' | 'numClasses'>,
  order?: readonly number[],
): number[][] {
  const classes = numbersOf(labels);
  checkLabels(caller, classes, numClasses);
  const lists: number[][] = Array.from({ length: numClasses }, () => []);
  for (const i of order ?? classes.keys()) lists[classes[i]!]!.push(i);
  return lists;
}

/** The images at these places, (M) int64, in their order. */
export function subset<D extends AnyDataset>(dataset: D, indices: Tensor): D {
  const pick = (): Partial<Dataset> | Partial<ImageFolder> =>
    'images' in dataset
      ? { images: dataset.images.indexSelect(0, indices).keep() }
      : { files: numbersOf(indices).map((i) => dataset.files[i]!) };
  return scope(() => ({ ...dataset, ...pick(), labels: dataset.labels.indexSelect(0, indices).keep() }));
}

/** The elements of an int64 tensor. */
export const numbersOf = (integers: Tensor): number[] =>
  Array.from(integers.toTypedArray() as BigInt64Array, Number);

/** int64 */
export const placesOf = (indices: Iterable<number>): Tensor =>
  tensor(BigInt64Array.from([...indices].map(BigInt)));

/** The first `count` images, or all where there are fewer. */
export function firstOf<D extends AnyDataset>(dataset: D, count: number): D {
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new TypeError(`firstOf: count: expected an integer of at least 1, got ${describeValue(count)}`);
  }
  return scope(() => subset(dataset, torch.arange(Math.min(count, sizeOf(dataset)), { dtype: 'int64' })));
}

/**
 * Splits off `count` images, from each class its share, chosen at random by `seed`. No class gives all of its images
 * while others have some to spare.
 * @returns [the rest, in the original order; the images split off]
 * @throws RangeError if there are not more than `count` images; TypeError naming a label that is no class
 */
export function splitOff<D extends AnyDataset>(dataset: D, count: number, seed: number): [rest: D, held: D] {
  const total = sizeOf(dataset);
  if (!(Number.isInteger(count) && count >= 1 && count < total)) {
    throw new RangeError(
      `splitOff: count: expected an integer from 1 to ${total - 1}, got ${describeValue(count)}`,
    );
  }
  return noGrad(() =>
    scope(() => {
      const generator = new Generator().manualSeed(seed);
      const shuffled = numbersOf(torch.randperm(total, { generator, dtype: 'int64' }));
      const members = placesByClass('splitOff', dataset, shuffled);
      const held = new Uint8Array(total);
      shares(
        members.map((list) => list.length),
        count,
      ).forEach((share, k) => {
        for (const i of members[k]!.slice(0, share)) held[i] = 1;
      });
      const places = (flag: number) => placesOf([...held.keys()].filter((i) => held[i] === flag));
      return [subset(dataset, places(0)), subset(dataset, places(1))] as [D, D];
    }),
  );
}

/**
 * A data set's parts, of its training images and its test images: `count` of the training images are held out, or,
 * where a loader was told not to, none. Takes over the memory of both.
 */
export function splitsOf<D extends AnyDataset>(
  all: D,
  test: D,
  count: number,
  { splitSeed = 0, holdOut = true }: { splitSeed?: number; holdOut?: boolean },
): Splits<D> {
  if (!holdOut) return { train: all, validation: test, test };
  const [train, validation] = splitOff(all, count, splitSeed);
  dispose(all);
  return { train, validation, test };
}

/** Frees the data set's tensors. */
export function dispose(dataset: AnyDataset): void {
  if ('images' in dataset) dataset.images.dispose();
  dataset.labels.dispose();
}

/**
 * `count` divided in proportion to `sizes`; what rounding down leaves goes to the largest remainders, as long as they
 * can do without becoming whole sizes.
 */
function shares(sizes: readonly number[], count: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => (size * count) / total);
  const result = exact.map(Math.floor);
  const left = count - result.reduce((sum, share) => sum + share, 0);
  const whole = (k: number): number => Number(result[k]! + 1 >= sizes[k]!);
  const remainder = (k: number): number => exact[k]! - result[k]!;
  const byRemainder = [...exact.keys()].sort((a, b) => whole(a) - whole(b) || remainder(b) - remainder(a));
  for (const k of byRemainder.slice(0, left)) result[k]!++;
  return result;
}
