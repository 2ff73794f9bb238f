import { describe, expect, it } from 'vitest';
import { InterruptedError, interruptible } from '../../lib/train/index.ts';

describe('interruptible', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('aborts its signal on %s, and lets work end by itself', async (name, exitCode) => {
    const before = process.listenerCount(name);
    const told: string[] = [];
    const result = await interruptible(
      async (signal) => {
        expect(signal.aborted).toBe(false);
        process.listeners(name).at(-1)!(name);
        expect(signal.reason).toBeInstanceOf(InterruptedError);
        expect(signal.reason).toMatchObject({ exitCode, message: `interrupted by ${name}` });
        return 'done';
      },
      () => told.push(name),
    );
    expect(result).toBe('done');
    expect(told).toEqual([name]);
    expect(process.listenerCount(name)).toBe(before);
  });

  it('takes its handlers away when work throws', async () => {
    const before = process.listenerCount('SIGINT');
    await expect(interruptible(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
