/** Sums and counts of rows in types of 16 bits, which have few whole numbers. */
import { describe, expect, it } from 'vitest';
import { CenterLoss, FocalLoss, IcuAuthorsLoss, IcuLoss } from '../../lib/losses/index.ts';
import { countRows, crossEntropy, meanOfRows } from '../../lib/losses/rows.ts';
import { autocast, noGrad, scope, tensor, torch } from '../../lib/tensor/index.ts';

const zeros = (rows: number) => torch.zeros([rows], { dtype: 'int64' });
const ignored = (rows: number) => torch.full([rows], -100, { dtype: 'int64' });

describe.each(['bfloat16', 'float16'] as const)('rows in %s', (dtype) => {
  const half = (value: number, shape: number[]) => torch.full(shape, value, { dtype });

  it('are counted to the last', () => {
    for (const rows of [257, 301, 70_001]) {
      expect(meanOfRows(half(0.5, [rows]), zeros(rows)).item(), String(rows)).toBe(0.5);
      expect(countRows(zeros(rows), 2, half(0, [1])).toArray()).toEqual([rows, 0]);
    }
    const logits = half(0, [301, 2]);
    expect(autocast(() => crossEntropy(logits, zeros(301)), { dtype }).item()).toBeCloseTo(Math.log(2), 6);
  });

  it('give 0 where none takes part', () => {
    expect(meanOfRows(half(1, [6]), ignored(6)).item()).toBe(0);
    const focal = new FocalLoss(3, 4).to({ dtype });
    expect(focal.forward(half(1, [6, 4]), ignored(6)).total.item()).toBe(0);
  });

  it('move the centres of the center loss by their rule', () => {
    scope(() => {
      const loss = new CenterLoss(2, 2, { centerLr: 1 });
      noGrad(() => loss.centers.zero_());
      autocast(() => loss.forward(half(1, [3000, 2]), zeros(3000)), { dtype });
      // Σ (x − c) / (1 + n)
      expect(loss.centers.select(0, 0).toArray()).toEqual([
        expect.closeTo(3000 / 3001, 2),
        expect.closeTo(3000 / 3001, 2),
      ]);
    });
  });

  it("suit the bounds of the ICU authors' code, and a prior of the ICU loss", () => {
    const loss = new IcuAuthorsLoss(3, 4).to({ dtype });
    expect(Number.isFinite(loss.forward(half(0.5, [5, 4]), zeros(5)).total.item())).toBe(true);
    const prior = new IcuLoss(2, 4, { logPrior: tensor([-1, -0.5], { dtype }) });
    expect(prior.forward(torch.ones([5, 4]), zeros(5)).total.dtype).toBe('float32');
  });
});
