import { describeValue, scope, type Tensor } from '../tensor/index.ts';
import { type Augmentation, type Crops, cropImages, crops, drawCrops } from './augment.ts';
import type { Dataset } from './dataset.ts';
import { Normalization } from './normalize.ts';
import { Order, type OrderOptions } from './order.ts';

export interface Batch {
  /** (B, C, H, W) float32, normalised */
  images: Tensor;
  /** (B) int64 */
  labels: Tensor;
}

/** The batches of an epoch, by number from 0. They belong to whoever takes them. */
export interface Batches<B extends Batch | Promise<Batch>> {
  batch(i: number): B;
  /** Ends the epoch: no more batches. */
  dispose(): void;
}

/** Gives batches, epoch by epoch: of images in memory at once, of images in files when they have been decoded. */
export interface Loader {
  readonly batchSize: number;
  /** Batches in an epoch. */
  readonly length: number;
  /** @param number which epoch, from 1 */
  epoch(number: number): Batches<Batch | Promise<Batch>>;
}

export interface LoaderOptions extends OrderOptions {
  /** How images are varied; needs a seed. Default 'none'. */
  augment?: Augmentation;
  /** Where batches are put. Default 'cpu'. */
  device?: string;
}

export type DataLoaderOptions = LoaderOptions;

/**
 * Batches of a data set in memory. What is random in an epoch depends on the seed and the epoch alone, so a training
 * run can be taken up anywhere. A batch is gathered, augmented and normalised by LibTorch, never image by image.
 */
export class DataLoader implements Loader {
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly length: number;
  readonly #order: Order;
  readonly #crops: Crops | null;
  readonly #device: string;

  /** @throws TypeError for an option that is not valid */
  constructor(dataset: Dataset, options: DataLoaderOptions) {
    this.#order = new Order(dataset, options);
    const { augment = 'none', device = 'cpu' } = options;
    this.#crops = cropsOf(augment);
    if (this.#crops !== null && options.seed === undefined) {
      throw new TypeError('DataLoader: augment: expected a seed beside it, got none');
    }
    this.dataset = dataset;
    this.batchSize = this.#order.batchSize;
    this.length = this.#order.length;
    this.#device = device;
  }

  /**
   * The batches of an epoch. They belong to whoever takes them: make them in a scope, or dispose of them.
   * @param number which epoch, from 1
   * @throws TypeError if it is not an integer of at least 1
   */
  epoch(number: number): Batches<Batch> {
    const device = this.#device;
    const { images, labels } = this.dataset;
    const kind = this.#crops;
    const { order, draws } = scope(() => {
      const { order, generator } = this.#order.epoch(number);
      const draws = kind && drawCrops(kind, order.shape[0]!, generator).keep();
      return { order: order.keep(), draws };
    });
    const normalization = new Normalization(this.dataset, device);
    return {
      batch: (i) => {
        const { start, count } = this.#order.rows(i);
        return scope(() => {
          const rows = order.narrow(0, start, count);
          const pixels = images.indexSelect(0, rows).to({ device });
          const varied =
            kind && draws ? cropImages(kind, pixels, draws.narrow(0, start, count).to({ device })) : pixels;
          return {
            images: normalization.apply(varied),
            labels: labels.indexSelect(0, rows).to({ device }),
          };
        });
      },
      dispose: () => {
        order.dispose();
        draws?.dispose();
        normalization.dispose();
      },
    };
  }

  /**
   * The places of an epoch's images in the data set, in their order: (N) int64.
   * @param epoch from 1
   */
  order(epoch: number): Tensor {
    return this.#order.epoch(epoch).order;
  }
}

/** The crops that an augmentation makes of images in memory; null for none. */
function cropsOf(augment: Augmentation): Crops | null {
  if (augment === 'none') return null;
  if (augment === 'crop' || augment === 'crop-flip') return crops[augment];
  throw new TypeError(
    `DataLoader: augment: expected none, crop or crop-flip for images in memory, got ${describeValue(augment)}`,
  );
}
