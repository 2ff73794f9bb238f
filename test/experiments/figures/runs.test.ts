import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { featureFigure, sigmaFigure } from '../../../lib/experiments/index.ts';
import { type TrainConfig, trainRun } from '../../../lib/train/index.ts';
import { digits } from '../../support/digits.ts';
import { useTemporaryFolder } from '../../support/folder.ts';

// Few images, for all who load a data set by its name.
vi.mock('../../../lib/train/splits.ts', () => ({
  loadSplits: async () => ({ train: digits(200, 1), validation: digits(50, 2), test: digits(60, 3) }),
  loadTest: async () => digits(60, 3),
}));

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});
const run = async (runName: string, config: Partial<TrainConfig>) => {
  const settings = { data: 'drawn-digits', epochs: 1, batchSize: 50, threads: 1, ...config } as const;
  await trainRun(settings, { runsDir: folder, runName });
  return join(folder, runName);
};

describe('featureFigure', () => {
  it("shows each run's features of train and test, with the accuracies that the run had", async () => {
    const runs = [
      { title: 'Softmax', run: await run('ce', { loss: 'ce' }) },
      { title: 'ICU', run: await run('icu', { loss: 'icu' }) },
    ];
    const messages: string[] = [];
    const [figure] = await featureFigure(runs, { onMessage: (message) => messages.push(message) });
    const { name, svg, data } = figure!;
    expect(name).toBe('fig2');
    expect(messages).toHaveLength(2);
    const parts = (
      data as { runs: { title: string; testAccuracy: number; trainAccuracy: number; sigmas?: number[] }[] }
    ).runs;
    expect(parts.map(({ title, sigmas }) => [title, sigmas?.length])).toEqual([
      ['Softmax', undefined],
      ['ICU', 10],
    ]);
    parts.forEach(({ testAccuracy, trainAccuracy }, i) => {
      const result = JSON.parse(readFileSync(join(runs[i]!.run, 'result.json'), 'utf8'));
      expect(testAccuracy).toBe(result.testAccuracy);
      expect(svg).toContain(`test · ${(100 * testAccuracy).toFixed(2)}%`);
      expect(svg).toContain(`train · ${(100 * trainAccuracy).toFixed(2)}%`);
    });
    for (const text of ['Softmax', 'ICU', '1σ']) expect(svg).toContain(`>${text}</text>`);
  });

  it('names the run that does not fit', async () => {
    await expect(featureFigure([])).rejects.toThrow(
      'featureFigure: runs: expected an array of at least one run',
    );
    await expect(featureFigure([{ title: 'a' } as never])).rejects.toThrow(
      /runs\[0\]\.run: expected a run's folder/,
    );
    await expect(featureFigure([{ title: 'a', run: join(folder, 'none') }])).rejects.toThrow(
      /is no run's folder/,
    );
    const wide = await run('wide', { loss: 'ce', model: 'mnist-100d' });
    await expect(featureFigure([{ title: 'a', run: wide }])).rejects.toThrow(
      /expected a network with two features, got mnist-100d with 100/,
    );
  });
});

describe('sigmaFigure', () => {
  const sizes = Array.from({ length: 10 }, (_, k) => ({ size: 10 * (k + 1), sigma: 0.5 + 0.01 * k }));
  const fake = (name: string, result: object | null) => {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(join(path, 'config.json'), '{}');
    if (result !== null) writeFileSync(join(path, 'result.json'), JSON.stringify(result));
    return path;
  };

  it('draws what finished runs have measured', async () => {
    const path = fake('one', { test: { icu: { sizes, sizeCorrelation: 1 } } });
    const [figure] = await sigmaFigure([{ title: 'seed 0', run: path }], { title: 'σ' });
    const { name, svg, data } = figure!;
    expect(name).toBe('sigmas');
    expect(svg).toContain('>seed 0: ρ = 1.00</text>');
    expect((data as { runs: { sizes: object[] }[] }).runs[0]!.sizes).toEqual(sizes);
  });

  it('names the run that does not fit', async () => {
    const figure = (path: string) => sigmaFigure([{ title: 'a', run: path }]);
    await expect(figure(fake('unfinished', null))).rejects.toThrow(
      /expected a finished run, got one without a result/,
    );
    await expect(figure(fake('ce', { test: { icu: null } }))).rejects.toThrow(
      /expected a run of the ICU loss/,
    );
  });
});
