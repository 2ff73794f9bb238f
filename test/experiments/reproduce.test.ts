/** The runner on an experiment of its own: drawn digits, one or two epochs of a few steps. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  cellsOf,
  estimatesOf,
  planOf,
  planOfFigure,
  reproduceFigure,
  reproduceTable,
  runPlan,
  type Table,
  tableOf,
} from '../../lib/experiments/index.ts';
import { markdownOf } from '../../lib/experiments/markdown.ts';
import { settled, writeBudget } from '../../lib/experiments/plan.ts';
import { method } from '../../lib/experiments/recipe.ts';
import { ours } from '../../lib/experiments/setting.ts';
import { getNumThreads, setNumThreads } from '../../lib/tensor/index.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const test = <T>(value: T) => ours(value, 'for the test');
const table: Table = {
  name: 'small',
  title: 'A small table',
  experiments: [
    {
      name: 'digits',
      title: 'Drawn digits',
      images: { train: 128, whole: 5_128, validation: 5_000, test: 10_000 },
      settings: {
        model: test('mnist-2d'),
        data: test('drawn-digits'),
        limitTrain: test(128),
        batchSize: test(64),
        lr: test(0.001),
        epochs: test(2),
      },
      methods: [
        method({ name: 'ce', title: 'Softmax', loss: 'ce', lossOptions: test({}) }),
        method({ name: 'icu', title: 'ICU', loss: 'icu', lossOptions: test({ logPrior: 'counts' }) }),
      ],
    },
    {
      name: 'photos',
      title: 'Photographs',
      images: { train: 100, whole: 110, validation: 10, test: 10 },
      settings: {
        model: test('resnet50'),
        data: test('folder:photos'),
        batchSize: test(4),
        epochs: test(1),
      },
      methods: [method({ name: 'ce', title: 'Softmax', loss: 'ce', lossOptions: test({}) })],
    },
  ],
  inPaper: ['digits'],
  methods: ['ce', 'icu'],
  pairedWith: 'ce',
};
const options = (more: object = {}) => ({
  runsDir: join(folder, 'runs'),
  out: join(folder, 'results'),
  dataDir: folder,
  threads: 1,
  rows: ['digits'],
  seeds: 1,
  epochs: 1,
  ...more,
});
const read = (name: string) => readFileSync(join(folder, 'results', name), 'utf8');

describe('reproduce', () => {
  it('runs what is missing, writes the table, and then has nothing to do', { timeout: 120_000 }, async () => {
    const begun: string[] = [];
    const onJob = ({ folder: { path } }: { folder: { path: string } }) =>
      begun.push(path.split(/[\\/]/).at(-1)!);
    const first = await reproduceTable(table, options({ onJob, rows: undefined }));
    expect(begun).toEqual(['digits-ce-seed0-1epochs', 'digits-icu-seed0-1epochs', 'photos-ce-seed0']);
    expect(first.interrupted).toBe(false);
    expect([...first.missingData.keys()]).toEqual(['photos']);

    const [ce, icu, photos] = first.cells;
    expect(ce!.runs[0]!.result.config).toMatchObject({ loss: 'ce', epochs: 1, threads: 1, limitTrain: 128 });
    expect(ce!.figures!.accuracy).toEqual({ count: 1, mean: ce!.runs[0]!.result.testAccuracy, sd: null });
    expect(icu!.paired).toMatchObject({
      count: 1,
      mean: icu!.runs[0]!.result.testAccuracy - ce!.runs[0]!.result.testAccuracy,
    });
    expect(photos).toMatchObject({ figures: null, unfinished: 1 });

    const markdown = read('small.md');
    expect(markdown).toContain("## Drawn digits: 1 of the recipe's 2 epochs");
    expect(markdown).toContain('not to be compared with published figures');
    expect(markdown).toContain(
      `| Softmax | 657,442 + 30 | ${(100 * ce!.figures!.accuracy.mean).toFixed(2)} |`,
    );
    expect(markdown).toContain('Not run: its data are not here.');
    expect(markdown + read('small.json')).not.toContain(folder);
    expect(markdown).toContain('| epochs | `2` | ours | for the test |');
    const csv = read('small.csv').trim().split('\r\n');
    expect(csv).toHaveLength(3);
    expect(csv[0]).toMatch(/^experiment,method,seed,epochs,/);
    expect(csv[1]).toMatch(/^digits,ce,0,1,1?2?,/);
    const json = JSON.parse(read('small.json')) as { cells: { method: string; runs: unknown[] }[] };
    expect(json.cells.map(({ runs }) => runs.length)).toEqual([1, 1, 0]);

    begun.length = 0;
    const second = await reproduceTable(table, options({ onJob }));
    expect(begun).toEqual([]);
    expect(second.cells[0]!.figures).toEqual(ce!.figures);
  });

  it('goes on where it was interrupted, to the same figures', { timeout: 120_000 }, async () => {
    const two = (more: object = {}) => options({ losses: ['ce'], epochs: undefined, ...more });
    const controller = new AbortController();
    const { signal } = controller;
    const stopped = await reproduceTable(table, two({ signal, onEpoch: () => controller.abort() }));
    expect(stopped).toMatchObject({ interrupted: true, exitCode: 130 });
    expect(stopped.cells[0]).toMatchObject({ figures: null, unfinished: 1 });
    const plan = await planOf(table, two());
    expect(plan.jobs[0]!.state).toEqual({ kind: 'begun', epochs: 1 });
    expect(estimatesOf(plan, { threads: 1 })).toMatchObject([{ runs: 1, epochs: 2 }]);

    const run = join(folder, 'runs', 'digits-ce-seed0');
    const resumed = await reproduceTable(table, two());
    const { testAccuracyByClass } = resumed.cells[0]!.runs[0]!.result;
    // A run that was killed before it had saved anything begins again.
    for (const name of readdirSync(run)) if (name !== 'config.json') rmSync(join(run, name));
    const whole = await reproduceTable(table, two());
    expect(whole.cells[0]!.runs[0]!.result.testAccuracyByClass).toEqual(testAccuracyByClass);
  });

  it('says that the test set chose the epoch, and of nothing that it was held out', {
    timeout: 120_000,
  }, async () => {
    const { markdown } = await reproduceTable(table, options({ losses: ['ce'], selectOn: 'test' }));
    expect(markdown).toContain('**the test set itself: a parity mode');
    expect(markdown).toContain('| top-5 |');
    expect(markdown).not.toContain('held-out');
    expect(read('small.svg')).toContain('>1 of 2 epochs, epoch chosen on the test set</text>');
    const [names, values] = read('small.csv')
      .split('\r\n')
      .map((line) => line.split(','));
    expect(values![names!.indexOf('validation_accuracy')]).toBe('');
  });

  it.each([
    [{}, 'Trained on 12,206 of the subset', 'subset of its own'],
    [{ selectOn: 'test' }, 'Trained on all 12,406 images of the subset, none held out.', 'choose the epoch'],
    [{ varySubset: true }, 'Each seed has a subset of its own, seed 0 the published one.', 'none held out'],
  ] as const)('says what a long-tailed row was trained on with %o', async (more, note, notThis) => {
    const plan = await planOf(tableOf('table2'), {
      rows: ['cifar-10-lt-100'],
      losses: ['ce'],
      runsDir: folder,
      ...more,
    });
    const markdown = markdownOf(plan, cellsOf(plan), { command: null });
    expect(markdown).toContain(note);
    expect(markdown).not.toContain(notThis);
    expect(markdown).not.toContain('```');
  });

  it('draws subsets anew where there are any, and for every seed but the first', async () => {
    const { jobs } = await planOf(tableOf('table3'), {
      rows: ['mnist-2d', 'cifar-10-lt-100'],
      losses: ['icu'],
      seeds: 2,
      varySubset: true,
      runsDir: folder,
    });
    expect(jobs.map(({ job }) => [job.folder.path.split(/[\\/]/).at(-1), job.config.dataSeed])).toEqual([
      ['mnist-2d-icu-seed0', 0],
      ['cifar-10-lt-100-icu-seed0', 0],
      ['mnist-2d-icu-seed1', 0],
      ['cifar-10-lt-100-icu-seed1-own-subset', 1],
    ]);
  });

  it('says before any run that it cannot write to a file', async () => {
    writeFileSync(join(folder, 'results'), '');
    const onJob = () => expect.fail('a run was begun');
    await expect(reproduceTable(table, options({ onJob }))).rejects.toThrow(
      /^reproduce: out: expected a folder, or a name for a new one, got '.*results': EEXIST/,
    );
    await expect(reproduceFigure('fig3', { out: join(folder, 'results') })).rejects.toThrow(
      /^reproduce: out: /,
    );
  });

  it('leaves no picture of an earlier table beside one that has no runs', async () => {
    mkdirSync(join(folder, 'results'));
    for (const ending of ['svg', 'png']) writeFileSync(join(folder, 'results', `small.${ending}`), 'old');
    const { files } = await reproduceTable(table, options({ rows: ['photos'] }));
    expect(files.map((path) => extname(path))).toEqual(['.md', '.json', '.csv']);
    expect(readdirSync(join(folder, 'results')).sort()).toEqual(['small.csv', 'small.json', 'small.md']);
  });

  it('leaves a run alone at which another process is', { timeout: 60_000 }, async () => {
    const run = join(folder, 'runs', 'digits-ce-seed0-1epochs');
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'lock'), '1 on another-machine');
    const { elsewhere, cells } = await reproduceTable(table, options({ losses: ['ce'] }));
    expect(elsewhere).toMatchObject([{ heldBy: '1 on another-machine' }]);
    expect(cells[0]!.unfinished).toBe(1);
  });

  it('counts what another process has finished in the meantime', { timeout: 60_000 }, async () => {
    const finished = join(folder, 'elsewhere');
    await reproduceTable(table, options({ losses: ['ce'], runsDir: finished }));
    const run = join(folder, 'runs', 'digits-ce-seed0-1epochs');
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'lock'), '1 on another-machine');
    // It comes to its end while this one is at the next run.
    const onJob = () => cpSync(join(finished, 'digits-ce-seed0-1epochs'), run, { recursive: true });
    const { elsewhere, cells } = await reproduceTable(table, options({ onJob }));
    expect(elsewhere).toEqual([]);
    expect(cells.map(({ unfinished, figures }) => [unfinished, figures !== null])).toEqual([
      [0, true],
      [0, true],
    ]);
  });

  it('notes a run that diverges, and does not begin it again', { timeout: 60_000 }, async () => {
    const wild: Table = {
      ...table,
      experiments: table.experiments.map((experiment) => ({
        ...experiment,
        settings: { ...experiment.settings, lr: test(1e30) },
      })),
    };
    const told: string[] = [];
    const first = await reproduceTable(
      wild,
      options({ losses: ['ce'], onMessage: (text: string) => told.push(text) }),
    );
    expect(told.join()).toMatch(/the loss is (NaN|Infinity)/);
    expect(first.cells[0]).toMatchObject({ diverged: 1, unfinished: 0, figures: null });
    expect(read('small.md')).toContain('1 diverged');
    const begun: unknown[] = [];
    await reproduceTable(wild, options({ losses: ['ce'], onJob: (job: unknown) => begun.push(job) }));
    expect(begun).toEqual([]);
  });

  it('refuses a folder that holds another run', async () => {
    const plan = await planOf(table, options({ losses: ['ce'] }));
    const { job } = plan.jobs[0]!;
    await job.folder.create(job.config);
    const changed: Table = {
      ...table,
      experiments: table.experiments.map((experiment) => ({
        ...experiment,
        settings: { ...experiment.settings, lr: test(0.002) },
      })),
    };
    await expect(planOf(changed, options({ losses: ['ce'] }))).rejects.toThrow(
      /digits-ce-seed0-1epochs holds a run with other settings than the recipe has: lr 0.001 instead of 0.002/,
    );
    // The images are a part of what a run is …
    await job.folder.writeJson('config.json', { ...job.config, data: 'mnist' });
    await expect(planOf(table, options({ losses: ['ce'] }))).rejects.toThrow(
      /with other settings than the recipe has: data "mnist" instead of "drawn-digits"/,
    );
    await job.folder.writeJson('config.json', job.config);
    // … but not where a folder of them lies, and neither are threads and device.
    const photos = options({ rows: ['photos'], losses: ['ce'] });
    const { job: own } = (await planOf(table, photos)).jobs[0]!;
    await own.folder.create({ ...own.config, data: 'folder:/elsewhere/photos' });
    await expect(planOf(table, photos)).resolves.toBeDefined();
    await expect(planOf(table, options({ losses: ['ce'], threads: 2 }))).resolves.toBeDefined();
  });

  it('keeps to the epochs that a budget once came to', { timeout: 60_000 }, async () => {
    const budget = options({ epochs: undefined, budget: '1s' });
    const timed: string[] = [];
    const plan = await planOf(table, { ...budget, onTiming: (network) => timed.push(network) });
    expect(timed).toEqual(['mnist-2d']);
    expect(plan.jobs[0]!.job.config.epochs).toBe(1);
    // A plan alone, as `--dry-run` makes one, leaves no trace.
    expect(existsSync(join(folder, 'runs'))).toBe(false);
    await writeBudget(plan);
    const [name] = readdirSync(join(folder, 'runs'));
    expect(name).toMatch(/^budget-small-1s-[0-9a-f]{8}\.json$/);
    const path = join(folder, 'runs', name!);
    const kept = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...kept, epochs: { digits: 2 } }));
    expect((await planOf(table, budget)).jobs[0]!.job.config.epochs).toBe(2);
    writeFileSync(path, '{}');
    await expect(planOf(table, budget)).rejects.toThrow(
      /budget-small-1s-\w+\.json: expected the epochs of digits, an integer of at least 1, got undefined; delete/,
    );
    writeFileSync(path, JSON.stringify({ ...kept, epochs: { digits: 2 } }));
    // Another question in between leaves it alone.
    await writeBudget(await planOf(table, { ...budget, losses: ['ce'] }));
    expect((await planOf(table, budget)).jobs[0]!.job.config.epochs).toBe(2);
  });

  it('takes the epochs of a process that was quicker with the same budget', { timeout: 60_000 }, async () => {
    const budget = options({ epochs: undefined, budget: '1s' });
    const plan = await planOf(table, budget);
    // While this one is timed, another writes down what it has come to.
    let written = false;
    const onTiming = () => {
      if (written) return;
      written = true;
      const { runsDir, file, content } = plan.budget!;
      mkdirSync(runsDir, { recursive: true });
      writeFileSync(join(runsDir, file), JSON.stringify({ ...content, epochs: { digits: 2 } }));
    };
    const planned = () => planOf(table, { ...budget, onTiming });
    const { jobs } = await settled(await planned(), planned);
    expect(jobs[0]!.job.config.epochs).toBe(2);
    await expect(runPlan(plan)).rejects.toThrow(/runPlan: plan: expected the epochs .*: plan again$/);
  });

  it('times a network once, for the budget and for the estimate', { timeout: 60_000 }, async () => {
    const timed: string[] = [];
    const onTiming = (network: string) => timed.push(network);
    const plan = await planOf(table, options({ epochs: undefined, budget: '1s', onTiming }));
    estimatesOf(plan, { threads: 1, onTiming });
    expect(timed).toEqual(['mnist-2d']);
    // The default, said aloud, is no other question.
    const named = await planOf(
      table,
      options({ epochs: undefined, budget: '1s', selectOn: 'validation' as const }),
    );
    expect(named.budget!.file).toBe(plan.budget!.file);
  });

  it('says which figures there are', async () => {
    await expect(reproduceFigure('fig9' as 'fig1', options())).rejects.toThrow(
      /expected one of fig1, fig2, fig3, sigmas, got 'fig9'/,
    );
  });

  it.each([
    [
      'fig2',
      { rows: ['mnist-100d'] },
      /rows: expected networks with two features for fig2, got 'mnist-100d' w/,
    ],
    ['fig2', { seeds: 2 }, /seeds: expected none with fig2, which heeds rows, losses, .*; got number 2/],
    ['sigmas', { losses: ['icu', 'ce'] }, /losses: expected the ICU loss .* for sigmas, .*, got 'ce'/],
    ['sigmas', { losses: ['icu-authors'] }, /losses: expected the ICU loss .* for sigmas, .*'icu-authors'/],
    [
      'fig1',
      { rows: ['mnist-2d'] },
      /rows: expected none with fig1, which heeds seeds, threads; got an array/,
    ],
    ['fig1', { epochs: 1 }, /epochs: expected none with fig1/],
    ['fig3', { threads: 1 }, /threads: expected none with fig3, which heeds nothing; got number 1/],
  ] as const)('says at once that %s cannot have %o', async (name, more, message) => {
    const onPlan = () => expect.fail('it was planned');
    const chosen = { runsDir: join(folder, 'runs'), out: folder, ...more, onPlan };
    await expect(reproduceFigure(name, chosen)).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says in a figure of runs which runs these are', async () => {
    const chosen = { losses: ['icu'], epochs: 50, runsDir: join(folder, 'runs'), out: folder };
    const { job } = (await planOfFigure('sigmas', chosen))!.jobs[0]!;
    await job.folder.create(job.config);
    const sizes = [100, 50].map((size) => ({ size, sigma: 1 / size }));
    await job.folder.writeJson('result.json', { test: { icu: { sizes, sizeCorrelation: -1 } } });
    await reproduceFigure('sigmas', chosen);
    const svg = readFileSync(join(folder, 'sigmas.svg'), 'utf8');
    expect(svg).toContain('>CIFAR-10-LT, ratio 100, 50 of 200 epochs, seed 0<');
    const { runs } = JSON.parse(readFileSync(join(folder, 'sigmas.json'), 'utf8')) as { runs: object[] };
    expect(runs).toMatchObject([{ epochs: 50, selectOn: 'validation', seed: 0 }]);
  });

  it('draws fig1 of so many seeds, with so many threads', { timeout: 120_000 }, async () => {
    const before = getNumThreads();
    await reproduceFigure('fig1', { seeds: 1, threads: before + 1, out: folder });
    expect(getNumThreads()).toBe(before + 1);
    setNumThreads(before);
    expect(JSON.parse(readFileSync(join(folder, 'fig1.json'), 'utf8'))).toMatchObject({ seeds: 1 });
  });

  it.each([
    [{ seeds: 0 }, /seeds: expected an integer of at least 1, got number 0/],
    [{ epochs: 1.5 }, /epochs: expected an integer of at least 1, got number 1.5/],
    [{ budget: '1m' }, /budget: expected none beside epochs/],
    [{ epochs: undefined, budget: 'long' }, /budget: expected a time/],
    [{ varySubset: true }, /varySubset: expected a row with a long-tailed subset, got digits$/],
    [{ rows: ['no'] }, /rows: small has no 'no'/],
    [{ rows: ['photos'], losses: ['icu'] }, /losses: small has no recipe of icu for photos$/],
    [{ rows: [] }, /rows: small has no recipe of ce, icu for no row$/],
  ])('says what is wrong with %o', async (more, message) => {
    await expect(planOf(table, options(more))).rejects.toThrow(message);
  });
});
