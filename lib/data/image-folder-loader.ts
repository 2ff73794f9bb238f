import { describeValue, Generator, scope, type Tensor, tensor, torch } from '../tensor/index.ts';
import type { Augmentation } from './augment.ts';
import { drawsPerImage } from './crop.mjs';
import { type ImageFolder, numbersOf, placesOf } from './dataset.ts';
import { DecodePool, resolveWorkers } from './decode-pool.ts';
import { DataFileError } from './errors.ts';
import type { Batch, Batches, Loader, LoaderOptions } from './loader.ts';
import { Normalization } from './normalize.ts';
import { Order } from './order.ts';
import { mixedSeed } from './random.ts';

export interface ImageFolderLoaderOptions extends LoaderOptions {
  /** Threads that decode. Default: the data set's. */
  workers?: number | null;
  /** Batches that are decoded ahead of the one at hand. Default 2. */
  prefetch?: number;
}

/** Of ImageNet's 256 to 224: the shorter side of an image before its middle is cut out for a test. */
const shorterFor = (size: number): number => Math.round(size / 0.875);

/**
 * Batches of images in files, decoded in threads while the one before is worked on. Which images, where they are cropped
 * and whether they are mirrored depends on the seed, the epoch and the batch alone: not on the number of threads, nor on
 * where a training run was taken up. At most `prefetch` + 1 batches are in memory, as bytes.
 */
export class ImageFolderLoader implements Loader {
  readonly dataset: ImageFolder;
  readonly batchSize: number;
  readonly length: number;
  readonly #order: Order;
  /** Of the random crops; null: the crops in the middle */
  readonly #seed: number | null;
  /** The fewest images of a batch that must be good: batch normalisation cannot train on one. */
  readonly #least: number;
  readonly #device: string;
  readonly #workers: number;
  readonly #prefetch: number;

  /** @throws TypeError for an option that is not valid; RangeError for more workers than can be had */
  constructor(dataset: ImageFolder, options: ImageFolderLoaderOptions) {
    this.#order = new Order(dataset, options);
    const { augment = 'none', device = 'cpu', prefetch = 2 } = options;
    checkAugmentation(augment, options.seed);
    if (!(Number.isInteger(prefetch) && prefetch >= 0)) {
      throw new TypeError(
        `DataLoader: prefetch: expected an integer of at least 0, got ${describeValue(prefetch)}`,
      );
    }
    this.dataset = dataset;
    this.batchSize = this.#order.batchSize;
    this.length = this.#order.length;
    this.#seed = augment === 'none' ? null : options.seed!;
    this.#least = options.seed === undefined ? 0 : 2;
    this.#device = device;
    this.#workers = resolveWorkers(options.workers ?? dataset.workers);
    this.#prefetch = prefetch;
  }

  /**
   * The batches of an epoch. Asked for in their order they are decoded ahead; in any other they are given too.
   * @param number which epoch, from 1
   * @throws TypeError if it is not an integer of at least 1. A batch is rejected with a DataFileError that names the
   *   file which could not be decoded, unless such files are skipped; or where, of a shuffled epoch, fewer than two of
   *   its images are left
   */
  epoch(number: number): Batches<Promise<Batch>> {
    const seed = this.#seed;
    const order = scope(() => numbersOf(this.#order.epoch(number).order));
    return new Decoding(this.dataset, {
      rows: (i) => {
        const { start, count } = this.#order.rows(i);
        return order.slice(start, start + count);
      },
      draws: (i, count) => (seed === null ? null : drawsOf(seed, number, i, count)),
      least: this.#least,
      length: this.length,
      batchSize: this.batchSize,
      device: this.#device,
      workers: this.#workers,
      prefetch: this.#prefetch,
    });
  }
}

function checkAugmentation(augment: Augmentation, seed: number | undefined): void {
  if (augment !== 'none' && augment !== 'resized-crop-flip') {
    throw new TypeError(
      `DataLoader: augment: expected none or resized-crop-flip for images in files, got ${describeValue(augment)}`,
    );
  }
  if (augment !== 'none' && seed === undefined) {
    throw new TypeError('DataLoader: augment: expected a seed beside it, got none');
  }
}

/** (B, `drawsPerImage`) from 0 to 1, of a batch alone. */
const drawsOf = (seed: number, epoch: number, batch: number, count: number): Float32Array =>
  scope(() => {
    // The last number keeps them apart from what mixup draws for the same batch.
    const generator = new Generator(mixedSeed(seed, epoch, batch, 1));
    return torch.rand([count, drawsPerImage], { generator }).toTypedArray() as Float32Array;
  });

interface Plan {
  /** The places of batch i's images */
  rows: (i: number) => number[];
  draws: (i: number, count: number) => Float32Array | null;
  least: number;
  length: number;
  batchSize: number;
  device: string;
  workers: number;
  prefetch: number;
}

/** A batch that is being decoded. */
interface Started {
  rows: number[];
  memory: SharedArrayBuffer;
  next: Int32Array<SharedArrayBuffer>;
  failures: Promise<{ index: number; message: string }[]>;
}

/** The batches of one epoch. */
class Decoding implements Batches<Promise<Batch>> {
  readonly #dataset: ImageFolder;
  readonly #plan: Plan;
  readonly #pool: Promise<DecodePool>;
  readonly #normalization: Normalization;
  readonly #started = new Map<number, Started>();
  /** Memory of batches that nobody uses, to be used again. */
  readonly #free: SharedArrayBuffer[] = [];
  #ended = false;
  /** Settled once the batch that was asked for last is there. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(dataset: ImageFolder, plan: Plan) {
    this.#dataset = dataset;
    this.#plan = plan;
    this.#normalization = new Normalization(dataset, plan.device, dataset.size);
    this.#pool = DecodePool.take(plan.workers);
    // Whoever asks for a batch hears of it.
    this.#pool.catch(() => {});
  }

  /** One batch after another, however they are asked for: going on elsewhere cancels what nobody waits for. */
  async batch(i: number): Promise<Batch> {
    this.#plan.rows(i); // Throws if there is no such batch.
    const batch = this.#turn.then(() => this.#take(i));
    this.#turn = batch.catch(() => {});
    return batch;
  }

  async #take(i: number): Promise<Batch> {
    if (this.#ended) throw new Error(`DataLoader: batch ${i}: the epoch has been disposed of`);
    const { length, prefetch } = this.#plan;
    const last = Math.min(i + prefetch, length - 1);
    for (const [k, started] of this.#started) if (k < i || k > last) this.#cancel(k, started);
    for (let k = i; k <= last; k++) if (!this.#started.has(k)) this.#start(k);
    const started = this.#started.get(i)!;
    const failures = await started.failures;
    if (this.#ended) throw new Error(`DataLoader: batch ${i}: the epoch has been disposed of`);
    this.#started.delete(i);
    const good = this.#without(failures, started.rows);
    const made = this.#assemble(started, good);
    this.#free.push(started.memory);
    return made;
  }

  #start(k: number): void {
    const rows = this.#plan.rows(k);
    const { files, size } = this.#dataset;
    const memory = this.#free.pop() ?? new SharedArrayBuffer(3 * size * size * this.#plan.batchSize);
    const next = new Int32Array(new SharedArrayBuffer(4));
    const job = {
      files: rows.map((row) => files[row]!),
      size,
      shorter: shorterFor(size),
      draws: this.#plan.draws(k, rows.length),
      next,
      pixels: new Uint8Array(memory),
    };
    const failures = this.#pool.then((pool) => pool.decode(job));
    // A batch that fails while nobody waits for it is heard of when it is asked for.
    failures.catch(() => {});
    this.#started.set(k, { rows, memory, next, failures });
  }

  /** Threads finish the image they are at and take no more. The memory may still be written to: it is not used again. */
  #cancel(k: number, { next, rows }: Started): void {
    Atomics.store(next, 0, rows.length);
    this.#started.delete(k);
  }

  /** The places in the batch of the images that could be decoded. */
  #without(failures: { index: number; message: string }[], rows: number[]): number[] | null {
    if (failures.length === 0) return null;
    const { files, skipped } = this.#dataset;
    const bad = new Map(failures.map(({ index, message }) => [index, message]));
    // Always the same one is named, whichever thread met its own first.
    for (const index of [...bad.keys()].sort((a, b) => a - b)) {
      const [file, message] = [files[rows[index]!]!, bad.get(index)!.trim().replaceAll('\n', '; ')];
      if (skipped === null) throw new DataFileError(`${file}: cannot be decoded: ${message}`);
      skipped.set(file, message);
    }
    const good = [...rows.keys()].filter((index) => !bad.has(index));
    if (good.length < Math.min(this.#plan.least, rows.length)) {
      const file = files[rows[failures[0]!.index]!]!;
      throw new DataFileError(
        `${good.length} of ${rows.length} images of a batch could be decoded, too few to train on; ${file} is one that could not`,
      );
    }
    return good;
  }

  #assemble({ memory, rows }: Started, good: number[] | null): Batch {
    const { size, labels } = this.#dataset;
    const { device } = this.#plan;
    return scope(() => {
      const bytes = new Uint8Array(memory, 0, 3 * size * size * rows.length);
      const pick = (values: Tensor) => (good === null ? values : values.indexSelect(0, placesOf(good)));
      // Rows of W·C values, so that the normalisation runs along them.
      const pixels = pick(tensor(bytes, { shape: [rows.length, size, 3 * size] })).to({ device });
      return {
        images: this.#normalization.apply(pixels).reshape([-1, size, size, 3]).permute([0, 3, 1, 2]),
        labels: pick(labels.indexSelect(0, placesOf(rows))).to({ device }),
      };
    });
  }

  dispose(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const [k, started] of this.#started) this.#cancel(k, started);
    this.#normalization.dispose();
    this.#pool.then(
      (pool) => pool.release(),
      () => {},
    );
  }
}
