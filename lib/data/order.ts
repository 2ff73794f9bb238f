import { checkBoolean, checkOptions } from '../tensor/check.ts';
import { describeValue, Generator, type Tensor, torch } from '../tensor/index.ts';
import { type LabelledImages, sizeOf } from './dataset.ts';
import type { ImageFolderLoaderOptions } from './image-folder-loader.ts';
import { mixedSeed } from './random.ts';
import { checkSampler, type Sampler, sampleOrder } from './sampler.ts';

export interface OrderOptions {
  /** Images in a batch, at least 1; the last of an epoch may have fewer. */
  batchSize: number;
  /** Shuffle with this seed; without it images come in their order. */
  seed?: number;
  /** Leave out a last batch that is not full. Default false. */
  dropLast?: boolean;
  /** Which images make up an epoch, in which order; needs a seed. Default 'shuffle'. */
  sampler?: Sampler;
}

/** Of all loaders: `workers` and `prefetch` are given to whichever a data set has. */
const optionNames = [
  'batchSize',
  'seed',
  'dropLast',
  'sampler',
  'augment',
  'device',
  'workers',
  'prefetch',
] satisfies (keyof ImageFolderLoaderOptions)[];

/**
 * The order of the images in each epoch. It depends on the seed and the epoch alone, so a training run can be taken up
 * anywhere.
 */
export class Order {
  readonly batchSize: number;
  /** Batches in an epoch. */
  readonly length: number;
  readonly #dataset: LabelledImages;
  readonly #seed: number | null;
  readonly #sampler: Sampler;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(dataset: LabelledImages, options: OrderOptions) {
    checkOptions('DataLoader', options, optionNames);
    const { batchSize, seed, dropLast = false, sampler = 'shuffle' } = options;
    checkBoolean('DataLoader', 'dropLast', dropLast);
    if (!(Number.isInteger(batchSize) && batchSize >= 1)) {
      throw new TypeError(
        `DataLoader: batchSize: expected an integer of at least 1, got ${describeValue(batchSize)}`,
      );
    }
    if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
      throw new TypeError(`DataLoader: seed: expected an integer of at least 0, got ${describeValue(seed)}`);
    }
    checkSampler(sampler, dataset.numClasses);
    if (sampler !== 'shuffle' && seed === undefined) {
      throw new TypeError('DataLoader: sampler: expected a seed beside it, got none');
    }
    this.#dataset = dataset;
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(sizeOf(dataset) / batchSize);
    this.#seed = seed ?? null;
    this.#sampler = sampler;
  }

  /**
   * The places of an epoch's images in the data set: (N) int64; and the generator that drew them, for what else is
   * random in this epoch.
   * @param epoch from 1
   * @throws TypeError if it is not an integer of at least 1
   */
  epoch(epoch: number): { order: Tensor; generator: Generator } {
    if (!(Number.isSafeInteger(epoch) && epoch >= 1)) {
      throw new TypeError(
        `DataLoader: epoch: expected an integer of at least 1, got ${describeValue(epoch)}`,
      );
    }
    const { labels, numClasses } = this.#dataset;
    const generator = new Generator(mixedSeed(this.#seed ?? 0, epoch));
    if (this.#seed === null) {
      return { order: torch.arange(sizeOf(this.#dataset), { dtype: 'int64' }), generator };
    }
    return { order: sampleOrder(this.#sampler, labels, numClasses, generator), generator };
  }

  /**
   * Where batch i begins in an epoch's order, and how many images it has.
   * @throws RangeError if there is no such batch
   */
  rows(i: number): { start: number; count: number } {
    if (!(Number.isInteger(i) && i >= 0 && i < this.length)) {
      throw new RangeError(
        `DataLoader: batch: expected an integer from 0 to ${this.length - 1}, got ${describeValue(i)}`,
      );
    }
    const start = i * this.batchSize;
    return { start, count: Math.min(this.batchSize, sizeOf(this.#dataset) - start) };
  }
}
