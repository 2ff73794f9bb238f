import { Buffer } from '../nn/index.ts';
import { type Tensor, tensor } from '../tensor/index.ts';
import { atLeastZero, flag, type OptionTable, oneOf, resolveOptions, unchecked } from './check.ts';
import { checkClassCounts, logPriorOf } from './class-counts.ts';
import { LinearHeadLoss } from './linear-head.ts';
import type { LossOutput } from './loss.ts';
import { crossEntropy } from './rows.ts';

export interface BalancedSoftmaxOptions {
  /** n_k, the number of training images of each class: K integers of at least 1. Required; training fills it in. */
  classCounts?: readonly number[];
  /** τ ≥ 0, the strength. Default 1. */
  tau?: number;
  /** Where the prior enters: in the `training` loss, or taken off the logits at `test`. Default `training`. */
  adjust?: 'training' | 'test';
  /** Whether the linear layer has a bias. Default true. */
  bias?: boolean;
}

const table: OptionTable<BalancedSoftmaxOptions> = {
  classCounts: [[], unchecked],
  tau: [1, atLeastZero],
  adjust: ['training', oneOf(['training', 'test'])],
  bias: [true, flag],
};

/**
 * Balanced softmax, Ren et al. (NeurIPS 2020), which is the logit-adjusted loss of Menon et al. (ICLR 2021): softmax
 * cross-entropy on a linear layer whose logits are given the classes' prior, so that the layer need not learn it,
 *   L = −(1/N) Σ_i ln( n_y^τ e^{l_y} / Σ_k n_k^τ e^{l_k} ).
 * Test logits are l_k alone, as if all classes were of one size.
 *
 * With `adjust: 'test'` the loss is the plain one and the test logits are l_k − τ·ln π_k, π_k = n_k/Σn: Menon et al.'s
 * adjustment after training. Default: τ = 1.
 */
export class BalancedSoftmaxLoss extends LinearHeadLoss {
  /** τ·ln π_k, (K) */
  readonly logPrior: Buffer;
  readonly options: Required<BalancedSoftmaxOptions>;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: BalancedSoftmaxOptions = {}) {
    const resolved = resolveOptions('BalancedSoftmaxLoss', table, options);
    super('BalancedSoftmaxLoss', numClasses, featureDim, resolved.bias);
    const classCounts = checkClassCounts('BalancedSoftmaxLoss', options.classCounts, numClasses);
    this.options = { ...resolved, classCounts };
    const prior = logPriorOf(classCounts).map((value) => resolved.tau * value);
    this.logPrior = new Buffer(tensor(prior, { dtype: 'float32' }));
  }

  /** Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const logits = this.linear.forward(x);
    const inTraining = this.options.adjust === 'training';
    const classification = crossEntropy(inTraining ? logits.add(this.logPrior) : logits, labels);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }

  override logits(features: Tensor): Tensor {
    const logits = super.logits(features);
    return this.options.adjust === 'test' ? logits.sub(this.logPrior) : logits;
  }
}
