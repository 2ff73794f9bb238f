import { afterEach, describe, expect, it } from 'vitest';
import {
  flushingDenormals,
  getFlushDenormal,
  getNumThreads,
  scope,
  setFlushDenormal,
  setNumThreads,
  tensor,
  torch,
} from '../../lib/tensor/index.ts';

const threads = getNumThreads();
afterEach(() => {
  setFlushDenormal(false);
  setNumThreads(threads);
});

/** How many of 200,000 products 1e-20 · 1e-20, which are denormal, are not zero. */
const products = () =>
  scope(() => torch.full([200_000], 1e-20, { dtype: 'float32' }).mul(1e-20).ne(0).sum().item());

describe('setFlushDenormal', () => {
  it.each([1, 2])('makes denormal numbers zero and back, %i threads', (count) => {
    setNumThreads(count);
    expect(getFlushDenormal()).toBe(false);
    expect(products()).toBe(200_000);
    expect(setFlushDenormal(true)).toBe(true);
    expect(getFlushDenormal()).toBe(true);
    expect(products()).toBe(0);
    setFlushDenormal(false);
    expect(products()).toBe(200_000);
  });

  it('holds for threads that come later, and in the backward pass', () => {
    setNumThreads(1);
    setFlushDenormal(true);
    setNumThreads(2);
    expect(products()).toBe(0);
    scope(() => {
      const x = tensor([1, 1], { dtype: 'float32' });
      x.requiresGrad = true;
      x.mul(1e-20).mul(1e-20).sum().backward();
      expect([...(x.grad!.toTypedArray() as Float32Array)]).toEqual([0, 0]);
    });
  });

  it('leaves JavaScript its own numbers, also after an error', () => {
    setFlushDenormal(true);
    products();
    expect(() => torch.zeros([2]).add(torch.zeros([3]))).toThrow();
    expect(Number.MIN_VALUE / 1).toBe(5e-324);
    expect(Math.fround(1e-40)).toBeGreaterThan(0);
    expect(JSON.parse('1e-310') * 2).toBe(2e-310);
  });

  it('is as it was asked for once all work that sets it for itself has ended, in any order', async () => {
    const ends: (() => void)[] = [];
    const work = () => flushingDenormals(() => new Promise<void>((end) => ends.push(end)));
    const [first, second] = [work(), work()];
    ends[0]!();
    await first;
    expect(getFlushDenormal()).toBe(true);
    setFlushDenormal(false);
    expect(getFlushDenormal()).toBe(true);
    ends[1]!();
    await second;
    expect(getFlushDenormal()).toBe(false);
    setFlushDenormal(true);
    await expect(flushingDenormals(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(getFlushDenormal()).toBe(true);
  });

  it('says what is wrong with its argument', () => {
    expect(() => setFlushDenormal(1 as unknown as boolean)).toThrow(
      /setFlushDenormal: .*'flush'.*boolean.*number 1/,
    );
  });
});
