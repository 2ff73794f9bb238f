import { describe, expect, it } from 'vitest';
import { frameOf, panelData } from '../../lib/plot/feature-data.ts';
import { curvesPlot, featurePlot, svgToPng } from '../../lib/plot/index.ts';
import { renderSvg } from '../../lib/plot/render.ts';
import { palette } from '../../lib/plot/style.ts';

/** `count` points of each of `classes` clusters around (10 k, k). */
function clusters(classes: number, count: number) {
  const features: number[] = [];
  const labels: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < classes; k++) {
      features.push(10 * k + Math.sin(7 * i), k + Math.cos(7 * i));
      labels.push(k);
    }
  }
  return { title: 'train', features, labels };
}
const names = (count: number) => Array.from({ length: count }, (_, k) => `c${k}`);
/** The labels of axes and legends, and titles. */
const textsOf = (svg: string) => [...svg.matchAll(/>([^<>]+)<\/text>/g)].map(([, text]) => text!);
const sizeOfPng = (png: Uint8Array) => {
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
};

describe('featurePlot', () => {
  it('draws points in the colours of their classes, means, and contours of one and two σ', async () => {
    const panel = { ...clusters(3, 40), sigmas: [1, 2, 0.5], means: [0, 0, 10, 1, 20, 2], accuracy: 0.9876 };
    const svg = await featurePlot({
      panels: [panel, { ...panel, title: 'test' }],
      classes: names(3),
      title: 'T & U',
    });
    expect(svg).toMatch(/^<svg /);
    for (const text of ['T &amp; U', 'train · 98.76%', 'test · 98.76%', 'c0', 'c2', '1σ', '2σ']) {
      expect(svg).toContain(text);
    }
    for (const color of palette.slice(0, 3)) expect(svg.split(color).length).toBeGreaterThan(80);
    expect(svg).not.toContain(palette[3]);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('gives both axes the same scale: an isotropic class is a circle, in proportion to σ', async () => {
    const one = { ...clusters(2, 40), sigmas: [1, 3] };
    const svg = await featurePlot({ panels: [one], classes: names(2) });
    // The contours' paths begin at their rightmost point: M<radius>,0.
    const radii = [...svg.matchAll(/d="M([\d.]+),0C[\d.]+,[\d.]+,[\d.]+,([\d.]+),0,([\d.]+)C/g)].map(
      (found) => found.slice(1).map(Number),
    );
    expect(radii).toHaveLength(8); // each once in white below, once in ink
    for (const [rx, inner, ry] of radii) {
      expect(ry).toBe(rx);
      expect(inner).toBe(ry);
    }
    const [small, large] = [Math.min(...radii.map(([r]) => r!)), Math.max(...radii.map(([r]) => r!))];
    expect(large / small).toBeCloseTo(6, 1);
  });

  it('is the same picture twice', async () => {
    const options = { panels: [clusters(2, 600)], classes: names(2) };
    const [first, second] = [await featurePlot(options), await featurePlot(options)];
    // Compared outside expect, which would print both.
    expect(first === second).toBe(true);
  });

  it('has each of a hundred classes in its legend', async () => {
    const panel = { ...clusters(2, 3), means: new Array(200).fill(Number.NaN) };
    const texts = textsOf(await featurePlot({ panels: [panel], classes: names(100) }));
    expect(texts.filter((text) => /^c\d+$/.test(text)).sort()).toEqual(names(100).sort());
    expect(texts.join()).not.toContain('entries');
  });

  it('writes large and small coordinates with exponents', async () => {
    for (const [scale, label] of [
      [1e6, '1e+7'],
      [1e-8, '1e-7'],
    ] as const) {
      const panel = clusters(2, 3);
      const features = panel.features.map((x) => scale * x);
      expect(textsOf(await featurePlot({ panels: [{ ...panel, features }], classes: names(2) }))).toContain(
        label,
      );
    }
  });

  it('names the panel and the array that does not fit', async () => {
    const panel = clusters(2, 3);
    const draw = (more: object) => featurePlot({ panels: [{ ...panel, ...more }], classes: names(2) });
    await expect(draw({ features: [1, 2] })).rejects.toThrow(
      "featurePlot: panel 'train': features: expected 12 numbers, two for each of 6 labels, got 2",
    );
    await expect(draw({ means: [1] })).rejects.toThrow(/means: expected 4 numbers/);
    await expect(draw({ sigmas: [1, 2, 3] })).rejects.toThrow(/sigmas: expected 2 or 4 numbers, got 3/);
    for (const sigma of [Infinity, Number.NaN, -1]) {
      await expect(draw({ sigmas: [1, sigma] })).rejects.toThrow(
        `featurePlot: panel 'train': sigmas[1]: expected a finite number of at least 0, got ${sigma}`,
      );
    }
    await expect(featurePlot({ panels: [panel], classes: ['c0', 'c0'] })).rejects.toThrow(
      "featurePlot: classes: expected different names, got 'c0' twice",
    );
    await expect(draw({ labels: [0, 1, 0, 1, 0, 2] })).rejects.toThrow(
      /labels\[5\]: expected a class from 0 to 1, got 2/,
    );
    await expect(featurePlot({ panels: [], classes: [] })).rejects.toThrow(/expected at least one, got none/);
    await expect(draw({ features: new Array(12).fill(Number.NaN) })).rejects.toThrow(
      /expected finite features/,
    );
  });
});

describe('the data of a feature plot', () => {
  it('thins each class out evenly, mixes the classes, and leaves out what is not finite', () => {
    const panel = clusters(2, 100);
    panel.features[0] = Number.NaN;
    panel.features[5] = Infinity;
    const { points } = panelData('featurePlot', panel, 2, 25);
    expect(points).toHaveLength(50);
    expect(points.slice(0, 4).map(({ k }) => k)).toEqual([0, 1, 0, 1]);
    expect(panelData('featurePlot', panel, 2, 1000).points).toHaveLength(198);
  });

  it("takes a class's mean where none is given, and no class without points", () => {
    const { clusters: found } = panelData(
      'featurePlot',
      { title: '', features: [1, 2, 3, 6], labels: [1, 1] },
      3,
      10,
    );
    expect(found).toEqual([{ k: 1, x: 2, y: 4, sx: 0, sy: 0 }]);
  });

  it('is framed by a square that a few strays do not widen', () => {
    const features = Array.from({ length: 4000 }, (_, i) => Math.sin(i));
    features[0] = 1e6;
    const panel = { title: '', features, labels: new Array(2000).fill(0), means: [0, 0] };
    const frame = frameOf([panelData('featurePlot', panel, 1, 1e6)]);
    expect(frame.x[1]).toBeLessThan(2);
    expect(frame.x[1] - frame.x[0]).toBeCloseTo(frame.y[1] - frame.y[0], 12);
  });
});

describe('curvesPlot', () => {
  it('draws curves with gaps, on linear and logarithmic axes', async () => {
    const svg = await curvesPlot({
      title: 'run\nof two lines',
      panels: [
        { title: 'loss', curves: [{ name: 'train', values: [1, null, 0.1, 0] }], log: true },
        {
          title: 'accuracy',
          curves: [{ name: 'held-out', values: [0.5, 0.9, Number.NaN, 1] }],
          percent: true,
        },
      ],
    });
    for (const text of ['>run<', '>of two lines<', 'loss', 'accuracy', 'train', 'held-out'])
      expect(svg).toContain(text);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('labels an axis with as many digits as tell its ticks apart', async () => {
    const labels = async (values: number[], axis: { percent?: boolean; log?: boolean }) => {
      const panel = { title: 'p', curves: [{ name: 'c', values }], ...axis };
      return textsOf(await curvesPlot({ panels: [panel] })).filter(
        (text) => text.endsWith('%') || !axis.percent,
      );
    };
    const percent = { percent: true };
    expect(await labels([0.9894, 0.99, 0.9911], percent)).toEqual(['98.95%', '99.00%', '99.05%', '99.10%']);
    expect(await labels([0.5, 0.7, 1], percent)).toContain('60.0%');
    expect(await labels([Number.NaN, Number.NaN], percent)).toContain('20.0%');
    expect(await labels([0.98765, 0.98765], percent)).toEqual(['98.77%']);
    expect(await labels([0.9, 0.0001], { percent: true, log: true })).toContain('0.01%');
    expect(await labels([1e-7, 1e-7], {})).toContain('1e-7');
    expect(await labels([0.5, 0.5], {})).toContain('0.5');
    expect(await labels([-2e6, 2e6], {})).toEqual(expect.arrayContaining(['−2e+6', '0', '2e+6']));
  });

  it('draws a single epoch as dots of different shapes, also in the legend', async () => {
    const curves = ['mean', 'least', 'greatest'].map((name, i) => ({ name, values: [i] }));
    const svg = await curvesPlot({ panels: [{ title: 'σ', curves }] });
    for (const i of [0, 2, 4]) {
      const [dot, entry, ...more] = [...svg.matchAll(new RegExp(`d="([^"]*)" fill="${palette[i]}"`, 'g'))];
      expect(dot![1]).toBe(entry![1]);
      expect(more).toEqual([]);
    }
    expect(
      new Set([...svg.matchAll(/ d="([^"]*)" fill="#(?:332288|117733|882255)"/g)].map(([, d]) => d)).size,
    ).toBe(3);
  });

  it('names what does not fit', async () => {
    await expect(curvesPlot({ panels: [] })).rejects.toThrow(/expected a panel with a curve/);
    const panels = [{ title: 'p', curves: [{ name: 'c', values: [1, 2] }] }];
    await expect(curvesPlot({ panels, epochs: [1] })).rejects.toThrow(
      "curvesPlot: panel 'p': curve 'c': expected 1 values, one for each epoch, got 2",
    );
    const draw = (...curves: { name: string; values: number[] }[]) =>
      curvesPlot({ panels: [{ title: 'p', curves }] });
    const empty = draw({ name: 'c', values: [] });
    await expect(empty).rejects.toThrow(RangeError);
    await expect(empty).rejects.toThrow(
      "curvesPlot: panel 'p': curve 'c': expected at least one value, got none",
    );
    await expect(draw({ name: 'c', values: [1, 2] }, { name: 'c', values: [3, 4] })).rejects.toThrow(
      "curvesPlot: panel 'p': curves: expected different names, got 'c' twice",
    );
  });
});

describe('renderSvg', () => {
  it('throws what goes wrong while drawing, instead of returning a part of the picture', async () => {
    const transform = [{ type: 'formula' as const, as: 'z', expr: 'datum.x.y.z' }];
    const spec = { data: [{ name: 'rows', values: [{ x: null }], transform }] };
    await expect(renderSvg(spec)).rejects.toThrow(TypeError);
  });
});

describe('svgToPng', () => {
  it('draws with its own font, at the width asked for', async () => {
    const svg = (text: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><text x="10" y="30" font-family="Arimo, sans-serif">${text}</text></svg>`;
    const png = svgToPng(svg('words'), { width: 300 });
    expect(sizeOfPng(png)).toEqual([300, 150]);
    // Text leaves ink: without a font both pictures would be the same empty one.
    expect(Buffer.compare(png, svgToPng(svg(''), { width: 300 }))).not.toBe(0);
  });

  it('names what is wrong', () => {
    expect(() => svgToPng('<svg')).toThrow(/expected an SVG document/);
    expect(() => svgToPng('<svg/>', { width: 0 })).toThrow(
      'svgToPng: width: expected an integer of at least 1, got 0',
    );
    // Any of these would end the process.
    const svg = (width: number, height: number) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"/>`;
    for (const width of [40_000, 1e7, 3e9, 2 ** 32]) {
      expect(() => svgToPng(svg(10, 10), { width })).toThrow(RangeError);
    }
    expect(() => svgToPng(svg(1, 1e9), { width: 100 })).toThrow(
      'expected one that makes a picture of at most 32768 pixels a side and 2²⁸ in all, got 100, for which the picture is ' +
        '100 × 100000000000',
    );
  });
});
