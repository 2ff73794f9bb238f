import { Linear } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { ClassificationLoss } from './loss.ts';

/** A loss on the logits of a linear layer, l = x·Wᵀ + b. */
export abstract class LinearHeadLoss extends ClassificationLoss {
  readonly linear: Linear;

  /** @param bias whether the layer has b */
  constructor(name: string, numClasses: number, featureDim: number, bias: boolean) {
    super(name, numClasses, featureDim);
    this.linear = new Linear(featureDim, numClasses, { bias });
  }

  override logits(features: Tensor): Tensor {
    this.checkFeatures(features);
    return this.linear.forward(features);
  }
}
