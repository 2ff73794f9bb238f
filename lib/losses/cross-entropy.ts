import type { Tensor } from '../tensor/index.ts';
import { flag, type OptionTable, resolveOptions } from './check.ts';
import { LinearHeadLoss } from './linear-head.ts';
import type { LossOutput } from './loss.ts';
import { crossEntropy } from './rows.ts';

export interface CrossEntropyOptions {
  /** Whether the linear layer has a bias. The paper's Eq. 1 has none. Default true. */
  bias?: boolean;
}

const table: OptionTable<CrossEntropyOptions> = { bias: [true, flag] };

/**
 * The baseline: a linear layer and softmax cross-entropy (Eq. 1),
 *   L = −(1/N) Σ_i ln( e^{l_iy} / Σ_k e^{l_ik} ),   l = x·Wᵀ + b.
 */
export class CrossEntropyLoss extends LinearHeadLoss {
  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: CrossEntropyOptions = {}) {
    const { bias } = resolveOptions('CrossEntropyLoss', table, options);
    super('CrossEntropyLoss', numClasses, featureDim, bias);
  }

  /** Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const classification = crossEntropy(this.logits(x), labels);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }
}
