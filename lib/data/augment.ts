import { type Generator, type Tensor, torch } from '../tensor/index.ts';

/**
 * How training varies images:
 *
 * - 'none': not at all; images in files are resized and cropped in the middle, as for a test
 * - 'crop', of images in memory: 2 black pixels around, and a crop of the old size anywhere in that, for digits and
 *   whatever else would be another thing in a mirror
 * - 'crop-flip', of images in memory: 4 black pixels around, a crop of the old size anywhere in that, and every second
 *   image mirrored, as usual for CIFAR (He et al., 2016, section 4.2)
 * - 'resized-crop-flip', of images in files: a crop of 8 to 100 % of the area and 3:4 to 4:3, resized, and every second
 *   image mirrored, as usual for ImageNet (Szegedy et al., 2015, section 6)
 */
export const augmentations = ['none', 'crop', 'crop-flip', 'resized-crop-flip'] as const;
export type Augmentation = (typeof augmentations)[number];

/** Crops of the size of an image, out of the image with black pixels around it. */
export interface Crops {
  /** Black pixels on each side */
  readonly padding: number;
  /** Whether every second image is mirrored */
  readonly flip: boolean;
}

/** The augmentations of images in memory that do something. */
export const crops = {
  crop: { padding: 2, flip: false },
  'crop-flip': { padding: 4, flip: true },
} as const satisfies Partial<Record<Augmentation, Crops>>;

/** Places for a crop along each side. */
const placesOf = ({ padding }: Crops): number => 2 * padding + 1;

/**
 * What is done to `count` images, at random: (count) int64. With p = 2 · padding + 1 places along each side a number n
 * stands for the crop that begins at row ⌊n / p⌋ mod p and column n mod p of the padded image, mirrored where n ≥ p².
 */
export const drawCrops = (kind: Crops, count: number, generator: Generator): Tensor =>
  torch.randint(0, (kind.flip ? 2 : 1) * placesOf(kind) ** 2, [count], { generator, dtype: 'int64' });

/**
 * The images cropped and mirrored as drawn, all at once: out[b, c, y, x] = padded[b, c, top_b + y, left_b + x], or
 * left_b + W − 1 − x where mirrored.
 *
 * @param pixels (B, C, H, W)
 * @param draws (B) from `drawCrops`, on the pixels' device
 */
export function cropImages(kind: Crops, pixels: Tensor, draws: Tensor): Tensor {
  const [count, channels, height, width] = pixels.shape as [number, number, number, number];
  const { device } = pixels;
  const { padding } = kind;
  const places = placesOf(kind);
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
