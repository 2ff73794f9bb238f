import { chmodSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exclusively } from '../../scripts/setup/lock.mjs';
import { firstLine, hashOf, root, run, runMain, SetupError, step } from '../../scripts/setup/steps.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'build', 'test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('hashOf', () => {
  const hash = (values?: unknown) => hashOf([relative(root, folder), 'no/such/path'], values);

  it('changes with contents, names and values, and with nothing else', () => {
    writeFileSync(join(folder, 'a'), 'one');
    const first = hash();
    writeFileSync(join(folder, 'a'), 'one');
    expect(hash()).toBe(first);
    expect(hash(['-DX'])).not.toBe(first);
    writeFileSync(join(folder, 'a'), 'two');
    const second = hash();
    expect(second).not.toBe(first);
    // Of a file manager or an editor, on one machine and not on another.
    writeFileSync(join(folder, '.DS_Store'), 'where its window was');
    expect(hash()).toBe(second);
    writeFileSync(join(folder, 'b'), '');
    expect(hash()).not.toBe(second);
  });
});

describe('a step', () => {
  const done: string[] = [];
  let name: string;
  beforeEach(() => {
    done.length = 0;
    name = relative(join(root, 'build', '.stamps'), join(folder, 'stamp'));
  });
  const work = (what: string) => async () => void done.push(what);

  it('is done once for each hash, and again where its result is gone', async () => {
    await step(name, 'x', work('first'));
    await step(name, 'x', work('again'));
    await step(name, 'y', work('other'));
    await step(name, 'y', work('gone'), { there: false });
    expect(done).toEqual(['first', 'other', 'gone']);
  });

  it('that failed is up to date for no hash, that of its last success included', async () => {
    await step(name, 'x', work('first'));
    await expect(step(name, 'y', () => Promise.reject(new Error('half done')))).rejects.toThrow('half done');
    await step(name, 'x', work('anew'));
    expect(done).toEqual(['first', 'anew']);
  });
});

describe('run', () => {
  it('ends quietly with the command', async () => {
    await run(process.execPath, ['-e', '']);
  });

  it('says which command failed, how, and what to do', async () => {
    const failing = run(process.execPath, ['-e', 'process.exit(3)'], { hint: 'Type: something' });
    await expect(failing).rejects.toThrow('failed with exit code 3\nType: something');
    await expect(run('no-such-command', ['-x'])).rejects.toThrow('no-such-command -x\ncould not be started');
    const killed = run(process.execPath, ['-e', 'process.kill(process.pid, "SIGKILL")']);
    await expect(killed).rejects.toThrow('was ended by SIGKILL');
  });
});

describe('runMain', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    process.exitCode = undefined;
  });

  /** What it prints of what `main` throws. */
  async function printed(main: () => unknown) {
    let text = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((part) => {
      text += part;
      return true;
    });
    await runMain(async () => void (await main()));
    expect(process.exitCode).toBe(1);
    return text;
  }

  it('shows the message alone of what is no fault of ours', async () => {
    const none = join(folder, 'none');
    const noFile = `\nerror: ENOENT: no such file or directory, open '${none}'\n`;
    expect(await printed(() => readFileSync(none))).toBe(noFile);
    const noOption = "\nerror: Unknown option '--all'\nTo see the options, add --help\n";
    expect(await printed(() => parseArgs({ args: ['--all'], options: {} }))).toBe(noOption);
    expect(await printed(() => Promise.reject(new SetupError('Type: this')))).toBe('\nerror: Type: this\n');
  });

  it('leaves other errors their stack, and all where one looks for a fault', async () => {
    await expect(runMain(() => Promise.reject(new TypeError('of ours')))).rejects.toThrow('of ours');
    vi.stubEnv('INTRACLASS_DEBUG', '1');
    await expect(runMain(() => Promise.reject(new SetupError('Type: this')))).rejects.toThrow('Type: this');
  });
});

it('firstLine is null for a command that is missing or fails', () => {
  expect(firstLine(process.execPath, ['-p', '"a\\nb"'])).toBe('a');
  expect(firstLine('no-such-command', [])).toBeNull();
  expect(firstLine(process.execPath, ['-e', 'process.exit(1)'])).toBeNull();
});

it('exclusively lets one in at a time, past the lock of a process that is gone', async () => {
  const lock = join(folder, 'lock');
  writeFileSync(lock, '999999999');
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await setTimeout(20);
    return inside--;
  };
  expect(await Promise.all([exclusively(work, lock), exclusively(work, lock)])).toEqual([1, 1]);
  expect(most).toBe(1);
  await expect(exclusively(() => Promise.reject(new Error('from inside')), lock)).rejects.toThrow(
    'from inside',
  );
  expect(await exclusively(work, lock)).toBe(1);
});

describe('exclusively does not wait for', () => {
  it('one that died before it wrote its number', async () => {
    const lock = join(folder, 'lock');
    writeFileSync(lock, '');
    const before = Date.now() / 1000 - 11;
    utimesSync(lock, before, before);
    expect(await exclusively(async () => 'in', lock)).toBe('in');
  }, 5_000);

  it.runIf(process.platform === 'linux')(
    'another process that was given its number',
    async () => {
      const lock = join(folder, 'lock');
      writeFileSync(lock, `${process.pid} 1`);
      expect(await exclusively(async () => 'in', lock)).toBe('in');
    },
    5_000,
  );
});

it('exclusively says what to do where the folder cannot be written', async () => {
  chmodSync(folder, 0o555);
  // Nothing is forbidden to root, so this is asked as somebody else.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    const refused = expect(exclusively(async () => 'in', join(folder, 'deeper', 'lock'))).rejects;
    await refused.toThrow(/cannot be written \(EACCES\): .*set LIBTORCH to a folder/);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
