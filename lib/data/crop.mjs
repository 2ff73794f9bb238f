// @ts-check
/**
 * Where images of any size are cropped. Plain JavaScript, since the decoding threads load it as it is.
 *
 * @typedef {object} Region in pixels
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 */

const tries = 10;

/** How many random numbers from 0 to 1 an image takes: four a try, and one for mirroring. */
export const drawsPerImage = 4 * tries + 1;

const area = { least: 0.08, most: 1 };
const aspect = { least: 3 / 4, most: 4 / 3 };

/**
 * A random region: its share of the area between 8 and 100 % evenly, the ratio of its sides between 3:4 and 4:3 evenly
 * in the logarithm, anywhere in the image. The first of ten tries that fits, else the largest region in the middle
 * whose sides are within that ratio. (Torchvision's RandomResizedCrop, after Szegedy et al., 2015.)
 *
 * @param {number} width of the image
 * @param {number} height
 * @param {ArrayLike<number>} draws from 0 (included) to 1 (not), `drawsPerImage` of them
 * @returns {Region}
 */
export function randomRegion(width, height, draws) {
  const draw = (/** @type {number} */ i) => /** @type {number} */ (draws[i]);
  for (let i = 0; i < 4 * tries; i += 4) {
    const wanted = width * height * between(area.least, area.most, draw(i));
    const ratio = Math.exp(between(Math.log(aspect.least), Math.log(aspect.most), draw(i + 1)));
    const [w, h] = [Math.round(Math.sqrt(wanted * ratio)), Math.round(Math.sqrt(wanted / ratio))];
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const top = Math.floor(draw(i + 2) * (height - h + 1));
    const left = Math.floor(draw(i + 3) * (width - w + 1));
    return { left, top, width: w, height: h };
  }
  const ratio = Math.min(Math.max(width / height, aspect.least), aspect.most);
  const w = Math.min(width, Math.max(1, Math.round(height * ratio)));
  const h = Math.min(height, Math.max(1, Math.round(width / ratio)));
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

/**
 * Whether the image is mirrored, by the last of its draws.
 * @param {ArrayLike<number>} draws
 */
export const mirrored = (draws) => /** @type {number} */ (draws[4 * tries]) < 0.5;

/**
 * For a test: the image resized so that its shorter side has `shorter` pixels, and of that the square in the middle.
 *
 * @param {number} width of the image
 * @param {number} height
 * @param {number} shorter
 * @param {number} size of the square
 * @returns {{ width: number; height: number; crop: Region }} the size to resize to, and the crop in it
 */
export function middleRegion(width, height, shorter, size) {
  const [w, h] =
    width <= height
      ? [shorter, Math.trunc((shorter * height) / width)]
      : [Math.trunc((shorter * width) / height), shorter];
  return {
    width: w,
    height: h,
    crop: { left: half(w - size), top: half(h - size), width: size, height: size },
  };
}

/** Half of it, halves to the even neighbour, as Python rounds. @param {number} difference */
function half(difference) {
  const below = Math.floor(difference / 2);
  return difference % 2 === 0 ? below : below + (below % 2);
}

/** @param {number} least @param {number} most @param {number} share */
const between = (least, most, share) => least + (most - least) * share;
