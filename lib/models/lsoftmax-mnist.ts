import * as nn from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { Backbone } from './backbone.ts';
import { caffeMsra, initialize } from './initialize.ts';

/** Convolutions 3×3, each with BN and ReLU. */
function convolutions(inChannels: number, outChannels: number, count: number): nn.Module[] {
  return Array.from({ length: count }, (_, i) => [
    new nn.Conv2d(i === 0 ? inChannels : outChannels, outChannels, 3, { padding: 1 }),
    new nn.BatchNorm2d(outChannels),
    new nn.ReLU({ inplace: true }),
  ]).flat();
}

/**
 * The MNIST network of L-Softmax (Liu et al., ICML 2016) in its authors' repository, wy1iu/LargeMargin_Softmax_Loss: ten
 * 3×3 convolutions of 64, 3×64, 3×128 and 3×256 channels and 512 hidden units, each with batch normalisation and ReLU;
 * Caffe's `msra` filler. 3,139,776 parameters, 3,144,896 with a head without bias.
 *
 * 28×28×64 → 14×14×64 → 7×7×128 → 3×3×256 → 512
 */
export class LSoftmaxMnist extends Backbone {
  readonly featureDim = 512;
  readonly inputShape = [1, 28, 28] as const;
  readonly layers: nn.Sequential;

  /**
   * @param options.ceilMode keep the last pooling's incomplete windows, as Caffe does with the authors' file: 4×4×256
   *   before the hidden units, which makes 4,057,280 parameters, 4,062,400 with a head. Default false.
   */
  constructor(options: { ceilMode?: boolean } = {}) {
    super();
    const { ceilMode = false } = options;
    const size = ceilMode ? 4 : 3;
    this.layers = new nn.Sequential(
      ...convolutions(1, 64, 4),
      new nn.MaxPool2d(2),
      ...convolutions(64, 128, 3),
      new nn.MaxPool2d(2),
      ...convolutions(128, 256, 3),
      new nn.MaxPool2d(2, { ceilMode }),
      new nn.Flatten(),
      new nn.Linear(256 * size * size, 512),
      new nn.BatchNorm1d(512),
      new nn.ReLU({ inplace: true }),
    );
    initialize(this, caffeMsra);
  }

  /** (N, 1, 28, 28) → (N, 512) */
  forward(images: Tensor): Tensor {
    return this.layers.forward(images);
  }
}
