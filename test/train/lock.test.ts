import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Lock, takeLock } from '../../lib/train/lock.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});
const path = () => join(folder, 'run', 'lock');

describe('takeLock', () => {
  it('makes a file and takes it away', async () => {
    const lock = await takeLock(path());
    expect(existsSync(path())).toBe(true);
    if ('heldBy' in lock) throw new Error('expected a lock');
    await lock.release();
    expect(existsSync(path())).toBe(false);
  });

  it('says who has it: a process at work, or another machine', async () => {
    mkdirSync(dirname(path()), { recursive: true });
    const parent = `${process.ppid} on ${hostname()}`;
    writeFileSync(path(), parent);
    expect(await takeLock(path())).toEqual({ heldBy: parent });
    writeFileSync(path(), '1 on another-machine');
    expect(await takeLock(path())).toEqual({ heldBy: '1 on another-machine' });
  });

  it('takes over what a process that is gone has left', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    // Its own number too: that of a process of an earlier time.
    for (const left of [`${pid} on ${hostname()}`, `${process.pid} on ${hostname()}`, '']) {
      mkdirSync(dirname(path()), { recursive: true });
      writeFileSync(path(), left);
      // Of several that find it one gets it.
      const takes = await Promise.all([takeLock(path()), takeLock(path()), takeLock(path())]);
      const locks = takes.filter((take) => !('heldBy' in take)) as Lock[];
      expect(locks).toHaveLength(1);
      expect(readdirSync(dirname(path()))).toEqual(['lock']);
      await locks[0]!.release();
    }
  });

  it('is taken once in a process', async () => {
    const lock = await takeLock(path());
    expect(await takeLock(path())).toEqual({ heldBy: `${process.pid} on ${hostname()}` });
    await (lock as Lock).release();
    expect(await takeLock(path())).not.toHaveProperty('heldBy');
  });

  it('is not taken from who took it over first', async () => {
    // Another process holds the right to clear it away: it is about to take the lock.
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(path(), '');
    writeFileSync(`${path()}.old`, '');
    expect(await takeLock(path())).toEqual({ heldBy: 'another process' });
    expect(existsSync(path())).toBe(true);
  });
});
