import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeLock } from '../../lib/experiments/lock.ts';
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
    await takeLock(path());
    const parent = `${process.ppid} on ${hostname()}`;
    writeFileSync(path(), parent);
    expect(await takeLock(path())).toEqual({ heldBy: parent });
    writeFileSync(path(), '1 on another-machine');
    expect(await takeLock(path())).toEqual({ heldBy: '1 on another-machine' });
  });

  it('takes over what a process that is gone has left', async () => {
    await takeLock(path());
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(path(), `${pid} on ${hostname()}`);
    expect(await takeLock(path())).not.toHaveProperty('heldBy');
    writeFileSync(path(), '');
    expect(await takeLock(path())).not.toHaveProperty('heldBy');
  });
});
