import { init, Parameter } from '../nn/index.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { aboveZero, atLeastZero, type OptionTable, resolveOptions } from './check.ts';
import { ClassificationLoss, type LossOutput } from './loss.ts';
import { addToTarget, crossEntropy } from './rows.ts';
import { cosines } from './unit.ts';

export interface CosFaceOptions {
  /** s > 0, the length that features are given. Default 30. */
  scale?: number;
  /** m ≥ 0, taken off the target's cosine. Default 0.35. */
  margin?: number;
}

const table: OptionTable<CosFaceOptions> = { scale: [30, aboveZero], margin: [0.35, atLeastZero] };

/**
 * CosFace, Wang et al. (CVPR 2018), which is AM-Softmax, Wang et al. (IEEE SPL 2018): cross-entropy over
 *   l_k = s·(cos θ_k − m·1[k = y]),   cos θ_k = w_k·x/(|w_k||x|).
 *
 * Defaults: s = 30 and m = 0.35, those of AM-Softmax. For few classes in few dimensions less of both is needed, say
 * s = 7 and m = 0.2 for MNIST in 2-D. Weights start as Glorot's.
 *
 * A feature of zeros has the cosine 0 to every class. Test logits are s·cos θ_k.
 */
export class CosFaceLoss extends ClassificationLoss {
  /** w, (K, D) */
  readonly weight: Parameter;
  readonly options: Required<CosFaceOptions>;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: CosFaceOptions = {}) {
    super('CosFaceLoss', numClasses, featureDim);
    this.options = resolveOptions('CosFaceLoss', table, options);
    this.weight = new Parameter(init.xavierUniform_(torch.empty([numClasses, featureDim])));
  }

  /** Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const { scale, margin } = this.options;
    const logits = addToTarget(this.logits(x), labels, -scale * margin);
    const classification = crossEntropy(logits, labels);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }

  override logits(features: Tensor): Tensor {
    this.checkFeatures(features);
    return cosines(features, this.weight).mul(this.options.scale);
  }
}
