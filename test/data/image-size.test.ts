import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageSize } from '../../lib/data/image-size.mjs';

const image = () => sharp({ create: { width: 300, height: 70, channels: 3, background: 'teal' } });

describe('imageSize', () => {
  it.each<[string, (plain: Sharp) => Sharp]>([
    ['JPEG', (plain) => plain.jpeg()],
    ['progressive JPEG', (plain) => plain.jpeg({ progressive: true })],
    [
      'JPEG with a profile and notes',
      (plain) => plain.withExif({ IFD0: { Copyright: 'x'.repeat(500) } }).jpeg(),
    ],
    ['JPEG that says it is turned', (plain) => plain.withMetadata({ orientation: 6 }).jpeg()],
    ['grey JPEG', (plain) => plain.greyscale().jpeg()],
    ['PNG', (plain) => plain.png()],
    ['PNG with a palette', (plain) => plain.png({ palette: true })],
  ])('reads the header of a %s', async (_, convert) => {
    const bytes = await convert(image()).toBuffer();
    expect(imageSize(bytes)).toEqual({ width: 300, height: 70 });
    // Also where it is a part of a larger buffer.
    const within = Buffer.concat([Buffer.alloc(5, 1), bytes]).subarray(5);
    expect(imageSize(within)).toEqual({ width: 300, height: 70 });
  });

  it('knows nothing of other files, or of headers that are cut off', async () => {
    const jpeg = await image().jpeg().toBuffer();
    const png = await image().png().toBuffer();
    const others = [new Uint8Array(0), Buffer.from('text'), await image().webp().toBuffer()];
    for (const bytes of [
      ...others,
      jpeg.subarray(0, 30),
      png.subarray(0, 20),
      Buffer.from([0xff, 0xd8, 0, 0, 0, 0]),
    ]) {
      expect(imageSize(bytes)).toBeNull();
    }
  });
});
