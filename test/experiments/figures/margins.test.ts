import { describe, expect, it } from 'vitest';
import { marginFigure } from '../../../lib/experiments/index.ts';
import { IcuLoss } from '../../../lib/losses/index.ts';
import type { Path } from '../../../lib/plot/index.ts';
import { noGrad, tensor } from '../../../lib/tensor/index.ts';

interface Data {
  classes: Record<'A' | 'B', { mean: [number, number]; sigma: number }>;
  panels: {
    margins: { alpha: number; gamma: number };
    boundaries: Record<'plain' | 'ofA' | 'ofB', Path[]>;
  }[];
}

/** The loss itself in float64, with the figure's classes. */
function lossOf({ A, B }: Data['classes'], margins: { alpha: number; gamma: number }): IcuLoss {
  const loss = new IcuLoss(2, 2, { ...margins, reduction: 'none' }).to({ dtype: 'float64' });
  noGrad(() => {
    loss.means.copy_(tensor([A.mean, B.mean], { dtype: 'float64' }));
    loss.logVariances.copy_(
      tensor(
        [A, B].map(({ sigma }) => 2 * Math.log(sigma)),
        { dtype: 'float64' },
      ),
    );
  });
  return loss;
}

describe('marginFigure', () => {
  it('draws where the loss itself says that the boundaries are', async () => {
    const [figure] = await marginFigure();
    const { classes, panels } = figure!.data as Data;
    expect(panels.map(({ margins }) => [margins.alpha > 0, margins.gamma > 0])).toEqual([
      [true, false],
      [false, true],
    ]);
    for (const { margins, boundaries } of panels) {
      const loss = lossOf(classes, margins);
      for (const [name, paths] of Object.entries(boundaries)) {
        const points = tensor(paths.flat(), { dtype: 'float64' });
        const count = points.shape[0]!;
        expect(count).toBeGreaterThan(100);
        if (name === 'plain') {
          for (const [a, b] of loss.distances(points).toArray() as number[][]) expect(a).toBeCloseTo(b!, 9);
        } else {
          // Half the probability: −ln(1/2), margins included.
          const labels = tensor(new Array(count).fill(name === 'ofA' ? 0 : 1), { dtype: 'int64' });
          const each = loss.forward(points, labels).classification.toArray() as number[];
          for (const value of each) expect(value).toBeCloseTo(Math.LN2, 9);
        }
      }
    }
  });

  it('says that the margins are exaggerated, and how much', async () => {
    const [figure] = await marginFigure({ alpha: 0.5, gamma: 1 });
    const { svg, name } = figure!;
    expect(name).toBe('fig3');
    for (const text of [
      'α = 0.5',
      'γ = 1',
      '5,000 times the published 0.0001',
      '1,000 times the published 0.001',
    ]) {
      expect(svg).toContain(text);
    }
    for (const text of ['boundary without margins', 'boundary for images of A', 'boundary for images of B']) {
      expect(svg).toContain(`>${text}</text>`);
    }
  });

  it('names a margin that does not fit', async () => {
    await expect(marginFigure({ alpha: 0 })).rejects.toThrow(
      'marginFigure: alpha: expected a finite number above 0, got number 0',
    );
    await expect(marginFigure({ gamma: 'x' as unknown as number })).rejects.toThrow(
      /marginFigure: gamma: expected/,
    );
  });
});
