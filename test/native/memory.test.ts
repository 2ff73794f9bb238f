/** How much memory the loss takes beyond its inputs, each time in a process of its own. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runModule } from '../support/child.ts';

const MIB = 2 ** 20;

/** As the benchmark measures it. */
const measure = new URL('../../scripts/bench/loss-memory/ours.mjs', import.meta.url);

/** The highest resident memory of a loss and its backward pass, less what was there before. */
function peakOf([N, K, D]: readonly [number, number, number], options: object, threads: number): number {
  const { status, stdout, stderr } = runModule(`
    import { peakOf } from ${JSON.stringify(measure.href)};
    import { operator, setNumThreads, torch } from TENSOR;
    setNumThreads(${threads});
    const loss = operator('icu::loss');
    const step = (N, K, D) => {
      const leaf = (tensor) => Object.assign(tensor, { requiresGrad: true });
      const inputs = [torch.randn([N, D]), torch.randn([K, D]).mul_(1 / Math.sqrt(D)), torch.zeros([K])].map(leaf);
      const labels = torch.randint(0, K, [N], { dtype: 'int64' });
      return () => loss(inputs[0], labels, inputs[1], inputs[2], ${JSON.stringify(options)})[3].backward();
    };
    step(8, 10, 4)();
    const run = step(${N}, ${K}, ${D});
    console.log(peakOf(run));
  `);
  expect(status, stderr).toBe(0);
  return Number(stdout);
}

const gradients = ([N, K, D]: readonly [number, number, number]): number => 4 * (N * D + K * D + K);

describe.skipIf(!existsSync('/proc/self/clear_refs'))('peak memory', () => {
  const shape = [1024, 50_000, 256] as const;
  const stored = 4 * shape[0] * shape[1];
  const budget = Math.max(64 * MIB, (4 * shape[1] * shape[2]) / 4);

  it.each([
    ['store', stored, 250],
    ['recompute', 0, 90],
    ['auto', Math.min(stored, budget), 250],
  ] as const)('memory: %s', (memory, kept, most) => {
    const peak = peakOf(shape, { memory }, 2);
    expect(peak / MIB).toBeLessThan((gradients(shape) + kept) / MIB + 32);
    if (memory !== 'auto') expect(peak / MIB).toBeLessThan(most);
  });

  it('where there are many rows', () => {
    const many = [20_000, 500, 64] as const;
    const peak = peakOf(many, { memory: 'recompute' }, 2);
    // The features are there twice, as the products' two sides see them.
    expect(peak / MIB).toBeLessThan((gradients(many) + 2 * 4 * many[0] * many[2]) / MIB + 32);
  });
});
