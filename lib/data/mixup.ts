import { checkOptions } from '../tensor/check.ts';
import { describeValue, Generator, operator, scope, type Tensor, tensor, torch } from '../tensor/index.ts';
import type { Batch } from './loader.ts';
import { mixedSeed } from './random.ts';

export interface MixupOptions {
  /** α > 0 of Beta(α, α). Small: mostly one of the two images; 1: any share alike. Default 1. */
  alpha?: number;
  /** An integer of at least 0. Default 0. */
  seed?: number;
}

/** Mixed images, with the labels of both parts: what `ClassificationLoss.forwardMixed` takes. */
export interface MixedBatch extends Batch {
  /** y′, (B) int64: of the images that were mixed in */
  otherLabels: Tensor;
  /** λ: the share of the images whose labels are `labels` */
  lambda: number;
}

const sampleDirichlet = operator('aten::_sample_dirichlet') as (
  concentration: Tensor,
  options: { generator: Generator },
) => Tensor;

/**
 * mixup, Zhang, Cisse, Dauphin and Lopez-Paz (ICLR 2018): every image of a batch is mixed with another of the same,
 *   x̃_i = λ·x_i + (1 − λ)·x_π(i),   L = λ·L(x̃, y) + (1 − λ)·L(x̃, y_π),
 * with one λ ~ Beta(α, α) and one permutation π for the batch, as in the authors' code. It goes with any loss.
 *
 * What is drawn depends on the seed, the epoch and the step alone, so that a training run can be taken up anywhere.
 * The authors train CIFAR with α = 1 and a weight decay of 1e-4; small networks want 0.2 to 0.4.
 */
export class Mixup {
  readonly alpha: number;
  readonly seed: number;

  /** @throws TypeError if an option is unknown, alpha is not a number above 0, or seed not an integer of at least 0 */
  constructor(options: MixupOptions = {}) {
    checkOptions('Mixup', options, ['alpha', 'seed']);
    const { alpha = 1, seed = 0 } = options;
    if (!(Number.isFinite(alpha) && alpha > 0)) {
      throw new TypeError(`Mixup: alpha: expected a finite number above 0, got ${describeValue(alpha)}`);
    }
    if (!(Number.isSafeInteger(seed) && seed >= 0)) {
      throw new TypeError(`Mixup: seed: expected an integer of at least 0, got ${describeValue(seed)}`);
    }
    this.alpha = alpha;
    this.seed = seed;
  }

  /**
   * A batch mixed with itself.
   * @param epoch from 1
   * @param step of the epoch, from 0
   */
  mix({ images, labels }: Batch, epoch: number, step: number): MixedBatch {
    return scope(() => {
      const generator = new Generator(mixedSeed(this.seed, epoch, step));
      const { alpha } = this;
      // Beta(α, α) is the first share of Dirichlet(α, α).
      const lambda = sampleDirichlet(tensor(Float64Array.of(alpha, alpha)), { generator })
        .select(0, 0)
        .item();
      const order = torch
        .randperm(labels.shape[0]!, { generator, dtype: 'int64' })
        .to({ device: labels.device });
      return {
        images: images.mul(lambda).add(images.indexSelect(0, order), { alpha: 1 - lambda }),
        labels,
        otherLabels: labels.indexSelect(0, order),
        lambda,
      };
    });
  }
}
