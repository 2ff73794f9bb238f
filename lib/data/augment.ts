import { type Generator, type Tensor, torch } from '../tensor/index.ts';

/**
 * How training varies images:
 *
 * - 'none': not at all; images in files are resized and cropped in the middle, as for a test
 * - 'crop-flip': 4 black pixels around, a crop of the old size anywhere in that, and every second image mirrored, as
 *   usual for CIFAR (He et al., 2016, section 4.2)
 * - 'resized-crop-flip', of images in files: a crop of 8 to 100 % of the area and 3:4 to 4:3, resized, and every second
 *   image mirrored, as usual for ImageNet (Szegedy et al., 2015, section 6)
 */
export const augmentations = ['none', 'crop-flip', 'resized-crop-flip'] as const;
export type Augmentation = (typeof augmentations)[number];

/** Black pixels on each side. */
const padding = 4;
/** Places for a crop along each side. */
const places = 2 * padding + 1;

/**
 * What 'crop-flip' does to `count` images, at random: (count) int64. A number n stands for the crop that begins at row
 * ⌊n / 9⌋ mod 9 and column n mod 9 of the padded image, mirrored where n ≥ 81.
 */
export const drawCrops = (count: number, generator: Generator): Tensor =>
  torch.randint(0, 2 * places * places, [count], { generator, dtype: 'int64' });

/**
 * The images cropped and mirrored as drawn, all at once: out[b, c, y, x] = padded[b, c, top_b + y, left_b + x], or
 * left_b + W − 1 − x where mirrored.
 *
 * @param pixels (B, C, H, W)
 * @param draws (B) from `drawCrops`, on the pixels' device
 */
export function cropFlip(pixels: Tensor, draws: Tensor): Tensor {
  const [count, channels, height, width] = pixels.shape as [number, number, number, number];
  const { device } = pixels;
  const range = (size: number) => torch.arange(size, { dtype: 'int64', device });
  const column = (values: Tensor) => values.reshape([count, 1]);
  const rows = column(draws.floorDivide(places).remainder(places)).add(range(height));
  const x = range(width);
  const mirrored = column(draws.ge(places * places));
  const columns = column(draws.remainder(places)).add(torch.where(mirrored, x.neg().add(width - 1), x));
  // Places in the padded image, row by row: the same in every channel.
  const padded = pixels.constantPadNd([padding, padding, padding, padding], 0);
  const flat = rows
    .mul(width + 2 * padding)
    .reshape([count, height, 1])
    .add(columns.reshape([count, 1, width]))
    .reshape([count, 1, height * width])
    .expand([count, channels, height * width]);
  return torch.gather(padded.reshape([count, channels, -1]), 2, flat).reshape(pixels.shape);
}
