import { describe, expect, it } from 'vitest';
import { type PlanePanel, planePlot } from '../../lib/plot/index.ts';

const panel: PlanePanel = {
  title: 'left',
  subtitle: ['first', 'second'],
  points: { features: [0, 0, 1, 1, 9, 9], labels: [0, 1, 1] },
  gaussians: [{ mean: [0.5, 0.5], sigma: 0.25, label: 'B' }],
  regions: [
    {
      class: 1,
      paths: [
        [
          [0, 0],
          [2, 0],
          [2, 1],
          [0, 0],
        ],
      ],
    },
    {
      paths: [
        [
          [0, 0],
          [0, 1],
          [1, 1],
          [0, 0],
        ],
      ],
    },
  ],
  lines: [
    {
      name: 'boundary',
      paths: [
        [
          [0, 1],
          [2, 0],
        ],
      ],
    },
  ],
};
const draw = (more: object = {}, options: object = {}) =>
  planePlot({
    panels: [{ ...panel, ...more }, { title: 'right' }],
    frame: { x: [0, 2], y: [0, 1] },
    classes: [{ name: 'wide' }, { name: 'narrow', look: 6 }],
    lines: [{ name: 'boundary', color: '#123456', dash: [5, 3] }],
    width: 400,
    ...options,
  });

describe('planePlot', () => {
  it('draws regions, points within the frame, contours and lines where they belong, all named', async () => {
    const svg = await draw({}, { title: 'both', greyRegions: 'between' });
    for (const text of ['both', 'left', 'right', 'wide', 'narrow', 'boundary', 'between', '1σ', 'B']) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg).toContain('<tspan>first</tspan>');
    // 200 pixels a unit, y upward.
    expect(svg).toMatch(/d="M0,0L400,200" stroke="#123456"[^>]*stroke-dasharray="5,3"/);
    expect(svg).toContain('translate(200,0)');
    expect(svg).toContain('M50.00,0C');
    expect(svg).toContain('M0,200L400,200L400,0L0,200');
    expect(svg).not.toContain('translate(1800');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it.each([
    [1e6, '1e+6'],
    [9e5, '800,000'],
  ])('keeps the labels of an axis from −%s apart', async (end, last) => {
    const svg = await draw({ points: undefined }, { frame: { x: [-end, end], y: [-end, end] } });
    const labels = [
      ...svg.matchAll(
        /<text text-anchor="middle" transform="translate\((-?[\d.]+),[\d.]+\)"([^>]*)>(−?[\d,e+]+)<\/text>/g,
      ),
    ]
      .filter(([, , look]) => !look!.includes('opacity="0"'))
      .map(([, x, , text]) => ({ x: Number(x), text: text!, width: 5.5 * text!.length }));
    const left = labels.slice(0, labels.length / 2);
    expect(left.at(-1)!.text).toBe(last);
    expect(left.length).toBeGreaterThan(2);
    left.slice(1).forEach(({ x, width }, i) => {
      expect(x - left[i]!.x).toBeGreaterThan((width + left[i]!.width) / 2);
    });
  });

  it('names what does not fit', async () => {
    await expect(draw({}, { panels: [] })).rejects.toThrow(
      'planePlot: panels: expected at least one, got none',
    );
    await expect(draw({}, { frame: { x: [0, 0], y: [0, 1] } })).rejects.toThrow(
      /frame: expected ranges from low to high/,
    );
    await expect(draw({ points: { features: [1], labels: [0] } })).rejects.toThrow(
      "planePlot: panel 'left': points.features: expected 2 numbers, two for each label, got 1",
    );
    await expect(draw({ points: { features: [1, 2], labels: [2] } })).rejects.toThrow(
      /points\.labels\[0\]: expected a class from 0 to 1, got 2/,
    );
    await expect(draw({ lines: [{ name: 'other', paths: [] }] })).rejects.toThrow(
      /lines: expected one of boundary, got other/,
    );
    await expect(draw({ regions: [{ class: 5, paths: [] }] })).rejects.toThrow(
      /regions\[0\]\.class: expected a class from 0 to 1, got 5/,
    );
  });
});
