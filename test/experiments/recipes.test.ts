import { describe, expect, it } from 'vitest';
import { epochsWithin, parseBudget } from '../../lib/experiments/estimate.ts';
import {
  configOf,
  otherFigures,
  paperFigure,
  type Recipe,
  recipesOf,
  tableNames,
  tableOf,
} from '../../lib/experiments/index.ts';
import { longTails } from '../../lib/experiments/long-tail.ts';
import { createLoss, lacksClassCounts } from '../../lib/losses/index.ts';
import { createModel, inputShapeOf } from '../../lib/models/index.ts';
import { estimateSeconds } from './pace.ts';

const all: [string, Recipe][] = tableNames.flatMap((name) =>
  recipesOf(tableOf(name)).map((recipe): [string, Recipe] => [
    `${name}: ${recipe.experiment.name}, ${recipe.method.name}`,
    recipe,
  ]),
);
const find = (experiment: string, method: string): Recipe =>
  all.find(([, recipe]) => recipe.experiment.name === experiment && recipe.method.name === method)![1];

describe('the recipes', () => {
  it.each(all)('%s: is a valid configuration, every value with its source', (_, recipe) => {
    const config = configOf(recipe, { seed: 3 });
    expect(config.seed).toBe(3);
    const settings = [...Object.values(recipe.settings), recipe.method.lossOptions];
    for (const { source, origin } of settings) {
      expect(source).not.toBe('');
      expect(['paper', 'filled', 'ours']).toContain(origin);
    }
    const numClasses = /100/.test(config.data.split('-')[1] ?? '') ? 100 : 10;
    const counts = new Array(numClasses).fill(7);
    const options = lacksClassCounts(config.loss, config.lossOptions)
      ? { ...config.lossOptions, classCounts: counts }
      : config.lossOptions;
    expect(() => createLoss(config.loss, numClasses, 2, options)).not.toThrow();
    const shape = config.data.startsWith('folder:')
      ? [3, 224, 224]
      : config.data === 'mnist'
        ? [1, 28, 28]
        : [3, 32, 32];
    expect(inputShapeOf(config.model)).toEqual(shape);
  });

  it('are in every cell of the tables that the paper has figures for', () => {
    const cells = (name: 'table1' | 'table2' | 'table3') =>
      recipesOf(tableOf(name)).filter(
        ({ experiment, method }) => paperFigure(name, experiment.name, method.name) !== null,
      );
    // 5 × 5 less L-Softmax on ImageNet; 5 rows × 6; 5 × 2
    expect([cells('table1').length, cells('table2').length, cells('table3').length]).toEqual([24, 30, 10]);
  });

  it('share the runs of cells that two tables have', () => {
    const [first, third] = (['table1', 'table3'] as const).map((name) =>
      recipesOf(tableOf(name), { rows: ['cifar-100'], losses: ['icu'] }),
    );
    expect(configOf(first![0]!, { seed: 0 })).toEqual(configOf(third![0]!, { seed: 0 }));
  });

  it('have the paper’s MNIST settings and the long-tailed schedule', () => {
    expect(configOf(find('mnist-2d', 'icu'), { seed: 0 })).toMatchObject({
      model: 'mnist-2d',
      optimizer: 'adam',
      lr: 0.01,
      weightDecay: 0.001,
      batchSize: 128,
      loss: 'icu',
      selectOn: 'validation',
    });
    expect(configOf(find('cifar-10-lt-100', 'ce'), { seed: 0 })).toMatchObject({
      model: 'resnet32-bbn',
      optimizer: 'sgd',
      momentum: 0.9,
      lr: 0.02,
      weightDecay: 5e-4,
      batchSize: 64,
      epochs: 200,
      schedule: 'multi-step',
      milestones: [119, 159],
      milestoneFactor: 0.01,
      warmupEpochs: 5,
      warmupStart: 1 / 3,
    });
  });

  it('have variances of L-GM that are learned on MNIST, and stay 1 elsewhere', () => {
    const learned = (experiment: string) => {
      const { loss, lossOptions } = configOf(find(experiment, 'l-gm'), { seed: 0 });
      return createLoss(loss, 10, 2, lossOptions).parameterGroups(0.1).length === 2;
    };
    expect(learned('mnist-100d')).toBe(true);
    for (const experiment of ['cifar-10', 'cifar-100', 'imagenet', 'cifar-10-lt-100']) {
      expect(learned(experiment), experiment).toBe(false);
    }
  });

  it('have the ICU loss’s regulariser as a mean over the dimensions that the network has, and on MNIST as a sum', () => {
    for (const experiment of ['cifar-10', 'cifar-100', 'imagenet', 'cifar-10-lt-100', 'cifar-100-lt-10']) {
      const { model, lossOptions } = configOf(find(experiment, 'icu'), { seed: 0 });
      const lambdaMean = 0.1 / createModel(model).featureDim;
      expect(lossOptions, experiment).toMatchObject({ regReduction: 'samples', lambdaMean, lambdaVar: 0.1 });
    }
    for (const experiment of ['mnist-2d', 'mnist-100d']) {
      const { lossOptions } = configOf(find(experiment, 'icu'), { seed: 0 });
      expect(lossOptions, experiment).toEqual({ alpha: 1e-4, gamma: 1e-3, lambdaMean: 0.1, lambdaVar: 0.1 });
    }
  });

  it('shift images in the row that is ours, and are those of the paper else', () => {
    const { augment, epochs, ...shifted } = configOf(find('mnist-100d-crop', 'icu'), { seed: 0 });
    expect([augment, epochs]).toEqual(['crop', 20]);
    expect(configOf(find('mnist-100d', 'icu'), { seed: 0 })).toEqual({
      ...shifted,
      augment: 'none',
      epochs: 8,
    });
    expect(tableOf('table1').inPaper).not.toContain('mnist-100d-crop');
  });

  it('differ among the rows of the margins in α and γ alone', () => {
    const of = (method: string) => {
      const { lossOptions, ...rest } = configOf(find('cifar-100', method), { seed: 1 });
      return { rest, options: lossOptions as Record<string, unknown> };
    };
    const base = of('icu');
    for (const [name, margins] of [
      ['icu-plain', { alpha: 0, gamma: 0 }],
      ['icu-alpha', { alpha: 1e-4, gamma: 0 }],
      ['icu-gamma', { alpha: 0, gamma: 1e-3 }],
    ] as const) {
      const { rest, options } = of(name);
      expect(rest).toEqual(base.rest);
      expect(options).toEqual({ ...base.options, ...margins });
    }
  });

  it('keep their shape when they are shortened', () => {
    const config = configOf(find('cifar-10-lt-100', 'ce'), { seed: 0, epochs: 20 });
    expect(config).toMatchObject({ epochs: 20, milestones: [11.9, expect.closeTo(15.9)], warmupEpochs: 0.5 });
    // λ of L-Softmax ends at what the authors' 10,000 steps end at, 1000·1.25^−35, whatever the number of steps.
    for (const epochs of [2, 8]) {
      const { lossOptions } = configOf(find('mnist-2d', 'l-softmax'), { seed: 0, epochs });
      const { lambdaBase, lambdaGamma, lambdaPower } = lossOptions as Record<string, number>;
      const steps = epochs * Math.floor(55_000 / 128);
      expect(lambdaBase! * (1 + lambdaGamma! * steps) ** -lambdaPower!).toBeCloseTo(1000 * 1.25 ** -35, 9);
    }
  });

  it('may choose on the test set, and subsets by the seed, when asked to', () => {
    const recipe = find('cifar-10-lt-100', 'icu');
    expect(configOf(recipe, { seed: 2 })).toMatchObject({ selectOn: 'validation', dataSeed: 0 });
    expect(configOf(recipe, { seed: 2, selectOn: 'test', varySubset: true })).toMatchObject({
      selectOn: 'test',
      dataSeed: 2,
    });
  });

  it('say what is wrong with a selection', () => {
    expect(() => recipesOf(tableOf('table1'), { rows: ['mnist'] })).toThrow(
      /rows: table1 has no 'mnist'; it has mnist-2d, mnist-100d/,
    );
    expect(() => recipesOf(tableOf('table2'), { losses: ['l-softmax'] })).toThrow(
      /losses: table2 has no 'l-softmax'/,
    );
    expect(() => tableOf('table9' as 'table1')).toThrow(
      /expected one of table1, table2, table3, got 'table9'/,
    );
  });

  it('build their networks with the parameters that are listed', () => {
    const parameters = (experiment: string) => {
      const model = createModel(find(experiment, 'icu').settings.model.value);
      return model.parameters().reduce((sum, { numel }) => sum + numel, 0);
    };
    expect(parameters('mnist-2d')).toBe(657_442);
    expect(parameters('mnist-100d')).toBe(255_532);
    expect(parameters('cifar-100')).toBe(6_146_016);
    expect(parameters('cifar-10-lt-100')).toBe(537_488);
  });
});

describe('published figures', () => {
  it('are as printed', () => {
    expect(paperFigure('table1', 'mnist-2d', 'icu')).toBe(99.04);
    expect(paperFigure('table1', 'imagenet', 'l-softmax')).toBeNull();
    expect(paperFigure('table2', 'cifar-10-lt-100', 'class-balanced')).toBe(74.6);
    expect(paperFigure('table2', 'cifar-10-lt-100', 'ce')).toBeNull();
    expect(paperFigure('table3', 'cifar-100-lt-10', 'icu')).toBe(58.8);
    expect(paperFigure('table1', 'no such', 'icu')).toBeNull();
  });

  it('of others are accuracies, complements of the errors that they print', () => {
    const [first] = otherFigures('cifar-10-lt-100', 'ce');
    expect(first).toEqual({ value: 70.36, source: expect.stringContaining('Cui et al.') });
    expect(otherFigures('cifar-10-lt-100', 'balanced-softmax').map(({ value }) => value)).toEqual([77.54]);
    expect(otherFigures('mnist-2d', 'icu')).toEqual([]);
  });
});

describe('a budget', () => {
  it('is a time', () => {
    expect(['90s', '10m', '1.5h'].map(parseBudget)).toEqual([90, 600, 5400]);
    for (const text of ['', '10', '0m', '-1m', '10 m', 'm']) {
      expect(() => parseBudget(text)).toThrow(/budget: expected a time such as 90s, 10m or 2h/);
    }
  });

  const recipes = [find('mnist-2d', 'ce'), find('cifar-10-lt-100', 'ce')];
  const pace = { train: 1e-3, evaluate: 3e-4 };
  const runs = recipes.map(({ experiment }) => ({ experiment, count: 6, pace }));

  it.each([3600, 7200, 15_000])(
    'of %i s is kept by the epochs chosen, and one share more would not be',
    (budget) => {
      const { epochs } = epochsWithin(budget, runs);
      expect(estimateSeconds(runs, epochs)).toBeLessThanOrEqual(budget);
      for (const { experiment } of runs) {
        const one = epochs.get(experiment.name)!;
        expect(one).toBeGreaterThanOrEqual(1);
        expect(one).toBeLessThanOrEqual(experiment.settings.epochs.value);
      }
      const share = Math.max(
        ...runs.map(
          ({ experiment }) => (epochs.get(experiment.name)! + 1) / experiment.settings.epochs.value,
        ),
      );
      const more = new Map(
        runs.map(({ experiment }) => [
          experiment.name,
          Math.min(experiment.settings.epochs.value, Math.ceil(experiment.settings.epochs.value * share)),
        ]),
      );
      expect(estimateSeconds(runs, more)).toBeGreaterThan(budget);
    },
  );

  it('that is larger than needed changes nothing, and one that is too small leaves one epoch', () => {
    expect([...epochsWithin(1e9, runs).epochs.values()]).toEqual([8, 200]);
    const least = epochsWithin(1, runs);
    expect([...least.epochs.values()]).toEqual([1, 1]);
    expect(least.seconds).toBeGreaterThan(1);
  });
});

describe('the long tails', () => {
  it.each(longTails.map((experiment) => [experiment.name, experiment.images] as const))(
    '%s: as many images as the profile gives, but for those held out',
    (name, images) => {
      const [classes, ratio] = /^cifar-(\d+)-lt-(\d+)$/.exec(name)!.slice(1).map(Number) as [number, number];
      const each = 50_000 / classes;
      const kept = Array.from({ length: classes }, (_, k) =>
        Math.floor(each * (1 / ratio) ** (k / (classes - 1))),
      );
      const sum = (counts: number[]) => counts.reduce((a, b) => a + b, 0);
      const heldOut = images.validation / classes;
      expect(images.whole).toBe(sum(kept));
      expect(images.train).toBe(sum(kept.map((n) => Math.min(n, each - heldOut))));
    },
  );
});
