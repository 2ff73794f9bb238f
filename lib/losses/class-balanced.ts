import { Buffer } from '../nn/index.ts';
import { type Tensor, tensor } from '../tensor/index.ts';
import { atLeastZero, flag, type OptionTable, oneOf, resolveOptions, share, unchecked } from './check.ts';
import { checkClassCounts, effectiveNumberWeights } from './class-counts.ts';
import { sigmoidFocalRows } from './focal-rows.ts';
import type { LossOutput } from './loss.ts';
import { crossEntropyRows, meanOfRows, targetsOf } from './rows.ts';
import { SigmoidHeadLoss } from './sigmoid-head.ts';

export interface ClassBalancedOptions {
  /** n_k, the number of training images of each class: K integers of at least 1. Required; training fills it in. */
  classCounts?: readonly number[];
  /** β from 0 (all classes alike) to 1 (by 1/n_k). Default 0.9999. */
  beta?: number;
  /** What is weighted: softmax cross-entropy, binary cross-entropy, or the focal loss on sigmoids. Default `softmax`. */
  form?: 'softmax' | 'sigmoid' | 'focal';
  /** γ ≥ 0 of the form `focal`. Default 1. */
  gamma?: number;
  /** What the weighted sum is divided by: the number of `rows`, or the sum of their `weights`. Default `rows`. */
  divideBy?: 'rows' | 'weights';
  /** Whether the linear layer has a bias. Default true. */
  bias?: boolean;
}

const table: OptionTable<ClassBalancedOptions> = {
  classCounts: [[], unchecked],
  beta: [0.9999, share],
  form: ['softmax', oneOf(['softmax', 'sigmoid', 'focal'])],
  gamma: [1, atLeastZero],
  divideBy: ['rows', oneOf(['rows', 'weights'])],
  bias: [true, flag],
};

/**
 * Class-balanced loss, Cui, Jia, Lin, Song and Belongie (CVPR 2019): a loss whose rows are weighted by their class's
 * effective number of samples,
 *   L = (1/N) Σ_i w_{y_i}·L_i,   w_k ∝ (1 − β)/(1 − β^{n_k}),   Σ_k w_k = K,
 * where L_i is the softmax cross-entropy, the sum over K binary cross-entropies, or the sum over K focal losses
 * (`FocalLoss`, form `sigmoid`) of row i on a linear layer.
 *
 * The sum is divided by the number of rows, as in the authors' TensorFlow code; `divideBy: 'weights'` divides by
 * Σ_i w_{y_i}, as PyTorch's cross-entropy with weights does, and is of another scale. A class without images is an
 * error: its weight would be infinite. Defaults: β = 0.9999, γ = 1. With sigmoids the bias starts at −ln(K − 1) and
 * does not decay. Test logits are the linear layer's.
 */
export class ClassBalancedLoss extends SigmoidHeadLoss {
  /** w, (K) */
  readonly classWeights: Buffer;
  readonly options: Required<ClassBalancedOptions>;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: ClassBalancedOptions = {}) {
    const resolved = resolveOptions('ClassBalancedLoss', table, options);
    const { bias, form, beta } = resolved;
    super('ClassBalancedLoss', numClasses, featureDim, { bias, sigmoid: form !== 'softmax' });
    const classCounts = checkClassCounts('ClassBalancedLoss', options.classCounts, numClasses);
    this.options = { ...resolved, classCounts };
    const weights = effectiveNumberWeights(classCounts, beta);
    this.classWeights = new Buffer(tensor(weights, { dtype: 'float32' }));
  }

  /** Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const { form, gamma, divideBy } = this.options;
    const logits = this.logits(x);
    const rows =
      form === 'softmax'
        ? crossEntropyRows(logits, labels)
        : sigmoidFocalRows(logits, labels, { gamma: form === 'focal' ? gamma : 0, detach: false });
    const weights = this.classWeights.indexSelect(0, targetsOf(labels));
    const classification =
      divideBy === 'rows' ? meanOfRows(rows.mul(weights), labels) : meanOfRows(rows, labels, weights);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }
}
