import { describe, expect, it } from 'vitest';
import { accuracyPlot } from '../../lib/plot/index.ts';

const rows = [
  { name: 'Softmax', values: [0.98, 0.99, 0.985], published: 0.9872 },
  { name: 'L-GM', values: [], published: 0.99 },
  { name: 'ICU', values: [0.991] },
];
/** x of the marks with this many pixels of area, or of the vertical ends of the bars. */
const translated = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].map(([, x]) => Number(x));

describe('accuracyPlot', () => {
  it('puts two panels in a row, each with its note', async () => {
    const panel = (note?: string) => ({ title: 'p', note, rows: [{ name: 'ICU', values: [0.9] }] });
    const size = async (panels: ReturnType<typeof panel>[]) => {
      const svg = await accuracyPlot({ panels });
      return [
        svg,
        ...[...svg.matchAll(/ (?:width|height)="(\d+)"/g)].slice(0, 2).map(([, n]) => Number(n)),
      ] as const;
    };
    const [two, width, height] = await size([panel('2 of 8 epochs'), panel()]);
    expect(two).toContain('>2 of 8 epochs</text>');
    const [, same, more] = await size([panel('2 of 8 epochs'), panel(), panel()]);
    expect(same).toBe(width);
    expect(more).toBeGreaterThan(1.5 * height!);
  });

  it('draws means with bars, single seeds, and published figures as hollow marks', async () => {
    const svg = await accuracyPlot({
      panels: [
        { title: 'MNIST', rows },
        { title: 'CIFAR', rows },
      ],
      title: 'Table',
    });
    const texts = ['Table', 'MNIST', 'CIFAR', 'mean ± sd over seeds', 'one seed', 'published'];
    for (const text of texts) expect(svg).toContain(`>${text}</text>`);
    const count = (pattern: RegExp) => [...svg.matchAll(pattern)].length;
    for (const { name } of rows) expect(count(new RegExp(`>${name}</text>`, 'g'))).toBe(2);
    // In both panels, and once in the legend; the published ones without a fill.
    expect(count(/Z" stroke="#882255"/g)).toBe(2 * 2 + 1);
    expect(count(/fill="#44aa99"/g)).toBe(2 * 4 + 1);
    expect(count(/fill="#222222" stroke="#222222"/g)).toBe(2 * 2 + 1);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('puts the mean in the middle of its seeds, one standard deviation (n − 1) to both sides', async () => {
    const values = [0.97, 0.98, 0.99];
    const svg = await accuracyPlot({
      panels: [{ title: 'p', rows: [{ name: 'ICU', values }] }],
      width: 1000,
    });
    const seeds = translated(svg, /translate\(([\d.]+),[\d.]+\)" d="[^"]*" fill="#44aa99"/g).slice(0, 3);
    const [mean] = translated(svg, /translate\(([\d.]+),[\d.]+\)" d="[^"]*" fill="#222222"/g);
    expect(mean).toBeCloseTo(seeds[1]!, 6);
    // sd = 0.01, the distance of neighbours.
    const bar = /translate\(([\d.]+),[\d.]+\)" x2="(-?[\d.]+)" y2="0"[^>]*stroke="#222222"/.exec(svg)!;
    expect(Math.abs(Number(bar[2]))).toBeCloseTo(seeds[2]! - seeds[0]!, 3);
    expect(svg).not.toContain('>published</text>');
  });

  it('has no ticks where no accuracy is, beyond 0 and 100 percent', async () => {
    for (const values of [[1, 1], [0], [0.99, 1], [0.9, 1]]) {
      const svg = await accuracyPlot({ panels: [{ title: 'p', rows: [{ name: 'ICU', values }] }] });
      const ticks = [...svg.matchAll(/>(−?[\d.]+)<\/text>/g)].map(([, text]) =>
        Number(text!.replace('−', '-')),
      );
      expect(ticks.length).toBeGreaterThan(2);
      expect(Math.min(...ticks)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...ticks)).toBeLessThanOrEqual(100);
      expect(ticks).toContain(100 * values.at(-1)!);
    }
  });

  it('shows names in full, with room for them', async () => {
    const name = 'A loss with quite a long name, its options and all that was changed';
    const draw = async (name: string) => {
      const svg = await accuracyPlot({ panels: [{ title: 'p', rows: [{ name, values: [0.9] }] }] });
      return { svg, width: Number(/width="([\d.]+)"/.exec(svg)![1]) };
    };
    const [long, short] = [await draw(name), await draw('ICU')];
    expect(long.svg).toContain(`>${name}</text>`);
    expect(long.width - short.width).toBeGreaterThan(5 * (name.length - 3));
  });

  it('names what does not fit', async () => {
    const draw = (more: object[]) => accuracyPlot({ panels: [{ title: 'p', rows: more as typeof rows }] });
    await expect(accuracyPlot({ panels: [] })).rejects.toThrow(
      'accuracyPlot: panels: expected at least one, got none',
    );
    await expect(draw([])).rejects.toThrow("accuracyPlot: panel 'p': rows: expected at least one, got none");
    await expect(draw([{ name: 'a', values: [] }])).rejects.toThrow(/rows: expected an accuracy, got none/);
    await expect(draw([{ name: 'a', values: [98.7] }])).rejects.toThrow(
      "accuracyPlot: panel 'p': 'a': values[0]: expected a share from 0 to 1, got 98.7",
    );
    await expect(draw([{ name: 'a', values: [], published: 99 }])).rejects.toThrow(
      /'a': published: expected a share/,
    );
    await expect(draw([rows[0]!, rows[0]!])).rejects.toThrow(
      /rows: expected different names, got 'Softmax' twice/,
    );
  });
});
