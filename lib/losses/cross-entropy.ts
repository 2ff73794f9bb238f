import { Linear } from '../nn/index.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { checkNames, shown } from './check.ts';
import { ClassificationLoss, type LossOutput } from './loss.ts';

export interface CrossEntropyOptions {
  /** Whether the linear layer has a bias. The paper's Eq. 1 has none. Default true. */
  bias?: boolean;
}

/**
 * The baseline: a linear layer and softmax cross-entropy (Eq. 1),
 *   L = −(1/N) Σ_i ln( e^{l_iy} / Σ_k e^{l_ik} ),   l = x·Wᵀ + b.
 * Rows labelled −100 take no part.
 */
export class CrossEntropyLoss extends ClassificationLoss {
  readonly linear: Linear;

  constructor(numClasses: number, featureDim: number, options: CrossEntropyOptions = {}) {
    super('CrossEntropyLoss', numClasses, featureDim);
    checkNames('CrossEntropyLoss', options, ['bias']);
    const { bias = true } = options;
    if (typeof bias !== 'boolean') {
      throw new TypeError(`CrossEntropyLoss: bias: expected true or false, got ${shown(bias)}`);
    }
    this.linear = new Linear(featureDim, numClasses, { bias });
  }

  override forward(features: Tensor, labels: Tensor): LossOutput {
    const classification = torch.crossEntropyLoss(this.logits(features), labels);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }

  override logits(features: Tensor): Tensor {
    return this.linear.forward(features);
  }
}
