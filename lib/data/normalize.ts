import { scope, type Tensor, tensor } from '../tensor/index.ts';
import type { LabelledImages } from './dataset.ts';

/**
 * Turns pixels into what a network sees: y = (x / 255 − mean) / std in float32, computed as scale·x + offset with
 *
 *     scale = 1 / (255·std),   offset = −mean / std
 */
export class Normalization {
  readonly #scale: Tensor;
  readonly #offset: Tensor;

  /**
   * @param width images (…, W, C), channels last, come as rows of W·C values; without it as (…, C, H, W)
   */
  constructor({ mean, std }: Pick<LabelledImages, 'mean' | 'std'>, device: string, width?: number) {
    const [means, stds] = [mean, std].map((value) => (typeof value === 'number' ? [value] : value));
    // One number for all channels spreads over those that there are: with a width, red, green and blue.
    const channels = width === undefined ? Math.max(means!.length, stds!.length) : 3;
    const spread = (of: (mean: number, std: number) => number): Tensor => {
      const values = Array.from({ length: channels }, (_, c) =>
        of(means![c % means!.length]!, stds![c % stds!.length]!),
      );
      return width === undefined
        ? tensor(values, { shape: [channels, 1, 1], device })
        : tensor(Array.from({ length: width }, () => values).flat(), { device });
    };
    [this.#scale, this.#offset] = scope(() => [
      spread((_, deviation) => 1 / (255 * deviation)).keep(),
      spread((average, deviation) => -average / deviation).keep(),
    ]) as [Tensor, Tensor];
  }

  /** uint8 → float32, of the same shape */
  apply(pixels: Tensor): Tensor {
    return pixels.to({ dtype: 'float32' }).mul_(this.#scale).add_(this.#offset);
  }

  dispose(): void {
    this.#scale.dispose();
    this.#offset.dispose();
  }
}
