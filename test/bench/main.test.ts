import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../scripts/bench/main.mjs';
import { isAlive } from '../../scripts/setup/processes.mjs';
import { root } from '../../scripts/setup/steps.mjs';
import { useTemporaryFolder } from '../support/folder.ts';
import { writeCommand } from '../support/package-copy.ts';

let printed: string;
beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('the benchmark is the argument that belongs to no option', () => {
  // Nothing is measured: the number of threads is looked at when the benchmark has been found.
  const threads = ['--threads', 'many'];
  const refused = '--threads: expected a whole number from 1 to 1000000, got "many"';

  it.each([
    ['before them', ['ops', ...threads]],
    ['behind them', [...threads, 'ops']],
    ['behind those of its own', ['--shape', '1,2,3', '--json', 'loss', ...threads]],
  ])('%s', async (_, args) => {
    await expect(main(args)).rejects.toThrow(refused);
  });

  it('and there is one', async () => {
    await expect(main(['ops', '--json', 'step'])).rejects.toThrow('expected one benchmark, got ops, step');
    await expect(main(['--threads', '1', 'opps'])).rejects.toThrow('there is no benchmark "opps"');
    await expect(main(['--threads', '1'])).rejects.toThrow('expected a benchmark: ops, step');
  });

  it('which has its own options only', async () => {
    await expect(main(['--shape', '1,2,3', 'ops'])).rejects.toThrow("Unknown option '--shape'");
  });
});

it.each([['--help'], ['-h'], ['ops', '--help'], []])('prints its help for "%s"', async (...args) => {
  await main(args);
  expect(printed).toContain('npm run bench -- <benchmark> [options]');
});

describe('what was typed is wrong', () => {
  let folder: string;
  useTemporaryFolder((path) => {
    folder = path;
  });

  /** Runs a benchmark whose peer, in the place of Python, answers nothing for a minute. */
  function bench(args: string[], env: Record<string, string> = {}) {
    const log = join(folder, 'log');
    const script = `case "$1" in -c) echo;; *) echo $$ > ${join(folder, 'peer')}; exec sleep 60;; esac`;
    const python = writeCommand(join(folder, 'python'), log, script);
    const whole = { ...process.env, INTRACLASS_PYTHON: python, TMPDIR: folder, ...env };
    return spawnSync(process.execPath, [join(root, 'scripts', 'bench.mjs'), ...args], {
      encoding: 'utf8',
      env: whole,
      timeout: 30_000,
    });
  }

  it('which ends both sides where one of them finds it out', () => {
    const { status, stderr } = bench(['ops'], { LIBTORCH: '/nonsense' });
    expect(stderr).toMatch(
      /error: ours: LIBTORCH is \/nonsense, which is no LibTorch: .*\nType: unset LIBTORCH && npm run setup\n$/,
    );
    expect(status).toBe(1);
    // It may have been ended before it began.
    const peer = join(folder, 'peer');
    if (existsSync(peer)) expect(isAlive(Number(readFileSync(peer, 'utf8')))).toBe(false);
  });

  it.each([
    [['--shape', 'garbage'], '--shape: expected N,K,D, three whole numbers of at least 1, got "garbage"'],
    [['--state', 'warm'], '--state: expected initial or dense or trained, got "warm"'],
    [['--case', 'nothing'], 'loss: no case contains "nothing"'],
  ])('and the loss is not begun: %j', (args, message) => {
    const { status, stderr } = bench(['loss', ...args]);
    expect(stderr).toBe(`\nerror: ${message}\n`);
    expect(status).toBe(1);
  });

  it('and the loss says what it leaves out', () => {
    const { status, stderr } = bench(['loss', '--shape', '100000,100000,1000', '--state', 'dense']);
    expect(stderr).toContain(
      '(100000, 100000, 1000) isotropic, dense, GEMM: left out, it would take 298 GiB\n',
    );
    expect(stderr).toContain("error: loss: every case is left out: a tensor of PyTorch's may take 2 GiB.");
    expect(status).toBe(1);
  });
});
