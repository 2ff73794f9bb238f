import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { datasetFromBytes, drawDigits } from '../../lib/data/index.ts';
import type { IcuLoss } from '../../lib/losses/index.ts';
import { tensor } from '../../lib/tensor/index.ts';
import {
  loadRun,
  RunFolder,
  resolveConfig,
  resumeRun,
  saveSafetensors,
  trainRun,
} from '../../lib/train/index.ts';
import { useTemporaryFolder } from '../support/folder.ts';

// Few images.
vi.mock('../../lib/train/splits.ts', () => {
  const digits = (count: number, seed: number) =>
    datasetFromBytes(drawDigits(count, seed), {
      ...{ name: 'digits', numClasses: 10, shape: [1, 28, 28], mean: [0.13], std: [0.31] },
    });
  return {
    loadSplits: async () => ({ train: digits(64, 1), validation: digits(20, 2), test: digits(20, 3) }),
  };
});

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const short = { data: 'drawn-digits', epochs: 1, batchSize: 32, threads: 1 } as const;
const configured = (run: string) => JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));

it('runs that begin at the same time have folders of their own', async () => {
  const rates = [0.01, 0.02, 0.03];
  const runs = await Promise.all(rates.map((lr) => trainRun({ ...short, lr }, { runsDir: folder })));
  expect(new Set(runs.map((run) => run.folder)).size).toBe(3);
  expect(runs.map((run) => configured(run.folder).lr)).toEqual(rates);
});

it('of runs that want one folder at the same time one gets it', async () => {
  const rates = [0.01, 0.02];
  const options = { runsDir: folder, runName: 'mine' };
  const runs = await Promise.allSettled(rates.map((lr) => trainRun({ ...short, lr }, options)));
  const [done, refused] = [...runs].sort((a) => (a.status === 'fulfilled' ? -1 : 1));
  expect(done).toMatchObject({ status: 'fulfilled', value: { finished: true } });
  expect(String((refused as PromiseRejectedResult).reason)).toMatch(/mine has a run already/);
  const result = JSON.parse(readFileSync(join(folder, 'mine', 'result.json'), 'utf8'));
  expect(result.config.lr).toBe(configured(join(folder, 'mine')).lr);
});

it('leaves a run alone at which another process is', async () => {
  const { folder: run } = await trainRun(short, { runsDir: folder });
  expect(existsSync(join(run, 'lock'))).toBe(false);
  writeFileSync(join(run, 'lock'), '1 on another-machine');
  await expect(resumeRun(run)).rejects.toThrow(
    `${run}: another process, 1 on another-machine, is at work on this run; where that is not so, remove ${join(run, 'lock')}`,
  );
  rmSync(join(run, 'lock'));
  const both = await Promise.allSettled([resumeRun(run), resumeRun(run)]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(existsSync(join(run, 'lock'))).toBe(false);
});

it('reads back options that were typed arrays or tensors', async () => {
  const prior = Array.from({ length: 10 }, (_, k) => -1 - k);
  for (const logPrior of [Float32Array.from(prior), tensor(Float32Array.from(prior))]) {
    const { folder: run } = await trainRun({ ...short, lossOptions: { logPrior } }, { runsDir: folder });
    expect(configured(run).lossOptions.logPrior).toEqual(prior);
    const { loss } = await loadRun(run);
    expect([...(loss as IcuLoss).logPrior!.toTypedArray()]).toEqual(prior);
  }
});

it('takes another place of an image folder, and of nothing else', async () => {
  const run = new RunFolder(join(folder, 'photos'));
  await run.create(resolveConfig({ model: 'resnet50', data: 'folder:/old/photos' }));
  expect((await run.readConfig({ data: 'folder:/new/photos' })).data).toBe('folder:/new/photos');
  expect((await run.readConfig()).data).toBe('folder:/old/photos');
  await expect(run.readConfig({ data: 'mnist' })).rejects.toThrow(
    `data: expected the run's, folder:/old/photos, or where an image folder is now, got string "mnist"`,
  );
  const digits = new RunFolder(join(folder, 'digits'));
  await digits.create(resolveConfig(short));
  await expect(digits.readConfig({ data: 'folder:/new' })).rejects.toThrow(
    /expected the run's, drawn-digits/,
  );
});

it('goes on where it was cut off between the files of a checkpoint', async () => {
  const { folder: run } = await trainRun(short, { runsDir: folder });
  const [weights, next] = ['model', 'model.next'].map((name) => join(run, `${name}.safetensors`));
  const chosen = readFileSync(weights!);

  // last.safetensors knows of epoch 1, whose weights have not got their name yet.
  renameSync(weights!, next!);
  expect(await resumeRun(run)).toMatchObject({ finished: true, result: { epoch: 1 } });
  expect(readFileSync(weights!).equals(chosen)).toBe(true);
  expect(existsSync(next!)).toBe(false);

  // It does not know of epoch 2, which would be run again.
  await saveSafetensors(next!, {}, { epoch: '2' });
  expect(await resumeRun(run)).toMatchObject({ finished: true, result: { epoch: 1 } });
  expect(readFileSync(weights!).equals(chosen)).toBe(true);
  expect(existsSync(next!)).toBe(false);
});
