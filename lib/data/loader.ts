import { describeValue, Generator, scope, type Tensor, torch } from '../tensor/index.ts';
import { type Dataset, sizeOf } from './dataset.ts';
import { mixedSeed } from './random.ts';

export interface Batch {
  /** (B, C, H, W) float32, normalised */
  images: Tensor;
  /** (B) int64 */
  labels: Tensor;
}

export interface DataLoaderOptions {
  batchSize: number;
  /** Shuffle with this seed; without it images come in their order. */
  seed?: number;
  /** Leave out a last batch that is not full. Default false. */
  dropLast?: boolean;
  /** Where batches are put. Default 'cpu'. */
  device?: string;
}

/**
 * Batches of a data set. Each epoch's order depends on the seed and the epoch alone, so a training run can be taken
 * up anywhere. A batch is gathered and normalised by LibTorch, never pixel by pixel.
 */
export class DataLoader {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** Batches in an epoch. */
  readonly length: number;
  readonly #seed: number | null;
  readonly #device: string;

  /** @throws TypeError if batchSize is not an integer of at least 1, or seed not an integer of at least 0 */
  constructor(dataset: Dataset, options: DataLoaderOptions) {
    const { batchSize, seed, dropLast = false, device = 'cpu' } = options;
    if (!(Number.isInteger(batchSize) && batchSize >= 1)) {
      throw new TypeError(
        `DataLoader: batchSize: expected an integer of at least 1, got ${describeValue(batchSize)}`,
      );
    }
    if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
      throw new TypeError(`DataLoader: seed: expected an integer of at least 0, got ${describeValue(seed)}`);
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(sizeOf(dataset) / batchSize);
    this.#seed = seed ?? null;
    this.#device = device;
  }

  /**
   * The batches of an epoch. They belong to whoever takes them: make them in a scope, or dispose of them.
   * @param number which epoch, from 1
   * @throws TypeError if it is not an integer of at least 1
   */
  epoch(number: number): { batch(i: number): Batch; dispose(): void } {
    const { dataset, batchSize, length } = this;
    const count = sizeOf(dataset);
    const order = scope(() => this.order(number)).keep();
    // (pixel / 255 − mean) / std as one scale and one offset.
    const scale = 1 / (255 * dataset.std);
    const offset = -dataset.mean / dataset.std;
    return {
      batch: (i) => {
        if (!(Number.isInteger(i) && i >= 0 && i < length)) {
          throw new RangeError(
            `DataLoader: batch: expected an integer from 0 to ${length - 1}, got ${describeValue(i)}`,
          );
        }
        return scope(() => {
          const rows = order.narrow(0, i * batchSize, Math.min(batchSize, count - i * batchSize));
          const pixels = dataset.images.indexSelect(0, rows).to({ device: this.#device });
          return {
            images: pixels.to({ dtype: 'float32' }).mul_(scale).add_(offset),
            labels: dataset.labels.indexSelect(0, rows).to({ device: this.#device }),
          };
        });
      },
      dispose: () => order.dispose(),
    };
  }

  /**
   * The places of an epoch's images in the data set, in their order: (N) int64.
   * @param epoch from 1
   */
  order(epoch: number): Tensor {
    if (!(Number.isSafeInteger(epoch) && epoch >= 1)) {
      throw new TypeError(
        `DataLoader: epoch: expected an integer of at least 1, got ${describeValue(epoch)}`,
      );
    }
    const count = sizeOf(this.dataset);
    if (this.#seed === null) return torch.arange(count, { dtype: 'int64' });
    const generator = new Generator(mixedSeed(this.#seed, epoch));
    return torch.randperm(count, { generator, dtype: 'int64' });
  }
}
