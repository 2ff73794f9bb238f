import type { Tensor } from '../tensor/index.ts';
import { atLeastZero, flag, type OptionTable, oneOf, orNull, resolveOptions, share } from './check.ts';
import { sigmoidFocalRows, softmaxFocalRows } from './focal-rows.ts';
import type { LossOutput } from './loss.ts';
import { meanOfRows } from './rows.ts';
import { SigmoidHeadLoss } from './sigmoid-head.ts';

export interface FocalOptions {
  /** γ ≥ 0. 0 is cross-entropy. Default 2. */
  gamma?: number;
  /** Whether p comes from one softmax over the classes or from a sigmoid for each. Default `softmax`. */
  form?: 'softmax' | 'sigmoid';
  /** Hold (1 − p_t)^γ constant to differentiation, as some implementations do. Default false. */
  detach?: boolean;
  /** With `sigmoid`: the weight of a row's own class, 1 − alpha being that of the others. Default null: 1 for all. */
  alpha?: number | null;
  /** Whether the linear layer has a bias. Default true. */
  bias?: boolean;
}

const table: OptionTable<FocalOptions> = {
  gamma: [2, atLeastZero],
  form: ['softmax', oneOf(['softmax', 'sigmoid'])],
  detach: [false, flag],
  alpha: [null, orNull(share)],
  bias: [true, flag],
};

/**
 * Focal loss, Lin, Goyal, Girshick, He and Dollár (ICCV 2017), on a linear layer. Rows that are classified rightly
 * already count less:
 * - `softmax`: L = −(1/N) Σ_i (1 − p_iy)^γ ln p_iy;
 * - `sigmoid`: L = −(1/N) Σ_i Σ_k a_t (1 − p_t)^γ ln p_t, with p_t = σ(l_k) for k = y and 1 − σ(l_k) else: the form
 *   of the paper, and of Cui et al. (CVPR 2019) for images of one class, whose N is the number of positives.
 *
 * Defaults: γ = 2, the paper's; the long-tailed tables quote γ = 1 with sigmoids. The paper's a_t is `alpha: 0.25`.
 * Computed from ln(1 − p_t), so that the gradient is finite for γ < 1 and p_t = 1 too. With sigmoids the bias starts at
 * −ln(K − 1) and does not decay. Test logits are the linear layer's.
 */
export class FocalLoss extends SigmoidHeadLoss {
  readonly options: Required<FocalOptions>;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: FocalOptions = {}) {
    const resolved = resolveOptions('FocalLoss', table, options);
    const { form, bias, alpha } = resolved;
    if (form === 'softmax' && alpha !== null) {
      throw new TypeError(`FocalLoss: alpha: expected null with form "softmax", got ${alpha}`);
    }
    super('FocalLoss', numClasses, featureDim, { bias, sigmoid: form === 'sigmoid' });
    this.options = resolved;
  }

  /** Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const { form, alpha } = this.options;
    const logits = this.logits(x);
    const rows =
      form === 'softmax'
        ? softmaxFocalRows(logits, labels, this.options)
        : sigmoidFocalRows(logits, labels, this.options, alpha);
    const classification = meanOfRows(rows, labels);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }
}
