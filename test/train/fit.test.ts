import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type Dataset, datasetFromBytes, type Loader, type Splits } from '../../lib/data/index.ts';
import { modelNames } from '../../lib/models/index.ts';
import { SGD } from '../../lib/optim/index.ts';
import { getFlushDenormal, memory, noGrad, type Tensor, torch } from '../../lib/tensor/index.ts';
import {
  buildTraining,
  CheckpointError,
  DivergedError,
  type EpochMetrics,
  evaluate,
  type FitState,
  fit,
  fitStart,
  loadTraining,
  loadWeights,
  resolveConfig,
  saveSafetensors,
  saveTraining,
  saveWeights,
  type TrainConfig,
  type Training,
  trainEpoch,
} from '../../lib/train/index.ts';
import { digits } from '../support/digits.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const splits: Splits = { train: digits(200, 1), validation: digits(50, 2), test: digits(70, 3) };
const config = (more: Partial<TrainConfig> = {}) =>
  resolveConfig({ data: 'drawn-digits', epochs: 3, batchSize: 32, threads: 1, ...more });

const weights = ({ model, loss }: Training) =>
  [...Object.values(model.stateDict()), ...Object.values(loss.stateDict())].flatMap((value) =>
    [...value.detach().toTypedArray()].map(Number),
  );

/** Figures that are the same whenever the run takes place. */
const timeless = (lines: readonly EpochMetrics[]) =>
  lines.map(({ seconds: _, imagesPerSecond: __, ...line }) => line);

async function train(
  settings: TrainConfig,
  { from, stopAfter = Infinity }: { from?: string; stopAfter?: number } = {},
) {
  const training = buildTraining(settings, splits);
  const start = from === undefined ? undefined : await loadTraining(from, training);
  const controller = new AbortController();
  const lines: EpochMetrics[] = [];
  let steps = 0;
  // Every step draws a batch: the only thing that happens in each.
  const { loader } = training;
  const epoch = loader.epoch.bind(loader);
  loader.epoch = (number) => {
    const batches = epoch(number);
    return {
      ...batches,
      batch: (i) => {
        if (++steps === stopAfter) controller.abort();
        return batches.batch(i);
      },
    };
  };
  const state = await fit({
    ...training,
    validation: splits.validation,
    epochs: settings.epochs,
    state: start,
    signal: controller.signal,
    onEpoch: (line) => {
      lines.push(line);
    },
  });
  return { training, state, lines };
}

describe('fit', () => {
  it('learns, and says which epoch was best on the held-out images', async () => {
    const { state, lines, training } = await train(config({ epochs: 12, loss: 'ce', model: 'mnist-100d' }));
    expect(lines.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(lines.at(-1)!.loss).toBeLessThan(0.5 * lines[0]!.loss);
    const accuracies = lines.map(({ validationAccuracy }) => validationAccuracy);
    const best = Math.max(...accuracies);
    expect(best).toBeGreaterThan(0.5);
    expect(state.best).toEqual({ epoch: accuracies.indexOf(best) + 1, validationAccuracy: best });
    expect(state.epoch).toBe(13);
    expect(training.scheduler.lastStep).toBe(12 * 6);
  });

  it('logs the learning rate of a last step that was taken before an interruption', async () => {
    const state = {
      ...fitStart(),
      sums: { steps: 6, images: 192, lr: 0.5, values: { loss: 1, accuracy: 1 } },
    };
    const onEpoch = vi.fn();
    const { validation } = splits;
    await fit({ ...buildTraining(config(), splits), validation, epochs: 1, state, onEpoch });
    expect(onEpoch.mock.calls[0]![0].lr).toBe(0.5);
  });

  it('trains any network that takes the images', async () => {
    const colour = (images: number): Dataset => {
      const labels = Uint8Array.from({ length: images }, (_, i) => i % 3);
      const pixels = Uint8Array.from(
        { length: images * 3072 },
        (_, i) => 80 * (Math.floor(i / 3072) % 3) + (i % 7),
      );
      const description = {
        name: 'colour',
        numClasses: 3,
        shape: [3, 32, 32] as const,
        mean: 0.5,
        std: 0.25,
      };
      return datasetFromBytes({ images: pixels, labels }, description);
    };
    const data: Splits = { train: colour(48), validation: colour(9), test: colour(9) };
    const training = buildTraining(config({ model: 'resnet32', batchSize: 16, loss: 'ce' }), data);
    const lines: EpochMetrics[] = [];
    await fit({
      ...training,
      validation: data.validation,
      epochs: 3,
      onEpoch: (line) => {
        lines.push(line);
      },
    });
    expect(lines.map(({ accuracy }) => accuracy).at(-1)).toBeGreaterThan(0.5);
  });

  it("logs the loss's parts and diagnostics as means over the images", async () => {
    const { lines } = await train(config({ epochs: 1 }));
    const [line] = lines;
    expect(line!.loss).toBeCloseTo(line!.classification! + line!.regularizer!, 4);
    expect(line!.validRows).toBe(32);
    expect(line!.negativeShare).toBeGreaterThanOrEqual(0);
    expect(line!.sigmaMean).toBeGreaterThan(0);
  });

  // 6 steps an epoch: within the first, at the end of the first, within the second, just before the end of all.
  it.each([1, 4, 6, 9, 17])(
    'goes on after an interruption in step %i as if there had been none',
    async (stopAfter) => {
      const settings = config();
      const whole = await train(settings);
      const path = join(folder, 'last.safetensors');
      const first = await train(settings, { stopAfter });
      expect(first.state.epoch).toBe(Math.ceil(stopAfter / 6));
      expect(first.state.sums.steps).toBe(((stopAfter - 1) % 6) + 1);
      await saveTraining(path, first.training, first.state);
      const second = await train({ ...settings }, { from: path });
      expect(weights(second.training)).toEqual(weights(whole.training));
      expect(timeless([...first.lines, ...second.lines])).toEqual(timeless(whole.lines));
      expect({ ...second.state, seconds: 0 }).toEqual({ ...whole.state, seconds: 0 });
    },
  );

  const multiStep = { optimizer: 'sgd', schedule: 'multi-step', milestones: [1.5, 2.5] } as const;

  // 6 steps an epoch: within the warm-up of each, and after the first milestone.
  it.each<[stopAfter: number, recipe: Partial<TrainConfig>]>([
    [4, { ...multiStep, warmupEpochs: 1, warmupStart: 1 / 3 }],
    [11, { ...multiStep, warmupEpochs: 1, warmupStart: 1 / 3 }],
    [4, { optimizer: 'sgd', momentum: 0.5, nesterov: true, schedule: 'constant', warmupEpochs: 0.9 }],
    [11, { optimizer: 'sgd', momentum: 0, lr: 0.1 }],
    [11, { optimizer: 'adamw', schedule: 'cosine' }],
  ])('goes on after step %i of %o', async (stopAfter, recipe) => {
    const settings = config({ loss: 'ce', model: 'mnist-100d', epochs: 3, ...recipe });
    const path = join(folder, 'last.safetensors');
    const whole = await train(settings);
    const first = await train(settings, { stopAfter });
    await saveTraining(path, first.training, first.state);
    const second = await train(settings, { from: path });
    expect(weights(second.training)).toEqual(weights(whole.training));
    expect(timeless([...first.lines, ...second.lines])).toEqual(timeless(whole.lines));
  });

  it('goes by the optimiser and the schedule that are configured, and logs the rate of the last step', async () => {
    const recipe = { ...multiStep, milestones: [1, 2], warmupEpochs: 0.5 };
    const { lines, training } = await train(config({ ...recipe, loss: 'ce', model: 'mnist-100d' }));
    expect(training.optimizer).toBeInstanceOf(SGD);
    lines.forEach(({ lr }, i) => {
      expect(lr).toBeCloseTo([0.01, 0.001, 0.0001][i]!, 12);
    });
  });

  it('gives the same weights for the same seed, others for another', async () => {
    const a = await train(config({ epochs: 1 }));
    const b = await train(config({ epochs: 1 }));
    const c = await train(config({ epochs: 1, seed: 1 }));
    expect(weights(a.training)).toEqual(weights(b.training));
    expect(weights(c.training)).not.toEqual(weights(a.training));
  });

  it('refuses a loader without a batch', async () => {
    const training = buildTraining(config(), splits);
    const loader = { ...training.loader, length: 0 } as Loader;
    const running = fit({ ...training, loader, validation: splits.validation, epochs: 1 });
    await expect(running).rejects.toThrow(/fit: loader: expected at least one batch, got none/);
    const without = { ...training, loader: undefined as never, validation: splits.validation, epochs: 1 };
    await expect(fit(without)).rejects.toThrow('fit: loader: expected a loader of batches, got undefined');
  });

  it('stops at a loss that is not finite, and names the step', async () => {
    const training = buildTraining(config(), splits);
    noGrad(() => training.model.parameters()[0]!.fill_(Number.NaN));
    const running = trainEpoch({ ...training, epoch: 1 });
    await expect(running).rejects.toThrow(DivergedError);
    await expect(trainEpoch({ ...training, epoch: 1 })).rejects.toThrow(
      /epoch 1, step 1 of 6: the loss is NaN/,
    );
  });

  it('computes the forward pass of training in bfloat16 where asked, and nothing else', async () => {
    const settings = config({ autocast: 'bfloat16', epochs: 1 });
    const training = buildTraining(settings, splits);
    const { model, loss } = training;
    const seen = { training: new Set<string>(), evaluation: new Set<string>(), loss: new Set<string>() };
    let first: { images: Tensor; features: Tensor } | undefined;
    const [forward, lossForward] = [model.forward.bind(model), loss.forward.bind(loss)];
    model.forward = (images) => {
      const features = forward(images);
      seen[model.training ? 'training' : 'evaluation'].add(features.dtype);
      first ??= {
        images: images.clone().keep(),
        features: features.detach().to({ dtype: 'float32' }).keep(),
      };
      return features;
    };
    loss.forward = (features, labels) => {
      seen.loss.add(features.dtype);
      return lossForward(features, labels);
    };
    await fit({ ...training, validation: splits.validation, epochs: 1 });
    expect(seen).toEqual({
      training: new Set(['bfloat16']),
      evaluation: new Set(['float32']),
      loss: new Set(['float32']),
    });
    for (const parameter of [...model.parameters(), ...loss.parameters()])
      expect(parameter.dtype).toBe('float32');
    const { images, features } = first!;
    const exact = noGrad(() => buildTraining(settings, splits).model.train().forward(images));
    const error = features.sub(exact).norm().div(exact.norm()).item();
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(0.03);
  });

  it('leaves no tensors behind', async () => {
    const training = buildTraining(config(), splits);
    await trainEpoch({ ...training, epoch: 1 });
    await evaluate(training, splits.test);
    const before = memory.tensors;
    training.scheduler.resume(0);
    await trainEpoch({ ...training, epoch: 2 });
    await evaluate(training, splits.test);
    expect(memory.tensors).toBe(before);
  });

  it('takes denormal numbers for zero while it trains, and no longer', async () => {
    const during: boolean[] = [];
    const options = () => ({
      ...buildTraining(config({ epochs: 1 }), splits),
      validation: splits.validation,
      epochs: 1,
    });
    await fit({ ...options(), onEpoch: () => void during.push(getFlushDenormal()) });
    const failing = fit({
      ...options(),
      onEpoch: () => {
        throw new Error('no room');
      },
    });
    await expect(failing).rejects.toThrow('no room');
    expect([...during, getFlushDenormal()]).toEqual([true, false]);
  });

  it('counts hits of the parameters that a batch was seen with, not of those it has changed', async () => {
    const training = buildTraining(config({ loss: 'ce', batchSize: 200 }), splits);
    const { model, loss, loader, scheduler: _, ...rest } = training;
    // One step, after which the head gets the whole batch right.
    const optimizer = new SGD(loss.parameters(), { lr: 100 });
    let before: number | undefined;
    const forward = loss.forward.bind(loss);
    loss.forward = (features, labels) => {
      const hits = noGrad(() => loss.predict(features).eq(labels).to({ dtype: 'float64' }).mean());
      before = Number(hits.item());
      return forward(features, labels);
    };
    const sums = await trainEpoch({ ...rest, model, loss, loader, optimizer, epoch: 1 });
    expect(sums.steps).toBe(1);
    expect(before).toBeLessThan(0.5);
    expect(sums.values.accuracy! / sums.images).toBeCloseTo(before!, 12);
  });

  it('reports progress, and lets other work have its turn', async () => {
    const training = buildTraining(config({ batchSize: 8 }), splits);
    const steps: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await trainEpoch({ ...training, epoch: 1, onProgress: (sums) => steps.push(sums.steps) });
    clearInterval(timer);
    expect(steps).toEqual([10, 20, 25]);
    expect(turns).toBeGreaterThan(5);
  });
});

describe('bad input', () => {
  it.each([0, Number.NaN, Number.POSITIVE_INFINITY])('%d epochs are refused', async (epochs) => {
    const training = buildTraining(config(), splits);
    await expect(fit({ ...training, validation: splits.validation, epochs })).rejects.toThrow(
      `fit: epochs: expected an integer of at least 1, got number ${epochs}`,
    );
  });

  it('is found before anything is trained', async () => {
    const training = buildTraining(config({ epochs: 1 }), splits);
    const before = weights(training);
    const options = { ...training, validation: splits.validation, epochs: 1 };
    const others = { ...splits.validation, numClasses: 12 };
    const other = buildTraining(config({ epochs: 1 }), splits);
    const bad: [options: object, message: string][] = [
      [{ onEpoh: () => {} }, 'fit: there is no option "onEpoh"; the options are model, loss, optimizer'],
      [{ validation: undefined }, 'fit: validation: expected a data set, got undefined'],
      [{ validation: others }, "fit: loss: expected 12 classes, the data set's, got 10"],
      [{ state: {} }, 'fit: state: expected where a training stands, got an object without epoch and sums'],
      [{ scheduler: other.scheduler }, 'fit: scheduler: expected one of the optimizer, got one of another'],
      [{ loader: { length: Number.NaN } }, 'fit: loader: expected a loader of batches'],
    ];
    for (const [more, message] of bad) {
      await expect(fit({ ...options, ...more } as never)).rejects.toThrow(message);
    }
    expect(weights(training)).toEqual(before);
  });

  it('a training checkpoint without its position is refused', async () => {
    const training = buildTraining(config(), splits);
    const path = join(folder, 'last.safetensors');
    await saveSafetensors(path, { rng: torch.zeros([1], { dtype: 'uint8' }) }, { position: '{}' });
    await expect(loadTraining(path, training)).rejects.toThrow(/it has weights only/);
  });
});

describe('checkpoints', () => {
  const start = (): FitState => ({
    epoch: 1,
    sums: { steps: 0, images: 0, lr: null, values: {} },
    best: null,
    seconds: 0,
  });

  it('give the weights back', async () => {
    const from = buildTraining(config(), splits);
    const to = buildTraining(config({ seed: 5 }), splits);
    const path = join(folder, 'model.safetensors');
    await saveWeights(path, from, { epoch: '3' });
    expect(await loadWeights(path, to)).toEqual({ epoch: '3' });
    expect(weights(to)).toEqual(weights(from));
  });

  it('change nothing where the loss is another', async () => {
    const path = join(folder, 'model.safetensors');
    await saveWeights(path, buildTraining(config({ loss: 'ce' }), splits));
    const other = buildTraining(config({ loss: 'cosface', seed: 5 }), splits);
    const before = weights(other);
    await expect(loadWeights(path, other)).rejects.toThrow(CheckpointError);
    expect(weights(other)).toEqual(before);
  });

  it('say what does not fit', async () => {
    const training = buildTraining(config(), splits);
    const path = join(folder, 'x.safetensors');
    await saveWeights(path, training);
    await expect(loadTraining(path, training)).rejects.toThrow(/it has weights only/);
    await saveTraining(path, training, start());
    const other = buildTraining(config({ loss: 'ce' }), splits);
    await expect(loadTraining(path, other)).rejects.toThrow(CheckpointError);
    await expect(loadTraining(path, other)).rejects.toThrow(
      /missing: loss.linear.weight, loss.linear.bias. unexpected: loss.means/,
    );
  });
});

describe('configuration', () => {
  it.each<[Partial<Record<keyof TrainConfig, unknown>>, string]>([
    [{ epochs: 0 }, 'train: epochs: expected an integer of at least 1, got number 0'],
    [{ lr: Number.NaN }, 'train: lr: expected a finite number above 0, got number NaN'],
    [{ weightDecay: -1 }, 'train: weightDecay: expected a finite number of at least 0, got number -1'],
    [{ model: 'lenet' }, `train: model: expected one of ${modelNames.join(', ')}, got string "lenet"`],
    [{ device: 'gpu' }, "train: device: expected 'cpu', 'cuda' or 'cuda:0', got string \"gpu\""],
    [{ threads: 0 }, 'train: threads: expected an integer of at least 1, or null, got number 0'],
    [{ seed: 1.5 }, 'train: seed: expected an integer of at least 0, got number 1.5'],
  ])('%o is refused', (given, message) => {
    expect(() => resolveConfig(given as Partial<TrainConfig>)).toThrow(message);
  });

  it('names settings that do not exist, and what does not fit the data', () => {
    expect(() => resolveConfig(null as unknown as Partial<TrainConfig>)).toThrow(
      'train: expected an object of settings, got null',
    );
    expect(() => resolveConfig({ rate: 3 } as Partial<TrainConfig>)).toThrow(/there is no setting 'rate'/);
    expect(() => buildTraining(config({ model: 'resnet32' }), splits)).toThrow(
      'train: model: resnet32 takes images of 3×32×32, and those of digits are 1×28×28; networks for these are ' +
        'mnist-2d, mnist-100d, lenet++, lsoftmax-mnist',
    );
    const odd = { ...splits.train, name: 'odd', images: torch.zeros([200, 2, 5, 5], { dtype: 'uint8' }) };
    expect(() => buildTraining(config(), { ...splits, train: odd })).toThrow(
      'train: model: mnist-2d takes images of 1×28×28, and those of odd are 2×5×5; no network takes these',
    );
    expect(() => buildTraining(config({ batchSize: 500 }), splits)).toThrow(
      'train: batchSize: expected at most 200, the number of training images, got 500',
    );
  });
});
