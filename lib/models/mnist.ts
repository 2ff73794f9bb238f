import * as nn from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { Backbone } from './backbone.ts';

/** conv → BN → (pool →) PReLU: (N, in, H, W) → (N, out, H', W'). */
function activated(
  inChannels: number,
  outChannels: number,
  kernel: number,
  padding: number,
  pool = false,
): nn.Module[] {
  return [
    new nn.Conv2d(inChannels, outChannels, kernel, { padding }),
    new nn.BatchNorm2d(outChannels),
    ...(pool ? [new nn.MaxPool2d(2)] : []),
    new nn.PReLU({ numParameters: outChannels }),
  ];
}

/**
 * The paper's network with 2-D features: "four convolutional and two fully connected layers" with batch
 * normalisation and PReLU (section 4.1), both after every layer but the last. Widths are not stated: the
 * convolutions are those of the 100-D network without its third block, and there are 256 hidden units. One slope
 * of PReLU per channel: 657,442 parameters.
 *
 * 28×28 → 24×24×32 → 12×12×32 → 12×12×64 → 6×6×64 → 256 → 2
 */
export class Mnist2d extends Backbone {
  readonly featureDim = 2;
  readonly inputShape = [1, 28, 28] as const;
  readonly layers: nn.Sequential;

  constructor() {
    super();
    this.layers = new nn.Sequential(
      ...activated(1, 32, 5, 0),
      ...activated(32, 32, 3, 1, true),
      ...activated(32, 64, 3, 1),
      ...activated(64, 64, 3, 1, true),
      new nn.Flatten(),
      new nn.Linear(64 * 6 * 6, 256),
      new nn.BatchNorm1d(256),
      new nn.PReLU({ numParameters: 256 }),
      new nn.Linear(256, 2),
    );
  }

  /** (N, 1, 28, 28) → (N, 2) */
  forward(images: Tensor): Tensor {
    return this.layers.forward(images);
  }
}

/** conv → conv → BN → pool → PReLU: (N, in, H, W) → (N, out, H'/2, W'/2). Nothing between the two. */
function pair(inChannels: number, outChannels: number, kernel: number, padding: number): nn.Module[] {
  return [
    new nn.Conv2d(inChannels, outChannels, kernel, { padding }),
    ...activated(outChannels, outChannels, 3, 1, true),
  ];
}

/**
 * The paper's network with 100-D features: "five convolutional and one fully connected layer" with batch
 * normalisation and PReLU, which is the MNIST network of L-GM (Wan et al., CVPR 2018). PReLU has one slope per
 * channel, and the features are batch-normalised: 255,532 parameters.
 *
 * 28×28 → 24×24×32 → 12×12×32 → 12×12×64 → 6×6×64 → 6×6×128 → 3×3×128 → 100
 */
export class Mnist100d extends Backbone {
  readonly featureDim = 100;
  readonly inputShape = [1, 28, 28] as const;
  readonly layers: nn.Sequential;

  constructor() {
    super();
    this.layers = new nn.Sequential(
      ...pair(1, 32, 5, 0),
      ...pair(32, 64, 3, 1),
      ...activated(64, 128, 3, 1, true),
      new nn.Flatten(),
      new nn.Linear(128 * 3 * 3, 100),
      new nn.BatchNorm1d(100),
    );
  }

  /** (N, 1, 28, 28) → (N, 100) */
  forward(images: Tensor): Tensor {
    return this.layers.forward(images);
  }
}
