import { performance } from 'node:perf_hooks';
import type { AnyDataset, Loader, Mixup } from '../data/index.ts';
import type { LRScheduler, Optimizer } from '../optim/index.ts';
import { checkOptions } from '../tensor/check.ts';
import { describeValue, flushingDenormals } from '../tensor/index.ts';
import { type EpochOptions, meansOf, noSums, type Sums, trainEpoch } from './epoch.ts';
import { type Classifier, checkDataset, evaluate } from './evaluate.ts';
import { requireOptimized } from './setup.ts';

/** Where a training stands; plain data, so that it can be saved. */
export interface FitState {
  /** The epoch at hand, from 1; beyond the last once all are done. */
  epoch: number;
  /** Of the epoch at hand. */
  sums: Sums;
  /** The epoch with the highest validation accuracy so far, the first of equals. */
  best: { epoch: number; validationAccuracy: number } | null;
  /** Spent in training and validation. */
  seconds: number;
}

export const fitStart = (): FitState => ({ epoch: 1, sums: noSums(), best: null, seconds: 0 });

/** An epoch's figures, one line of metrics.jsonl. */
export interface EpochMetrics extends Record<string, number> {
  epoch: number;
  /** Of the network's group, in the epoch's last step */
  lr: number;
  loss: number;
  /** Share of training images classified rightly when they were seen */
  accuracy: number;
  validationAccuracy: number;
  /** Since the training began, without interruptions */
  seconds: number;
  /** Of training steps */
  imagesPerSecond: number;
}

export interface FitOptions extends Classifier {
  optimizer: Optimizer;
  /** Steps once after each step of the optimiser. Default: none, the learning rates stay. */
  scheduler?: LRScheduler;
  /** The training images. */
  loader: Loader;
  /** Mixes each batch. Default: none. */
  mixup?: Mixup | null;
  /** The type that the network's forward pass is computed in while it trains. Default: null, float32. */
  autocast?: EpochOptions['autocast'];
  /** Chooses the epoch: held-out images; the test set only to compare with figures that were chosen so. */
  validation: AnyDataset;
  /** At least 1. */
  epochs: number;
  /** Where validation puts its images: the device of the network. Default 'cpu'. */
  device?: string;
  /** Where to go on. Default: at the beginning. */
  state?: FitState;
  /** Once it is aborted training ends after the step it is at. */
  signal?: AbortSignal;
  onProgress?: (epoch: number, sums: Sums) => void;
  /** After each epoch, with the state from which the next begins. Awaited. */
  onEpoch?: (metrics: EpochMetrics, state: FitState) => void | Promise<void>;
}

const optionNames = [
  'model',
  'loss',
  'optimizer',
  'scheduler',
  'loader',
  'mixup',
  'autocast',
  'validation',
  'epochs',
  'device',
  'state',
  'signal',
  'onProgress',
  'onEpoch',
] satisfies (keyof FitOptions)[];

/**
 * Trains for a number of epochs and validates after each. Meanwhile denormal numbers count as zero
 * (`setFlushDenormal`).
 *
 * @returns the state it ended in; `epoch` is above `epochs` unless the signal stopped it
 * @throws DivergedError if the loss is no longer finite. Before anything is trained: TypeError if an option is unknown,
 *   epochs is not an integer of at least 1, `state` is no state, the scheduler is another optimiser's, or the loss has
 *   other classes than `validation`; Error if the loader has no batch, or a parameter of the network or the loss that
 *   requires a gradient is in no group of the optimiser
 */
export async function fit(options: FitOptions): Promise<FitState> {
  checkOptions('fit', options, optionNames);
  const { model, loss, optimizer, scheduler, epochs, state } = options;
  if (!(Number.isSafeInteger(epochs) && epochs >= 1)) {
    throw new TypeError(`fit: epochs: expected an integer of at least 1, got ${describeValue(epochs)}`);
  }
  if (!Number.isSafeInteger(options.loader?.length)) {
    throw new TypeError(`fit: loader: expected a loader of batches, got ${describeValue(options.loader)}`);
  }
  if (options.loader.length === 0) {
    throw new Error(
      'fit: loader: expected at least one batch, got none: there are fewer images than a batch, or none at all',
    );
  }
  checkDataset(['fit', 'validation'], options.validation, loss);
  if (state !== undefined && !(Number.isSafeInteger(state?.epoch) && state.epoch >= 1 && state.sums)) {
    throw new TypeError(
      `fit: state: expected where a training stands, got ${describeValue(state)} without epoch and sums`,
    );
  }
  if (scheduler && scheduler.optimizer !== optimizer) {
    throw new TypeError('fit: scheduler: expected one of the optimizer, got one of another');
  }
  requireOptimized({ model, loss }, optimizer);
  return flushingDenormals(() => train(options));
}

async function train(options: FitOptions): Promise<FitState> {
  const { model, loss, optimizer, scheduler, loader, mixup, autocast, validation } = options;
  const { epochs, device, signal } = options;
  const state = structuredClone(options.state ?? fitStart());
  while (state.epoch <= epochs) {
    const { epoch } = state;
    const started = performance.now();
    const before = state.sums.images;
    loss.startEpoch(epoch, epochs);
    state.sums = await trainEpoch({
      model,
      loss,
      loader,
      mixup,
      autocast,
      optimizer,
      scheduler,
      epoch,
      signal,
      sums: state.sums,
      onProgress: (sums) => options.onProgress?.(epoch, sums),
    });
    const trained = (performance.now() - started) / 1000;
    const imagesPerSecond = (state.sums.images - before) / trained;
    let validationAccuracy: number | null = null;
    if (!signal?.aborted) {
      try {
        validationAccuracy = (await evaluate({ model, loss }, validation, { device, signal })).accuracy;
      } catch (error) {
        if (!signal?.aborted) throw error;
      }
    }
    state.seconds += (performance.now() - started) / 1000;
    if (validationAccuracy === null) return state;

    if (state.best === null || validationAccuracy > state.best.validationAccuracy) {
      state.best = { epoch, validationAccuracy };
    }
    const means = meansOf(state.sums);
    // A state of an older version may be at the end of an epoch without it.
    const lr = state.sums.lr ?? optimizer.paramGroups[0]!.lr;
    state.epoch++;
    state.sums = noSums();
    const metrics: EpochMetrics = {
      epoch,
      lr,
      loss: means.loss!,
      accuracy: means.accuracy!,
      validationAccuracy,
      seconds: state.seconds,
      imagesPerSecond,
      ...means,
      ...loss.summary(),
    };
    await options.onEpoch?.(metrics, structuredClone(state));
  }
  return state;
}
