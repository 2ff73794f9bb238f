import { describe, expect, it } from 'vitest';
import { drawsPerImage, middleRegion, mirrored, randomRegion } from '../../lib/data/crop.mjs';
import { Generator, torch } from '../../lib/tensor/index.ts';
import { hasTorch, runPython } from '../support/python.ts';

const draws = (count: number, seed: number): number[][] =>
  torch.rand([count, drawsPerImage], { generator: new Generator(seed) }).toArray() as number[][];

describe('randomRegion', () => {
  const [width, height] = [500, 375];
  const regions = draws(4000, 1).map((own) => randomRegion(width, height, own));

  it('lies in the image', () => {
    for (const { left, top, width: w, height: h } of regions) {
      for (const value of [left, top, w, h]) expect(Number.isInteger(value)).toBe(true);
      expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
      expect(Math.min(w, h)).toBeGreaterThanOrEqual(1);
      expect(left + w).toBeLessThanOrEqual(width);
      expect(top + h).toBeLessThanOrEqual(height);
    }
  });

  it('has 8 to 100 % of the area, and sides of 3:4 to 4:3', () => {
    const shares = regions.map((region) => (region.width * region.height) / (width * height));
    const ratios = regions.map((region) => region.width / region.height);
    // Rounded to whole pixels.
    expect(Math.min(...shares)).toBeGreaterThan(0.078);
    expect(Math.min(...shares)).toBeLessThan(0.1);
    expect(Math.max(...shares)).toBeGreaterThan(0.9);
    expect(Math.min(...ratios)).toBeGreaterThan(0.745);
    expect(Math.max(...ratios)).toBeLessThan(1.345);
    const logarithms = ratios.map(Math.log);
    const mean = logarithms.reduce((a, b) => a + b) / logarithms.length;
    // Large regions fit where they are as wide as the image is; that and nothing else makes the mean differ from 0.
    expect(Math.abs(mean)).toBeLessThan(0.05);
  });

  it('takes the largest region within that ratio where none of ten tries fits', () => {
    // Of an image 100 times as wide as high no region of 8 % has such sides.
    const own = new Array<number>(drawsPerImage).fill(0.5);
    expect(randomRegion(1000, 10, own)).toEqual({ left: 493, top: 0, width: 13, height: 10 });
    expect(randomRegion(10, 1000, own)).toEqual({ left: 0, top: 493, width: 10, height: 13 });
    expect(randomRegion(1, 1, own)).toEqual({ left: 0, top: 0, width: 1, height: 1 });
  });

  it('mirrors every second image', () => {
    const share = draws(4000, 2).filter(mirrored).length / 4000;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.04);
  });

  it.skipIf(!hasTorch)('is what the published formula gives for the same draws', () => {
    const sizes = [
      [500, 375],
      [375, 500],
      [64, 640],
      [33, 32],
    ] as const;
    const given = draws(200, 3);
    const expected = runPython<number[][]>(
      `
import math
result = []
for width, height in given["sizes"]:
    for d in given["draws"]:
        found = None
        for t in range(10):
            u, v, a, b = d[4 * t : 4 * t + 4]
            area = width * height * (0.08 + 0.92 * u)
            low, high = math.log(3 / 4), math.log(4 / 3)
            aspect = math.exp(low + (high - low) * v)
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                found = [int(b * (width - w + 1)), int(a * (height - h + 1)), w, h]
                break
        if found is None:
            ratio = width / height
            w, h = width, height
            if ratio < 3 / 4:
                h = round(width / (3 / 4))
            elif ratio > 4 / 3:
                w = round(height * (4 / 3))
            found = [(width - w) // 2, (height - h) // 2, w, h]
        result.append(found)`,
      { sizes, draws: given },
    );
    const ours = sizes.flatMap(([width, height]) =>
      given.map((own) => {
        const { left, top, width: w, height: h } = randomRegion(width, height, own);
        return [left, top, w, h];
      }),
    );
    expect(ours).toEqual(expected);
  });
});

describe('middleRegion', () => {
  it.each([
    [500, 375, { width: 341, height: 256, crop: { left: 58, top: 16, width: 224, height: 224 } }],
    [375, 500, { width: 256, height: 341, crop: { left: 16, top: 58, width: 224, height: 224 } }],
    [256, 256, { width: 256, height: 256, crop: { left: 16, top: 16, width: 224, height: 224 } }],
    // (343 − 224) / 2 = 59.5, to the even neighbour 60
    [343, 256, { width: 343, height: 256, crop: { left: 60, top: 16, width: 224, height: 224 } }],
  ])('of %i × %i', (width, height, expected) => {
    expect(middleRegion(width, height, 256, 224)).toEqual(expected);
  });
});
