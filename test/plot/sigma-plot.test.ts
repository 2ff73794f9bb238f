import { describe, expect, it } from 'vitest';
import { sigmaPlot } from '../../lib/plot/index.ts';

const sizes = [
  { size: 5000, sigma: 0.5 },
  { size: 500, sigma: 0.4 },
  { size: 50, sigma: 0.6 },
];
/** x of each symbol, by its class's label. */
const places = (svg: string) =>
  [...svg.matchAll(/<path[^>]*transform="translate\(([\d.]+),([\d.]+)\)"[^>]*fill-opacity="0.85"/g)].map(
    ([, x, y]) => [Number(x), Number(y)] as const,
  );

describe('sigmaPlot', () => {
  it('draws each class with its number, on a logarithmic axis of sizes, and ρ in the legend', async () => {
    const svg = await sigmaPlot({
      series: [
        { name: 'seed 0', sizes, correlation: -0.5 },
        {
          name: 'seed 1',
          sizes: sizes.map(({ size, sigma }) => ({ size, sigma: 2 * sigma })),
          correlation: null,
        },
      ],
      title: 'classes',
    });
    for (const text of ['classes', 'seed 0: ρ = −0.50', 'seed 1', '0', '1', '2', '5,000', '50', 'σ']) {
      expect(svg).toContain(`>${text}</text>`);
    }
    const [a, b, c] = places(svg);
    expect(places(svg)).toHaveLength(6);
    // Tenfold is equally far everywhere; a larger σ is higher.
    expect(a![0] - b![0]).toBeCloseTo(b![0] - c![0], 1);
    expect(c![1]).toBeLessThan(a![1]);
    expect(a![1]).toBeLessThan(b![1]);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('draws classes that are all alike', async () => {
    const svg = await sigmaPlot({ series: [{ name: 'ICU', sizes: [sizes[0]!, sizes[0]!] }] });
    expect(svg).toContain('>ICU</text>');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it.each([
    ['all but the same', [4987, 5000, 5013]],
    ['within one percent', [4975, 5000, 5025]],
    ['from one to ten millions', [1, 1000, 1e7]],
    ['over many decades', [1, 1e15]],
    ['in three decades', [5, 5000]],
  ])('keeps the labels of sizes apart: %s', async (_, sizes) => {
    const svg = await sigmaPlot({
      series: [{ name: 'ICU', sizes: sizes.map((size) => ({ size, sigma: 0.5 })) }],
    });
    const labels = [
      ...svg.matchAll(
        /<text text-anchor="middle" transform="translate\(([\d.]+),[\d.]+\)"[^>]*>([\d,]+)<\/text>/g,
      ),
    ].map(([, x, text]) => ({ x: Number(x), width: 5.5 * text!.length }));
    expect(labels.length).toBeGreaterThan(1);
    labels.slice(1).forEach(({ x, width }, i) => {
      expect(x - labels[i]!.x).toBeGreaterThan((width + labels[i]!.width) / 2);
    });
  });

  it('names what does not fit', async () => {
    await expect(sigmaPlot({ series: [] })).rejects.toThrow(
      'sigmaPlot: series: expected at least one, got none',
    );
    await expect(sigmaPlot({ series: [{ name: 'a', sizes: [] }] })).rejects.toThrow(
      "sigmaPlot: series 'a': sizes: expected at least one class, got none",
    );
    await expect(
      sigmaPlot({ series: [{ name: 'a', sizes: [sizes[0]!, { size: 0, sigma: 1 }] }] }),
    ).rejects.toThrow("sigmaPlot: series 'a': sizes[1].size: expected a number above 0, got 0");
  });
});
