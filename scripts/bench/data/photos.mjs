// @ts-check
// A folder of JPEGs that are about as large as ImageNet's: 500×375 or upright, some 110 kB.
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PHOTOS = 128;
const CLASSES = 16;

/**
 * Makes <folder>/train and <folder>/val. Each class has the same pictures, as links: many files without much disk.
 * @param {string} folder
 * @returns {Promise<string>} what was made
 */
export async function makePhotos(folder) {
  const { default: sharp } = await import('sharp');
  let bytes = 0;
  for (let i = 0; i < PHOTOS; i++) {
    const [width, height] = i % 4 === 0 ? [375, 500] : [500, 375];
    /** Noise of this fineness over the whole picture. @param {number} cells @param {number} sigma */
    const noise = (cells, sigma) =>
      sharp({
        create: {
          width: cells,
          height: cells,
          channels: 3,
          background: 'grey',
          noise: { type: 'gaussian', mean: 128, sigma },
        },
      })
        .resize(width, height, { fit: 'fill', kernel: 'cubic' })
        .png({ compressionLevel: 0 })
        .toBuffer();
    // From large shapes to grain, as pictures have it.
    const layers = await Promise.all([noise(24, 60), noise(96, 45), noise(375, 30)]);
    const photo = await sharp(await noise(6, 70))
      .composite(layers.map((input) => ({ input, blend: 'overlay' })))
      .removeAlpha()
      .jpeg({ quality: 92 })
      .toBuffer();
    bytes += photo.length;
    for (let k = 0; k < CLASSES; k++) {
      const own = join(folder, 'train', `class-${k}`);
      mkdirSync(own, { recursive: true });
      const path = join(own, `${i}.jpg`);
      if (k === 0) writeFileSync(path, photo);
      else linkSync(join(folder, 'train', 'class-0', `${i}.jpg`), path);
      const test = join(folder, 'val', `class-${k}`);
      mkdirSync(test, { recursive: true });
      if (i < PHOTOS / 2) linkSync(path, join(test, `${i}.jpg`));
    }
  }
  return `${CLASSES} classes of the same ${PHOTOS} JPEGs of 500×375, ${Math.round(bytes / PHOTOS / 1000)} kB each`;
}
