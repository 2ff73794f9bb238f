import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { evaluationText } from '../../lib/cli/evaluate.ts';
import { datasetFromBytes, drawDigits } from '../../lib/data/index.ts';
import { memory, noGrad, scope, tensor } from '../../lib/tensor/index.ts';
import { evaluateRun, loadRun, resumeRun, trainRun } from '../../lib/train/index.ts';
import { useTemporaryFolder } from '../support/folder.ts';

const classes = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine, the last'];

// Few images, whose classes have names as those of image folders.
vi.mock('../../lib/train/splits.ts', () => {
  const named = (count: number, seed: number) =>
    datasetFromBytes(drawDigits(count, seed), {
      name: 'named-digits',
      numClasses: 10,
      shape: [1, 28, 28],
      mean: [0.13],
      std: [0.31],
      classes,
    });
  return {
    loadSplits: async () => ({ train: named(200, 1), validation: named(50, 2), test: named(60, 3) }),
    loadTest: async () => named(60, 3),
  };
});

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});
const trained = async () => {
  const config = { data: 'drawn-digits', loss: 'ldam', epochs: 1, batchSize: 50, threads: 1 } as const;
  await trainRun(config, { runsDir: folder, runName: 'run' });
  return join(folder, 'run');
};

describe('loadRun', () => {
  it('predicts as the run did, without its data set', async () => {
    const path = await trained();
    const { classifier: _, ...evaluation } = await evaluateRun(path);
    const run = await loadRun(path);
    const { model, loss, normalize, ...rest } = run;
    expect(rest).toMatchObject({ numClasses: 10, classes, mean: [0.13], std: [0.31], epoch: 1 });
    expect([model.training, loss.training]).toEqual([false, false]);

    const before = memory.tensors;
    const predicted = scope(() => {
      const pixels = tensor(drawDigits(60, 3).images, { shape: [60, 1, 28, 28] });
      const images = normalize(pixels);
      expect(images.select(0, 5).sum().item()).not.toBe(0);
      expect(normalize(pixels).sub(images).abs().max().item()).toBe(0);
      return noGrad(() => Array.from(loss.predict(model.forward(images)).toTypedArray(), Number));
    });
    expect(predicted).toEqual([...evaluation.test.predicted]);
    expect(memory.tensors).toBe(before);
    expect(() => normalize(tensor([1, 2]))).toThrow(
      'normalize: pixels: expected a uint8 Tensor of [N, 1, 28, 28], got float32 of [2]',
    );
    expect(() => normalize([1] as never)).toThrow(/got an array/);

    // The names are told wherever classes are.
    expect(evaluation.classes).toEqual(classes);
    expect(evaluationText(evaluation)).toMatch(/^nine, the last +6 /m);
    const confusion = readFileSync(join(path, 'confusion.csv'), 'utf8').trim().split('\n');
    expect(confusion[0]).toMatch(/^zero,one,.*,"nine, the last"$/);
    expect(confusion).toHaveLength(11);
  });

  it('refuses data whose classes have other names than those that it was trained on', async () => {
    const path = await trained();
    const data = JSON.parse(readFileSync(join(path, 'data.json'), 'utf8'));
    writeFileSync(join(path, 'data.json'), JSON.stringify({ ...data, classes: [...data.classes].reverse() }));
    const message = /run: classes: the run was trained with \["nine, the last",.*, the data have \["zero",/;
    await expect(evaluateRun(path)).rejects.toThrow(message);
    await expect(resumeRun(path)).rejects.toThrow(message);
  });

  it('says what a run of an older version lacks, which going on with it adds', async () => {
    const path = await trained();
    rmSync(join(path, 'data.json'));
    await expect(loadRun(path)).rejects.toThrow(/has no data\.json.* `npx intraclass train --resume/);
    await resumeRun(path);
    expect((await loadRun(path)).model.forward).toBeInstanceOf(Function);
    await expect(loadRun(5 as never)).rejects.toThrow("run: path: expected a run's folder, got number 5");
    await expect(loadRun(path, null as never)).rejects.toThrow(
      /loadRun: argument 'options' expected an object/,
    );
    await expect(loadRun(join(folder, 'none'))).rejects.toThrow(/is no run's folder/);
  });
});
