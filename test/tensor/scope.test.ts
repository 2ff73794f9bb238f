import { constants, PerformanceObserver } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { cuda, memory, scope, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('scope', () => {
  it('frees what was made inside, but what it returns', () => {
    const before = memory.tensors;
    let inner: Tensor | undefined;
    const kept = scope(() => {
      inner = torch.ones([3]);
      return { list: [inner.add(1)], map: new Map([['x', inner.mul(3)]]), number: 1 };
    });
    expect(inner!.disposed).toBe(true);
    expect(kept.list[0]!.toArray()).toEqual([2, 2, 2]);
    expect(kept.map.get('x')!.toArray()).toEqual([3, 3, 3]);
    expect(memory.tensors).toBe(before + 2);
    kept.list[0]!.dispose();
    kept.map.get('x')!.dispose();
    expect(memory.tensors).toBe(before);
  });

  it('nests: a returned tensor belongs to the outer scope', () => {
    const before = memory.tensors;
    let escaped: Tensor | undefined;
    scope(() => {
      escaped = scope(() => torch.ones([1]).add(1));
      expect(escaped.disposed).toBe(false);
    });
    expect(escaped!.disposed).toBe(true);
    expect(memory.tensors).toBe(before);
  });

  it('leaves alone what existed before, or is kept', () => {
    const outside = tensor([1]);
    const kept = scope(() => {
      outside.add(1);
      const x = torch.ones([2]).keep();
      return () => x;
    })();
    expect(outside.disposed).toBe(false);
    expect(kept.sum().item()).toBe(2);
    kept.dispose();
  });

  it('frees everything when the function throws', () => {
    const before = memory.tensors;
    expect(() =>
      scope(() => {
        torch.ones([3]);
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(memory.tensors).toBe(before);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'a getter that throws',
      () => ({
        get x() {
          throw new Error('getter');
        },
      }),
      /getter/,
    ],
    [
      'a then that throws when read',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: what is tested.
        get then() {
          throw new Error('then');
        },
      }),
      /then/,
    ],
    [
      'a proxy that throws',
      () =>
        new Proxy(
          {},
          {
            has() {
              throw new Error('has');
            },
          },
        ),
      /has/,
    ],
    [
      'arrays nested too deep',
      () => {
        let nested: unknown[] = [];
        for (let i = 0; i < 50_000; i++) nested = [nested];
        return nested;
      },
      /call stack/,
    ],
  ])('frees everything when its result has %s', (_, result, message) => {
    const before = memory.tensors;
    expect(() =>
      scope(() => {
        torch.ones([3]);
        return result();
      }),
    ).toThrow(message);
    expect(memory.tensors).toBe(before);
  });

  it('frees everything when the then of its result throws', async () => {
    const before = memory.tensors;
    const failing = scope(() => {
      torch.ones([3]);
      return {
        // biome-ignore lint/suspicious/noThenProperty: what is tested.
        then() {
          throw new Error('at once');
        },
      };
    });
    await expect(failing).rejects.toThrow('at once');
    expect(memory.tensors).toBe(before);
  });

  it('holds across await, with other tasks running in between', async () => {
    const before = memory.tensors;
    const task = (value: number) =>
      scope(async () => {
        const a = torch.full([2], value);
        await tick();
        const b = a.add(1);
        await tick();
        expect([a.disposed, b.disposed]).toEqual([false, false]);
        return scope(() => b.mul(2));
      });
    const outside = (async () => {
      await tick();
      return tensor([9]);
    })();
    const results = await Promise.all([task(1), task(2), outside]);
    expect(results.map((result) => result.toArray())).toEqual([[4, 4], [6, 6], [9]]);
    expect(memory.tensors).toBe(before + 3);
    for (const result of results) result.dispose();
  });

  it('frees when an async function rejects', async () => {
    const before = memory.tensors;
    await expect(
      scope(async () => {
        torch.ones([3]);
        await tick();
        torch.ones([3]);
        throw new Error('later');
      }),
    ).rejects.toThrow('later');
    expect(memory.tensors).toBe(before);
  });

  it('forgets what was disposed or kept, however long it goes on', () => {
    const before = memory.tensors;
    scope(() => {
      const held = Array.from({ length: 3000 }, () => torch.zeros([1]));
      let most = 0;
      for (let i = 0; i < 20_000; i++) {
        const x = torch.zeros([1]);
        most = Math.max(most, x.owningScope!.tensors.length);
        if (i % 2 === 0) x.dispose();
        else x.keep().dispose();
      }
      expect(most).toBeLessThanOrEqual(6001);
      expect(held.every((x) => !x.disposed)).toBe(true);
    });
    expect(memory.tensors).toBe(before);
  });

  it('counts the bytes of a gradient once, however often it is read', () => {
    const weight = torch.ones([1_000_000]);
    weight.grad = torch.ones([1_000_000]);
    const before = memory.bytes;
    scope(() => {
      for (let i = 0; i < 10; i++) weight.grad;
      expect(memory.bytes - before).toBeLessThan(100_000);
    });
    weight.dispose();
  });

  const million = () => torch.ones([1_000_000]);
  const leaf = million().requiresGrad_();
  it.each<[string, () => void]>([
    ['a result that autograd saves', () => leaf.softmax(0)],
    ['what only autograd holds', () => scope(() => leaf.exp().sum())],
    ['what `out` grew to', () => torch.exp(leaf.detach(), { out: torch.empty([0]) })],
    ['what was resized', () => torch.empty([0]).resize_([1_000_000])],
    [
      'what was given to another tensor',
      () => {
        const data = million();
        torch.empty([0]).set_(data);
        data.dispose();
      },
    ],
    [
      'a view that outlives its base',
      () => {
        const base = million();
        base.view([1000, 1000]);
        base.dispose();
      },
    ],
    ['a sparse tensor', () => scope(() => million().toSparse())],
  ])('counts the bytes of %s until it is freed', (_, make) => {
    const before = memory.bytes;
    scope(() => {
      make();
      expect(memory.bytes - before).toBeGreaterThan(4_000_000);
    });
    expect(memory.bytes).toBe(before);
  });

  it('counts no bytes of a tensor without data', () => {
    const before = memory.bytes + memory.deviceBytes;
    scope(() => {
      torch.empty([1_000_000], { device: 'meta' });
      expect(memory.bytes + memory.deviceBytes - before).toBeLessThan(1000);
    });
  });

  it.skipIf(!cuda.isAvailable())(
    'counts the bytes of a storage on a GPU once, until its last tensor is freed',
    () => {
      const before = memory.bytes;
      const x = torch.empty([1_000_000], { device: 'cuda' });
      const view = x.view([1000, 1000]);
      expect(memory.deviceBytes).toBe(4_000_000);
      expect(memory.bytes - before).toBeLessThan(10_000);
      x.dispose();
      expect(memory.deviceBytes).toBe(4_000_000);
      view.dispose();
      expect(memory.deviceBytes).toBe(0);
    },
  );

  it('has nothing collected for tensors that it frees itself', async () => {
    const kinds: number[] = [];
    const observer = new PerformanceObserver((list) => {
      kinds.push(
        ...list.getEntries().map((entry) => (entry as unknown as { detail: { kind: number } }).detail.kind),
      );
    });
    observer.observe({ entryTypes: ['gc'] });
    for (let i = 0; i < 40; i++) {
      scope(() => {
        for (let j = 0; j < 32; j++) torch.empty([2_000_000]); // 8 MB each
      });
      await tick();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    observer.disconnect();
    const major = kinds.filter((kind) => kind === constants.NODE_PERFORMANCE_GC_MAJOR);
    expect(major.length).toBeLessThan(8);
  });

  it('stays flat over training-like steps', () => {
    const weight = tensor([[1, 2]], { requiresGrad: true });
    const step = () =>
      scope(() => {
        weight.grad = null;
        torch.ones([5, 2]).matmul(weight.t()).sum().backward();
      });
    step();
    const { tensors, bytes } = memory;
    for (let i = 0; i < 100; i++) step();
    expect([memory.tensors, memory.bytes]).toEqual([tensors, bytes]);
  });
});

describe('tensors outside any scope', () => {
  it('are bounded in a loop that never returns to the event loop', () => {
    const x = torch.ones([4]);
    const start = memory.tensors;
    let most = 0;
    for (let i = 0; i < 400_000; i++) {
      x.add(x);
      if (i % 10_000 === 0) most = Math.max(most, memory.tensors);
    }
    expect(most - start).toBeLessThan(350_000);
  });

  const ones = torch.ones([2 ** 18]);
  const leaf = torch.ones([2 ** 18]).requiresGrad_();
  it.each<[string, () => void]>([
    ['large ones', () => torch.zeros([2 ** 18])],
    ['what autograd saves', () => leaf.softmax(0)],
    ['graphs of a scope’s result', () => scope(() => leaf.exp().exp().sum())],
    ['what `out` grows to', () => torch.exp(ones, { out: torch.empty([0]) })],
    [
      'what is resized',
      () =>
        torch
          .empty([0])
          .resize_([2 ** 18])
          .fill_(1),
    ],
    [
      'views that outlive their base',
      () => {
        const base = torch.zeros([2 ** 18]);
        base.view([2 ** 9, 2 ** 9]);
        base.dispose();
      },
    ],
  ])('tell V8 of their memory, so that it is collected in time: %s', (_, make) => {
    memory.emptyCache();
    const before = process.memoryUsage.rss();
    let most = 0;
    for (let i = 0; i < 1500; i++) {
      make();
      if (i % 50 === 0) most = Math.max(most, process.memoryUsage.rss());
    }
    expect(most - before).toBeLessThan(1e9);
  });
});
