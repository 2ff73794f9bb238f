import { Parameter } from '../nn/index.ts';
import { noGrad, scope, type Tensor, torch } from '../tensor/index.ts';
import { aboveZero, atLeastZero, flag, type OptionTable, oneOf, orNull, resolveOptions } from './check.ts';
import { LinearHeadLoss } from './linear-head.ts';
import type { LossOutput, ParameterGroup } from './loss.ts';
import { crossEntropy, meanOfRows } from './rows.ts';
import { lengths } from './unit.ts';

export interface RingOptions {
  /**
   * ρ(u) of u = |x| − R:
   * - `l2`: u²/2, the paper's;
   * - `smooth-l1`: u²/2 where |u| < 1, else |u| − ½;
   * - `ratio`: (u/ν)²/2, ν the batch's mean |x|, at least 0.5 and constant to differentiation.
   *
   * Default `l2`.
   */
  form?: 'l2' | 'smooth-l1' | 'ratio';
  /** λ ≥ 0. Default 0.01, for the form `ratio` 1. null: the default. */
  weight?: number | null;
  /** R's learning rate as a multiple of the network's. Default 1. */
  radiusLr?: number;
  /** R's weight decay as a multiple of the network's. Default 0. */
  radiusDecay?: number;
  /** Whether the linear layer has a bias. Default true. */
  bias?: boolean;
}

const table: OptionTable<RingOptions> = {
  form: ['l2', oneOf(['l2', 'smooth-l1', 'ratio'])],
  weight: [null, orNull(atLeastZero)],
  radiusLr: [1, aboveZero],
  radiusDecay: [0, atLeastZero],
  bias: [true, flag],
};

/**
 * Ring loss, Zheng, Pal and Savvides (CVPR 2018): softmax cross-entropy, and all features drawn to one length R, which
 * is learned:
 *   L = L_softmax + λ·(1/N) Σ_i ρ(|x_i| − R),   ρ(u) = u²/2.
 *
 * R starts as the mean |x| of the first batch in training. Defaults: λ = 0.01. The variants of ρ are those of public
 * implementations, some of which leave the ½ out, so that their λ is twice as much.
 *
 * A feature of zeros has no direction in which to grow: its gradient through |x| is 0. Test logits are the linear
 * layer's.
 */
export class RingLoss extends LinearHeadLoss {
  /** R, a scalar; −1 until the first batch */
  readonly radius: Parameter;
  readonly options: Required<RingOptions> & { readonly weight: number };

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: RingOptions = {}) {
    const resolved = resolveOptions('RingLoss', table, options);
    super('RingLoss', numClasses, featureDim, resolved.bias);
    this.options = { ...resolved, weight: resolved.weight ?? (resolved.form === 'ratio' ? 1 : 0.01) };
    this.radius = new Parameter(torch.full([], -1, { dtype: 'float32' }));
  }

  /** `diagnostics.featureNorm` is the mean |x|. Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const { form, weight } = this.options;
    // Before R begins, which must not come of a batch that fails.
    const classification = crossEntropy(this.logits(x), labels);
    const length = lengths(x).squeeze(1);
    const featureNorm = noGrad(() => scope(() => meanOfRows(length, labels)));
    if (this.training) this.#begin(featureNorm);
    const radius = this.radius.where(this.radius.ge(0), featureNorm);
    let apart = length.sub(radius);
    if (form === 'ratio') apart = apart.div(featureNorm.clampMin(0.5));
    const rows =
      form === 'smooth-l1' ? torch.smoothL1Loss(apart, torch.zerosLike(apart), 0) : apart.square().mul(0.5);
    const regularizer = meanOfRows(rows, labels).mul(weight);
    return {
      total: classification.add(regularizer),
      classification,
      regularizer,
      diagnostics: { featureNorm },
    };
  }

  /** R ← mean |x|, unless it has begun, or the batch has no length to give. Without reading: that waits for the device. */
  #begin(featureNorm: Tensor): void {
    const { radius } = this;
    noGrad(() => {
      scope(() => radius.copy_(radius.where(radius.ge(0), featureNorm.where(featureNorm.gt(0), -1))));
    });
  }

  /** The linear layer as the network, R by itself. */
  override parameterGroups(lr: number, weightDecay = 0): ParameterGroup[] {
    const { radiusLr, radiusDecay } = this.options;
    return [
      { name: 'linear', params: this.linear.parameters(), lr, weightDecay },
      { name: 'radius', params: [this.radius], lr: lr * radiusLr, weightDecay: weightDecay * radiusDecay },
    ];
  }

  /** `radius`, R. */
  override summary(): Record<string, number> {
    return { radius: this.radius.item() };
  }
}
