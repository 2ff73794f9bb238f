import type { Loader, Mixup } from '../data/index.ts';
import type { LossOutput, MixedLabels } from '../losses/index.ts';
import type { LRScheduler, Optimizer } from '../optim/index.ts';
import { type AutocastOptions, autocast, noGrad, scope, Tensor, torch } from '../tensor/index.ts';
import type { Classifier } from './evaluate.ts';

/** What is summed over an epoch's steps; the means of it are the epoch's figures. */
export interface Sums {
  steps: number;
  images: number;
  /** The learning rate of the network's group in the last step; null before the first */
  lr: number | null;
  /** By name: each batch's value times its number of images. */
  values: Record<string, number>;
}

export const noSums = (): Sums => ({ steps: 0, images: 0, lr: null, values: {} });

/** The means over the images of the steps so far. */
export const meansOf = ({ images, values }: Sums): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, sum]) => [name, sum / images]));

/** The loss is no longer a finite number. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
}

export interface EpochOptions extends Classifier {
  loader: Loader;
  optimizer: Optimizer;
  /** Steps once after each optimiser step. */
  scheduler?: LRScheduler;
  /** Mixes each batch. Default: none. */
  mixup?: Mixup | null;
  /** The type that the network's forward pass is computed in; the loss is float32 in any case. Default: null, float32. */
  autocast?: AutocastOptions['dtype'] | null;
  /** From 1. */
  epoch: number;
  /** Where an interrupted epoch left off. Default: its beginning. */
  sums?: Sums;
  /** Called every tenth step, and after the last. */
  onProgress?: (sums: Sums) => void;
  /** Once it is aborted the epoch ends after the step it is at. */
  signal?: AbortSignal;
}

/** Steps between two readings of the loss: each waits until the device is done. */
const readEvery = 10;

/**
 * One epoch: for every batch forward, backward and an optimiser step, in a scope of its own. The event loop turns
 * between steps.
 *
 * @returns the sums over its steps; fewer than the loader's length where the signal stopped it
 * @throws DivergedError naming the step as soon as a non-finite loss has been read
 */
export async function trainEpoch(options: EpochOptions): Promise<Sums> {
  const { model, loss, loader, optimizer, scheduler, mixup = null, epoch, onProgress, signal } = options;
  const sums = structuredClone(options.sums ?? noSums());
  const batches = loader.epoch(epoch);
  // Figures of the steps that have not been read yet, each with its batch's size.
  let unread: { figures: Tensor; images: number }[] = [];
  let names: string[] = [];
  let step = sums.steps;

  const forget = () => {
    for (const { figures } of unread) figures.dispose();
    unread = [];
  };
  const read = () => {
    const rows = unread.map(({ figures, images }) => ({
      values: figures.toTypedArray() as Float64Array,
      images,
    }));
    forget();
    for (const { values, images } of rows) {
      sums.steps++;
      sums.images += images;
      names.forEach((name, i) => {
        sums.values[name] = (sums.values[name] ?? 0) + values[i]! * images;
      });
      if (!Number.isFinite(values[0])) {
        throw new DivergedError(
          `epoch ${epoch}, step ${sums.steps} of ${loader.length}: the loss is ${values[0]}; try a lower learning ` +
            'rate (--lr), or look for values that are not finite in the data',
        );
      }
    }
    onProgress?.(sums);
  };

  model.train();
  loss.train();
  try {
    while (step < loader.length && !signal?.aborted) {
      const batch = await batches.batch(step);
      try {
        scope(() => {
          const mixed = mixup?.mix(batch, epoch, step) ?? null;
          const { images, labels } = mixed ?? batch;
          optimizer.zeroGrad();
          const features = forward(options, images);
          const output = mixed ? loss.forwardMixed(features, mixed) : loss.forward(features, labels);
          // Before the step, which changes the loss's parameters for this very batch.
          const hits = noGrad(() => hitsOf(loss.predict(features), labels, mixed));
          output.total.backward();
          sums.lr = optimizer.paramGroups[0]!.lr;
          optimizer.step();
          scheduler?.step();
          noGrad(() => {
            const figures = figuresOf(output, hits);
            names = Object.keys(figures);
            unread.push({ figures: torch.stack(Object.values(figures)).keep(), images: labels.shape[0]! });
          });
        });
      } finally {
        batch.images.dispose();
        batch.labels.dispose();
      }
      step++;
      if (step % readEvery === 0) read();
      await new Promise(setImmediate);
    }
    if (unread.length > 0) read();
  } finally {
    forget();
    batches.dispose();
    optimizer.zeroGrad();
  }
  return sums;
}

/** The network's features, in float32. */
function forward({ model, autocast: dtype = null }: EpochOptions, images: Tensor): Tensor {
  if (dtype === null) return model.forward(images);
  return autocast(() => model.forward(images), { device: images.device, dtype }).to({ dtype: 'float32' });
}

/** Which images are classified rightly, (B) float64; of mixed images the share that is of the predicted class. */
function hitsOf(predicted: Tensor, labels: Tensor, mixed: MixedLabels | null): Tensor {
  const hits = predicted.eq(labels).to({ dtype: 'float64' });
  if (mixed === null) return hits;
  const { otherLabels, lambda } = mixed;
  return hits.mul(lambda).add(predicted.eq(otherLabels), { alpha: 1 - lambda });
}

/**
 * A batch's figures, float64 scalars, the loss first.
 * @param hits (B) float64: which images the batch's parameters, before the step, classify rightly
 */
function figuresOf(output: LossOutput, hits: Tensor): Record<string, Tensor> {
  const { total, classification, regularizer, diagnostics } = output;
  const figures: Record<string, Tensor> = { loss: total, accuracy: hits.mean() };
  if (regularizer !== null) {
    figures.classification = classification.mean();
    figures.regularizer = regularizer;
  }
  for (const [name, value] of Object.entries(diagnostics)) {
    if (value instanceof Tensor) figures[name] = value;
  }
  for (const [name, value] of Object.entries(figures))
    figures[name] = value.detach().to({ dtype: 'float64' });
  return figures;
}
