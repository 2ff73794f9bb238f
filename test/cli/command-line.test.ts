import { describe, expect, it } from 'vitest';
import { commandLine } from '../../lib/cli/command-line.ts';
import { shellWord } from '../../lib/train/shell-word.ts';

describe('a command to copy', () => {
  it('has no places of the machine that it was typed on, however they were given, and nothing of its output', () => {
    const asked = ['reproduce', 'table1', '--rows=mnist-2d', '--seeds', '3'];
    const places = ['--out', 'a b', '--runs-dir=/x/y', '--data-dir=/z', '--quiet', '--json'];
    expect(commandLine([...asked, ...places])).toBe(`npx intraclass ${asked.join(' ')}`);
  });

  it('has what a shell would take apart in quotes', () => {
    expect(['runs/mnist-2d-icu-seed0', 'runs/ünï_1', 'a b', "it's", '$x', ''].map(shellWord)).toEqual([
      'runs/mnist-2d-icu-seed0',
      'runs/ünï_1',
      "'a b'",
      "'it'\\''s'",
      "'$x'",
      "''",
    ]);
  });
});
