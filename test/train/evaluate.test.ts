import { describe, expect, it } from 'vitest';
import { type Dataset, datasetFromBytes, drawDigits } from '../../lib/data/index.ts';
import { createLoss, IcuLoss } from '../../lib/losses/index.ts';
import { createModel } from '../../lib/models/index.ts';
import { BatchNorm2d } from '../../lib/nn/index.ts';
import { manualSeed, memory, noGrad, scope, type Tensor, torch } from '../../lib/tensor/index.ts';
import { type Classifier, evaluate } from '../../lib/train/index.ts';
import { expectClose } from '../support/close.ts';

const dataset: Dataset = datasetFromBytes(drawDigits(70, 3), {
  name: 'digits',
  numClasses: 10,
  shape: [1, 28, 28],
  mean: 0.13,
  std: 0.31,
});

function classifier(loss: 'icu' | 'ce'): Classifier {
  manualSeed(0);
  const model = scope(() => createModel('mnist-2d'));
  return { model, loss: createLoss(loss, 10, 2) };
}

/** Features and logits of all images at once. */
const outputsOf = ({ model, loss }: Classifier): [features: Tensor, logits: Tensor] =>
  scope(() =>
    noGrad(() => {
      model.eval();
      const images = dataset.images.to({ dtype: 'float32' }).div(255).sub(0.13).div(0.31);
      const features = model.forward(images);
      model.train();
      return [features, loss.logits(features)];
    }),
  );

const numbers = (value: Tensor) => [...value.toTypedArray()].map(Number);

describe('evaluate', () => {
  it('counts every image once, whatever the batches, and leaves the modules as they were', async () => {
    const both = classifier('ce');
    both.loss.eval();
    const [whole, parts] = [
      await evaluate(both, dataset),
      await evaluate(both, dataset, { batchSize: 16, features: true }),
    ];
    expect(whole.count).toBe(70);
    expect(whole.confusion.flat().reduce((a, b) => a + b)).toBe(70);
    expect(whole.correct).toBe(whole.confusion.reduce((sum, row, k) => sum + row[k]!, 0));
    expect(whole.accuracy).toBe(whole.correct / 70);
    expect(whole.features).toBeNull();
    expect(parts.features).toHaveLength(140);
    const { features: _, featureNorm, calibration, ...rest } = parts;
    expect(whole).toMatchObject(rest);
    expectClose([featureNorm, calibration.ece], [whole.featureNorm, whole.calibration.ece], { rtol: 1e-5 });
    expect([both.model.training, both.loss.training]).toEqual([true, false]);
  });

  it('has the figures of the logits', async () => {
    const both = classifier('ce');
    const [features, logits] = outputsOf(both);
    const test = await evaluate(both, dataset, { features: true });
    const labels = numbers(dataset.labels);
    expect([...test.labels]).toEqual(labels);
    expect([...test.predicted]).toEqual(numbers(logits.argmax(1)));
    const five = logits.topk(5)[1]!.toArray() as number[][];
    expect(test.top5).toBe(five.filter((row, i) => row.includes(labels[i]!)).length / 70);
    expectClose(test.featureNorm, features.square().sum([1]).sqrt().mean().item(), { rtol: 1e-5 });
    expectClose(test.features, features.toTypedArray() as Float32Array, { rtol: 1e-4, atol: 1e-5 });
    const confidence = numbers(logits.softmax(1).amax([1]));
    const binned = test.calibration.bins.reduce((sum, bin) => sum + bin.count * (bin.confidence ?? 0), 0);
    expectClose(
      binned,
      confidence.reduce((a, b) => a + b),
      { rtol: 1e-5 },
    );
    expect([test.icu, test.shots]).toEqual([null, null]);
  });

  it('says what the ICU loss has learned, against the sizes of the classes', async () => {
    const both = classifier('icu');
    const loss = both.loss as IcuLoss;
    expect(loss).toBeInstanceOf(IcuLoss);
    noGrad(() => {
      // ln σ² falls from class to class; small ones make distances negative.
      loss.logVariances.copy_(torch.arange(10, { dtype: 'float32' }).mul(-0.8));
    });
    const trainCounts = Array.from({ length: 10 }, (_, k) => 300 - 31 * k);
    const { icu, shots, accuracyByClass } = await evaluate(both, dataset, { trainCounts });
    const [, logits] = outputsOf(both);
    const own = numbers(logits.gather(1, dataset.labels.unsqueeze(1)));
    expect(icu!.negativeShare).toBe(own.filter((logit) => logit > 0).length / 70);
    expect(icu!.negativeShare).toBeGreaterThan(0);
    expectClose(
      icu!.sigmas,
      Array.from({ length: 10 }, (_, k) => Math.exp(-0.4 * k)),
      { rtol: 1e-6 },
    );
    expect(icu!.sizes!.map(({ size }) => size)).toEqual(trainCounts);
    expect(icu!.sizes!.map(({ sigma }) => sigma)).toEqual(icu!.sigmas);
    expectClose(icu!.sizeCorrelation!, 1, { rtol: 1e-12 });
    // 300 … 114 are many, 83 … 21 medium.
    const mean = (values: (number | null)[]) => values.reduce<number>((a, b) => a + b!, 0) / values.length;
    expectClose(shots!.many!, mean(accuracyByClass.slice(0, 7)), { rtol: 1e-12, atol: 1e-12 });
    expectClose(shots!.medium!, mean(accuracyByClass.slice(7)), { rtol: 1e-12, atol: 1e-12 });
    expect(shots!.few).toBeNull();
  });

  it('leaves no tensors behind', async () => {
    const both = classifier('icu');
    await evaluate(both, dataset);
    const before = memory.tensors;
    await evaluate(both, dataset, { features: true });
    expect(memory.tensors).toBe(before);
  });

  it('names a label that is no class, and a loss or counts of other classes', async () => {
    const both = classifier('ce');
    const bad = { ...dataset, labels: torch.full([70], 300, { dtype: 'int64' }) };
    await expect(evaluate(both, bad)).rejects.toThrow(
      'evaluate: dataset: expected labels from 0 to 9, got 300 for image 0',
    );
    await expect(evaluate({ ...both, loss: createLoss('ce', 7, 2) }, dataset)).rejects.toThrow(
      "evaluate: loss: expected 10 classes, the data set's, got 7",
    );
    await expect(evaluate(both, dataset, { trainCounts: [1, 2] })).rejects.toThrow(
      /evaluate: trainCounts: expected 10 numbers, one for each class/,
    );
  });

  it('leaves a part in the mode that it was in', async () => {
    const { model, loss } = classifier('ce');
    const [, frozen] = model.namedModules().find(([, module]) => module instanceof BatchNorm2d)!;
    model.train();
    frozen.eval();
    await evaluate({ model, loss }, dataset);
    expect([model.training, frozen.training]).toEqual([true, false]);
  });

  it('names an option that there is none of, and what is no data set', async () => {
    const trained = classifier('ce');
    await expect(evaluate(trained, dataset, { batchsize: 1 } as object)).rejects.toThrow(
      'evaluate: there is no option "batchsize"',
    );
    await expect(evaluate(trained, undefined as never)).rejects.toThrow(
      'evaluate: dataset: expected a data set, got undefined',
    );
  });

  it('ends with the reason of its signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(evaluate(classifier('ce'), dataset, { signal })).rejects.toThrow('enough');
  });
});
