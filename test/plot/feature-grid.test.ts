import { describe, expect, it } from 'vitest';
import { featureGrid } from '../../lib/plot/index.ts';

/** `count` points of each of `classes`, `scale` apart. */
function panel(title: string, { scale = 1, classes = 3, count = 40 } = {}) {
  const labels = Array.from({ length: classes * count }, (_, i) => i % classes);
  const features = labels.flatMap((k, i) => [scale * (k + 0.1 * Math.sin(i)), scale * Math.cos(i)]);
  return { title, features, labels, accuracy: 0.9 };
}
const names = (count: number) => Array.from({ length: count }, (_, k) => `c${k}`);
const axisLabels = (svg: string) => [...svg.matchAll(/>(−?[\d.]+)<\/text>/g)].map(([, text]) => text!);

describe('featureGrid', () => {
  it('has a column of train and test for each network, each column with its own frame', async () => {
    const columns = [
      { title: 'Softmax', panels: [panel('train', { scale: 100 }), panel('test', { scale: 90 })] },
      {
        title: 'ICU',
        panels: ['train', 'test'].map((part) => ({ ...panel(part), sigmas: [0.2, 0.3, 0.4] })),
      },
    ];
    const svg = await featureGrid({ columns, classes: names(3), title: 'MNIST' });
    const count = (text: string) => svg.split(text).length - 1;
    expect(count('>Softmax</text>')).toBe(2);
    expect(count('>ICU</text>')).toBe(2);
    expect(count('>train · 90.00%</text>')).toBe(2);
    expect(count('>test · 90.00%</text>')).toBe(2);
    // The key of the contours stands once, where there are contours.
    expect(count('>1σ</text>')).toBe(1);
    // Only the first column's axes reach 100, both of them in both of its panels; only the second's have 0.5.
    const labels = axisLabels(svg);
    expect(labels.filter((text) => text === '100')).toHaveLength(4);
    expect(labels.filter((text) => text === '0.5')).toHaveLength(4);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('stays below 2 MB with six networks and ten classes', async () => {
    const one = panel('train', { classes: 10, count: 1000 });
    const columns = Array.from({ length: 6 }, (_, i) => ({ title: `loss ${i}`, panels: [one, one] }));
    const svg = await featureGrid({ columns, classes: names(10) });
    expect(svg.length).toBeGreaterThan(1e6);
    expect(svg.length).toBeLessThan(2e6);
  });

  it('names what does not fit', async () => {
    const draw = (columns: Parameters<typeof featureGrid>[0]['columns']) =>
      featureGrid({ columns, classes: names(3) });
    await expect(draw([])).rejects.toThrow(
      'featureGrid: columns: expected at least one with at least one panel, got none',
    );
    await expect(
      draw([
        { title: 'a', panels: [panel('train'), panel('test')] },
        { title: 'b', panels: [panel('train')] },
      ]),
    ).rejects.toThrow("featureGrid: column 'b': panels: expected 2 as in the first column, got 1");
    await expect(
      featureGrid({ columns: [{ title: 'a', panels: [panel('train')] }], classes: ['c', 'd', 'c'] }),
    ).rejects.toThrow("featureGrid: classes: expected different names, got 'c' twice");
    const nothing = { title: 'train', features: [Number.NaN, 0], labels: [0] };
    await expect(draw([{ title: 'a', panels: [nothing] }])).rejects.toThrow(
      "featureGrid: column 'a': expected finite features, got none",
    );
  });
});
