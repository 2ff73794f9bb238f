// @ts-check
/**
 * A decoding thread. It is sent jobs, one for each batch, and so are the others: whoever is free takes the next image
 * of the batch, decodes it into the batch's memory, and says when there are none left.
 */
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import sharp from 'sharp';
import { drawsPerImage, middleRegion, mirrored, randomRegion } from './crop.mjs';
import { imageSize } from './image-size.mjs';
import { resize } from './resize.mjs';

/**
 * @typedef {object} Job
 * @property {number} id
 * @property {readonly string[]} files
 * @property {number} size height and width of a decoded image
 * @property {number} shorter the shorter side before a crop in the middle
 * @property {Float32Array | null} draws (N, `drawsPerImage`) for random crops; null: the crop in the middle
 * @property {Int32Array<SharedArrayBuffer>} next of one element: the first image that nobody has taken
 * @property {Uint8Array<SharedArrayBuffer>} pixels (N, size, size, 3)
 *
 * @typedef {object} Answer
 * @property {number} id
 * @property {{ index: number; message: string }[]} failures images that this thread could not decode
 */

// One thread for each image; none is asked for twice.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Decodes an image of the job into its place.
 * @param {Job} job @param {number} index
 */
async function decode({ files, draws, size, shorter, pixels }, index) {
  const bytes = readFileSync(/** @type {string} */ (files[index]));
  // Pixels as they are stored: no turning by EXIF, no colour management, as PIL. What libjpeg only warns of is let pass.
  const image = sharp(bytes, { ignoreIcc: true, failOn: 'error' });
  const whole = imageSize(bytes) ?? (await image.metadata());
  // Resized by its shorter side, a very long image would be larger than memory.
  if (Math.max(whole.width, whole.height) > 100 * Math.min(whole.width, whole.height)) {
    throw new Error(`expected sides that differ at most 100 times, got ${whole.width}×${whole.height}`);
  }
  const place = pixels.subarray(3 * size * size * index, 3 * size * size * (index + 1));
  if (draws === null) {
    const { crop, ...resized } = middleRegion(whole.width, whole.height, shorter, size);
    copy(resize(await rgb(image, whole), whole, resized), resized.width, crop, place, false);
  } else {
    const own = draws.subarray(index * drawsPerImage, (index + 1) * drawsPerImage);
    const region = randomRegion(whole.width, whole.height, own);
    const square = { left: 0, top: 0, width: size, height: size };
    copy(
      resize(await rgb(image.extract(region), region), region, square),
      size,
      square,
      place,
      mirrored(own),
    );
  }
}

/** @param {import('sharp').Sharp} image @param {{ width: number; height: number }} of @returns {Promise<Uint8Array>} (height, width, 3) */
async function rgb(image, { width, height }) {
  const pixels = await image.removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer();
  if (pixels.length === 3 * width * height) return pixels;
  throw new Error(`expected ${width}×${height} pixels of 3 bytes, got ${pixels.length} bytes`);
}

/**
 * Copies a region of an image, row by row.
 * @param {Uint8Array} from (…, width, 3)
 * @param {number} width
 * @param {import('./crop.mjs').Region} region
 * @param {Uint8Array} to (region.height, region.width, 3)
 * @param {boolean} mirror
 */
function copy(from, width, region, to, mirror) {
  const row = 3 * region.width;
  for (let y = 0; y < region.height; y++) {
    const start = 3 * (width * (region.top + y) + region.left);
    if (!mirror) {
      to.set(from.subarray(start, start + row), y * row);
      continue;
    }
    for (let i = start, j = (y + 1) * row - 3; i < start + row; i += 3, j -= 3) {
      to[j] = /** @type {number} */ (from[i]);
      to[j + 1] = /** @type {number} */ (from[i + 1]);
      to[j + 2] = /** @type {number} */ (from[i + 2]);
    }
  }
}

/**
 * Two images at a time: sharp's own threads go on with one while the other is read, resized or handed over.
 * @param {Job} job @returns {Promise<Answer>}
 */
async function work(job) {
  /** @type {Answer['failures']} */
  const failures = [];
  const takeAll = async () => {
    for (;;) {
      const index = Atomics.add(job.next, 0, 1);
      if (index >= job.files.length) return;
      try {
        await decode(job, index);
      } catch (error) {
        failures.push({ index, message: error instanceof Error ? error.message : String(error) });
      }
    }
  };
  await Promise.all([takeAll(), takeAll()]);
  return { id: job.id, failures };
}

let before = Promise.resolve();
parentPort?.on('message', (/** @type {Job} */ job) => {
  before = before.then(async () => parentPort?.postMessage(await work(job)));
});
