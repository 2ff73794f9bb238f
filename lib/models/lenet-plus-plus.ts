import * as nn from '../nn/index.ts';
import { describeValue, type Tensor } from '../tensor/index.ts';
import { Backbone } from './backbone.ts';
import { caffeXavier, initialize } from './initialize.ts';

/** The two implementations of LeNet++, see `LeNetPlusPlus`. */
export type LeNetPlusPlusVariant = 'caffe' | 'pytorch';

/**
 * LeNet++, the network with 2-D features of the center loss (Wen et al., ECCV 2016, sect. 3.1): three pairs of 5×5
 * convolutions, PReLU behind each of them and behind the features.
 *
 * - `caffe`, the authors': a slope for each channel, the last pooling 3×3 at stride 2, Caffe's `xavier` filler; 797,604
 *   parameters, 797,624 with a head without bias;
 * - `pytorch`, KaiyangZhou's port: one slope a layer, the last pooling 2×2, PyTorch's initialisation; 797,161
 *   parameters, 797,191 with a head.
 *
 * 28×28 → 14×14×32 → 7×7×64 → 3×3×128 → 2
 */
export class LeNetPlusPlus extends Backbone {
  readonly featureDim = 2;
  readonly inputShape = [1, 28, 28] as const;
  readonly layers: nn.Sequential;

  /** @param options.variant default `caffe` */
  constructor(options: { variant?: LeNetPlusPlusVariant } = {}) {
    super();
    const { variant = 'caffe' } = options;
    if (variant !== 'caffe' && variant !== 'pytorch') {
      throw new TypeError(
        `LeNetPlusPlus: variant: expected 'caffe' or 'pytorch', got ${describeValue(variant)}`,
      );
    }
    const caffe = variant === 'caffe';
    const prelu = (channels: number) => new nn.PReLU({ numParameters: caffe ? channels : 1 });
    const pair = (inChannels: number, outChannels: number): nn.Module[] => [
      new nn.Conv2d(inChannels, outChannels, 5, { padding: 2 }),
      prelu(outChannels),
      new nn.Conv2d(outChannels, outChannels, 5, { padding: 2 }),
      prelu(outChannels),
    ];
    this.layers = new nn.Sequential(
      ...pair(1, 32),
      new nn.MaxPool2d(2),
      ...pair(32, 64),
      new nn.MaxPool2d(2),
      ...pair(64, 128),
      new nn.MaxPool2d(caffe ? 3 : 2, { stride: 2 }),
      new nn.Flatten(),
      new nn.Linear(128 * 3 * 3, 2),
      prelu(2),
    );
    if (caffe) initialize(this, caffeXavier);
  }

  /** (N, 1, 28, 28) → (N, 2) */
  forward(images: Tensor): Tensor {
    return this.layers.forward(images);
  }
}
