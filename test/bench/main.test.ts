import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../scripts/bench/main.mjs';

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
  const refused = '--threads: expected a whole number of at least 1, got "many"';

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
