import * as nn from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { Backbone } from './backbone.ts';
import { caffeMsra, initialize } from './initialize.ts';

/**
 * Convolutions 3×3 without bias, each with BN and ReLU. A batch weighs 0.03 in the running statistics: Caffe keeps
 * 0.97 of the old ones.
 */
function convolutions(inChannels: number, outChannels: number, count: number): nn.Module[] {
  return Array.from({ length: count }, (_, i) => [
    new nn.Conv2d(i === 0 ? inChannels : outChannels, outChannels, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(outChannels, { momentum: 0.03 }),
    new nn.ReLU({ inplace: true }),
  ]).flat();
}

/**
 * The CIFAR-100 network of L-GM (Wan et al., CVPR 2018), there called VGG-13: thirteen 3×3 convolutions of 5×96, 4×192
 * and 4×384 channels and global average pooling. It is not configuration B of Simonyan & Zisserman, which has ten
 * convolutions and three fully connected layers. Caffe's `msra` filler. 6,146,016 parameters.
 *
 * 32×32×96 → 16×16×192 → 8×8×384 → 384
 */
export class Vgg13Lgm extends Backbone {
  readonly featureDim = 384;
  readonly inputShape = [3, 32, 32] as const;
  readonly features: nn.Sequential;

  constructor() {
    super();
    this.features = new nn.Sequential(
      ...convolutions(3, 96, 5),
      new nn.MaxPool2d(2),
      ...convolutions(96, 192, 4),
      new nn.MaxPool2d(2),
      ...convolutions(192, 384, 4),
      new nn.AdaptiveAvgPool2d(1),
      new nn.Flatten(),
    );
    initialize(this, caffeMsra);
  }

  /** (N, 3, 32, 32) → (N, 384) */
  forward(images: Tensor): Tensor {
    return this.features.forward(images);
  }
}
