/** The compiled command, as a person starts it. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function intraclass(
  args: string[],
  whileRunning: (child: ChildProcess, stdout: string) => void = () => {},
  atStart: (child: ChildProcessByStdio<null, Readable, Readable>) => void = () => {},
) {
  return new Promise<Ended>((ended, failed) => {
    const env = { ...process.env, INTRACLASS_DATA: '' };
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, env, stdio });
    atStart(child);
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk;
      whileRunning(child, output.stdout);
    });
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk;
    });
    child.on('error', failed);
    child.on('close', (code) => ended({ code, ...output }));
  });
}

let folder: string;
beforeAll(() => {
  if (!existsSync(main)) throw new Error('dist/ is missing; type: npm run build');
  folder = mkdtempSync(join(tmpdir(), 'intraclass-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const small = ['--data', 'drawn-digits', '--limit-train', '640', '--threads', '1'];
const json = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const metrics = (run: string) =>
  json(readFileSync(join(folder, run, 'metrics.jsonl'), 'utf8')).map(
    ({ seconds: _, imagesPerSecond: __, ...line }) => line,
  );

describe('intraclass', () => {
  it('trains, writes the run, and evaluates it to the same accuracy', { timeout: 240_000 }, async () => {
    const trained = await intraclass(['train', 'mnist-2d', '--epochs', '2', '--json', ...small]);
    expect(trained.stderr).toBe('');
    expect(trained.code).toBe(0);
    const events = json(trained.stdout);
    expect(events.map(({ event }) => event)).toEqual(['epoch', 'epoch', 'result']);
    const result = events[2]!.result as Record<string, unknown>;
    expect(result.parameters).toEqual({ network: 657_442, loss: 30 });

    const run = 'runs/mnist-2d-icu-seed0';
    expect(events[2]!.folder).toBe(run);
    expect(readdirSync(join(folder, run)).sort()).toEqual([
      'config.json',
      'confusion.csv',
      'curves.png',
      'curves.svg',
      'data.json',
      'features.png',
      'features.svg',
      'last.safetensors',
      'metrics.jsonl',
      'model.safetensors',
      'result.json',
      'sigmas.png',
      'sigmas.svg',
    ]);
    expect(metrics(run)).toHaveLength(2);
    expect(JSON.parse(readFileSync(join(folder, run, 'result.json'), 'utf8'))).toEqual(result);
    const chosen = metrics(run).find(({ epoch }) => epoch === result.epoch)!;
    expect(chosen.validationAccuracy).toBe(result.validationAccuracy);

    const evaluated = await intraclass(['evaluate', run, '--json']);
    const [figures] = json(evaluated.stdout);
    expect(figures!.testAccuracy).toBe(result.testAccuracy);
    expect(figures!.recorded).toBe(result.testAccuracy);
    expect(figures!.count).toBe(10_000);
    expect(figures!.accuracyByClass).toEqual(result.testAccuracyByClass);
    expect(figures!.top5).toBeGreaterThanOrEqual(result.testAccuracy as number);
    expect(figures!.calibration).toMatchObject({ ece: expect.any(Number), mce: expect.any(Number) });
    expect((figures!.trainCounts as number[]).reduce((a, b) => a + b)).toBe(640);
    expect(figures).toMatchObject({ shots: { few: null }, icu: { sigmas: { length: 10 } } });
    expect(Object.keys(result.test as object)).toEqual(['top5', 'ece', 'mce', 'shots', 'featureNorm', 'icu']);
    const told = await intraclass(['evaluate', run]);
    expect(told.stdout).toMatch(/^mnist-2d with the loss icu on drawn-digits, epoch [12]\ntest accuracy \d/);
    for (const line of [
      /^top-5 accuracy \d+\.\d\d %$/m,
      /^calibration error \d+\.\d\d % \(ECE, 15 bins; the largest \d+\.\d\d %\)$/m,
      /^class {2}images {2}accuracy {2}trained on +σ$/m,
      /^ +9 +1000 +\d+\.\d\d % +64 +\d\.\d+$/m,
    ]) {
      expect(told.stdout).toMatch(line);
    }

    // The second half of this test: the same run, interrupted by Ctrl-C after its first epoch and taken up again.
    let interrupted = false;
    const stopped = await intraclass(
      ['train', 'mnist-2d', '--epochs', '2', '--json', '--run-name', 'again', ...small],
      (child, stdout) => {
        if (!interrupted && stdout.includes('\n')) {
          interrupted = true;
          child.kill('SIGINT');
        }
      },
    );
    expect(stopped.stderr).toMatch(/interrupted: saving/);
    expect(stopped.code).toBe(130);
    expect(json(stopped.stdout).at(-1)).toMatchObject({ event: 'interrupted', folder: 'runs/again' });
    expect(existsSync(join(folder, 'runs/again/result.json'))).toBe(false);

    const taken = await intraclass(['train', 'mnist-2d', '--run-name', 'again', ...small]);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toMatch(/runs\/again has a run already/);

    const resumed = await intraclass(['train', '--resume', 'runs/again', '--quiet']);
    expect(resumed.stderr).toBe('');
    expect(resumed.stdout).toMatch(/^test accuracy \d+\.\d\d % \(epoch \d/);
    expect(metrics('runs/again')).toEqual(metrics(run));
    const anew = await intraclass(['train', '--resume', 'runs/again', '--threads', '1']);
    expect(anew.stdout).toMatch(/^ {2}finished already; its result is made anew\ntest accuracy/m);
    const weights = (name: string) => readFileSync(join(folder, name, 'model.safetensors'));
    expect(weights('runs/again').equals(weights(run))).toBe(true);
  });

  it('says at every turn that the test set has chosen the epoch', { timeout: 120_000 }, async () => {
    const note = 'chosen on the test set: a parity figure, not an estimate';
    const recipe = ['--optimizer', 'sgd', '--nesterov', '--lr', '0.05', '--schedule', 'multi-step'];
    const shape = ['--milestones', '0.5,0.75', '--milestone-factor', '0.2', '--warmup-epochs', '0.25'];
    const parity = ['--epochs', '1', '--select-on', 'test', '--run-name', 'parity'];
    const more = ['--loss', 'ce', '--warmup-start', '0.5', ...small];
    const trained = await intraclass(['train', 'mnist-2d', ...recipe, ...shape, ...parity, ...more]);
    expect(trained.stderr).toBe('');
    const [, images, start, ...lines] = trained.stdout.trim().split('\n');
    expect(images).toBe('  640 images to train, none held out, 10,000 to test');
    expect(start).toBe(`  the epoch is ${note}`);
    expect(lines.find((line) => line.startsWith('epoch 1/1'))).toMatch(/ {2}test \d+\.\d\d %/);
    expect(trained.stdout).not.toMatch(/held-out/);
    expect(lines.at(-2)).toContain(`(epoch 1, ${note}; last epoch `);
    const read = (name: string) => readFileSync(join(folder, 'runs/parity', name), 'utf8');
    for (const picture of ['curves.svg', 'features.svg']) expect(read(picture)).toContain(note);
    const result = JSON.parse(read('result.json'));
    expect(result.config).toMatchObject({
      optimizer: 'sgd',
      momentum: 0.9,
      nesterov: true,
      lr: 0.05,
      schedule: 'multi-step',
      milestones: [0.5, 0.75],
      milestoneFactor: 0.2,
      warmupEpochs: 0.25,
      warmupStart: 0.5,
      selectOn: 'test',
    });
    expect(result.validationAccuracy).toBe(result.testAccuracy);
    expect(metrics('runs/parity')[0]!.lr).toBeCloseTo(0.05 * 0.2 ** 2, 12);
    const evaluated = await intraclass(['evaluate', 'runs/parity']);
    expect(evaluated.stdout).toContain(`on drawn-digits, epoch 1, ${note}\n`);
  });

  it('ends quietly where nobody reads what it prints', { timeout: 120_000 }, async () => {
    const unread = (args: string[]) => intraclass(args, undefined, ({ stdout }) => stdout.destroy());
    expect(await unread(['train', '--help'])).toMatchObject({ code: 0, stderr: '' });
    const trained = await unread(['train', '--epochs', '1', '--run-name', 'unread', ...small]);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(folder, 'runs/unread/result.json'))).toBe(true);
  });

  it.each<[string[], number, RegExp]>([
    [['--help'], 0, /^Usage: intraclass/],
    [['train', '--help'], 0, /--lr <x> +the highest learning rate/],
    [['--version'], 0, /^\d+\.\d+\.\d+$/m],
    [[], 2, /Usage: intraclass/],
    [['learn'], 2, /unknown command 'learn'/],
    [['train', 'lenet'], 2, /Allowed choices are mnist-2d, mnist-100d/],
    [['train', 'resnet32', '--data', 'drawn-digits'], 2, /resnet32 takes images of 3×32×32, and those of/],
    [['train', '--lr', 'high'], 2, /'--lr <x>' argument 'high' is invalid\. Expected a number/],
    [['train', '--lr', '-1'], 2, /error: train: lr: expected a finite number above 0, got number -1/],
    [['train', '--milestones', '1,x'], 2, /'--milestones <epochs>' argument '1,x' is invalid\. Expected a/],
    [
      ['train', '--schedule', 'multi-step', '--milestones', '5,9'],
      2,
      /before the end of the 8 .*got \[5, 9\]/,
    ],
    [['train', '--optimizer', 'lion'], 2, /Allowed choices are adam, adamw, sgd/],
    [['train', '--warmup-epochs', '1'], 2, /warmupEpochs: expected 0 with schedule 'one-cycle'/],
    [['train', '--resume', 'x', '--runs-dir', 'y'], 2, /expected no other settings.*--runs-dir/],
    [['train', '--batch-size', '1000', ...small], 2, /batchSize: expected at most 640/],
    [['train', '--resume', 'x', '--nesterov'], 2, /expected no other settings.*--nesterov/],
    [['train', 'mnist-2d', '--resume', 'x'], 2, /expected no other .*; got the argument mnist-2d$/m],
    [['train', '--resume', 'nowhere', '--threads', '2', '--device', 'cpu'], 1, /nowhere is no run's folder/],
    [
      ['train', 'mnist-2d', '--model', 'mnist-100d'],
      2,
      /--model: expected none beside the argument mnist-2d/,
    ],
    [['train', '--workers', '2'], 2, /workers: expected null with data 'mnist', as only image folders/],
    [['reproduce', 'table1', '--rows', 'mnist-2d', '--vary-subset'], 2, /varySubset: .* got mnist-2d$/m],
    [['reproduce', 'fig1', '--rows', 'mnist-2d'], 2, /rows: expected none with fig1/],
    [['train', '--epochs', '1.5'], 2, /Expected an integer of at least 1/],
    [['train', '--alpha', '-1', '--data', 'drawn-digits'], 2, /IcuLoss: alpha: expected/],
    [
      ['train', '--loss-option', 'm'],
      2,
      /'--loss-option <name=value>' argument 'm' is invalid\. Expected <name>/,
    ],
    [
      ['train', '--data', 'drawn-digits', '--loss', 'l-softmax', '--loss-option', 'm=5'],
      ...([2, /LSoftmaxLoss: m: expected one of 1, 2, 3, 4, got 5/] as [number, RegExp]),
    ],
    [
      [
        'train',
        '--data',
        'drawn-digits',
        '--loss',
        'focal',
        '--loss-option',
        'form=x',
        '--loss-option',
        'gamma=1',
      ],
      ...([2, /FocalLoss: form: expected one of "softmax", "sigmoid", got "x"/] as [number, RegExp]),
    ],
    [
      ['train', '--alpha', '1', '--loss-option', 'alpha=2'],
      2,
      /--loss-option: 'alpha' is given by --alpha too/,
    ],
    [['train', '--resume', 'x', '--loss-option', 'm=1'], 2, /expected no other settings.*--loss-option/],
    [['train', '--mixup', '-1'], 2, /train: mixup: expected a finite number of at least 0/],
    [['train', '--loss', 'ce', '--gamma', '1'], 2, /--gamma: expected --loss icu, got --loss ce/],
    [['train', '--data', 'cifar-20'], 2, /Expected one of mnist, .*cifar-10-lt-<ratio>.*folder:<path>/],
    [['train', '--data', 'folder:nowhere'], 1, /nowhere\/train: expected a folder/],
    [['train', '--augment', 'blur'], 2, /Allowed choices are none, crop, crop-flip, resized-crop-flip/],
    [
      ['train', '--augment', 'resized-crop-flip', ...small],
      2,
      /augment: expected none, crop or crop-flip for images in/,
    ],
    [['train', '--workers', '0'], 2, /Expected an integer of at least 1/],
    [['train', '--run-name', ''], 2, /runName: expected a folder's name, got an empty string/],
    [['train', '--resume', 'nowhere'], 1, /nowhere is no run's folder/],
    [['train', '--resume', 'x', '--lr', '1'], 2, /--resume: expected no other settings.*--lr/],
    [['train', '--device', 'cuda:99', '--data', 'drawn-digits'], 1, /no GPU is to be had|CUDA/],
    [['evaluate', 'nowhere'], 1, /nowhere is no run's folder/],
    [['reproduce', 'table9'], 2, /Allowed choices are table1, table2, table3, fig1/],
    [['reproduce', 'table1', '--rows', 'mnist'], 2, /rows: table1 has no 'mnist'; it has mnist-2d/],
    [['reproduce', 'table1', '--budget', 'long', '--dry-run'], 2, /budget: expected a time such as 90s/],
    [
      ['reproduce', 'table3', '--rows', 'mnist-2d', '--losses', 'icu', '--seeds', '2', '--dry-run'],
      0,
      /2 runs of 8 epochs, about .*paper: sect\. 4\.1.*missing +runs\/paper\/mnist-2d-icu-seed1.*^timing mnist-2d …$/ms,
    ],
    [['reproduce', 'fig3', '--dry-run'], 0, /it shows no runs/],
    [
      ['reproduce', 'table1', '--rows', 'imagenet', '--losses', 'ce', '--seeds', '1'],
      1,
      /Not run: its data are not here.*\| Softmax \| – \| –; 1 not run \| – \| 76\.50, top-5 92\.45 \| 77\.37.*imagenet was not run: .*ENOENT/s,
    ],
  ])('%j ends with %i', async (args, code, output) => {
    const ended = await intraclass(args);
    expect(ended.stdout + ended.stderr).toMatch(output);
    expect(ended.code).toBe(code);
    expect(ended.stderr).not.toMatch(/^ {4}at /m);
  });
});
