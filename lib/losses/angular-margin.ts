import { Buffer, Parameter } from '../nn/index.ts';
import { noGrad, type Tensor, torch } from '../tensor/index.ts';
import { atLeastZero, type OptionTable, oneOf } from './check.ts';
import { ClassificationLoss, type LossOutput } from './loss.ts';
import { crossEntropy, targetsOf } from './rows.ts';
import { divisors, lengths } from './unit.ts';

/** The multiplicative angular margin that L-Softmax and A-Softmax share, and its annealing. */

export interface AngularMarginOptions {
  /** The margin: the target's angle counts m times. 1, 2, 3 or 4; 1 is no margin. */
  m?: number;
  /** λ before training, ≥ 0. 0: no annealing, the margin in full from the start. */
  lambdaBase?: number;
  /** γ of λ's decay, ≥ 0. */
  lambdaGamma?: number;
  /** The power of λ's decay, ≥ 0. */
  lambdaPower?: number;
  /** λ falls no further, ≥ 0. */
  lambdaMin?: number;
}

export const marginTable = (defaults: Required<AngularMarginOptions>): OptionTable<AngularMarginOptions> => ({
  m: [defaults.m, oneOf([1, 2, 3, 4])],
  lambdaBase: [defaults.lambdaBase, atLeastZero],
  lambdaGamma: [defaults.lambdaGamma, atLeastZero],
  lambdaPower: [defaults.lambdaPower, atLeastZero],
  lambdaMin: [defaults.lambdaMin, atLeastZero],
});

/** cos(mθ) as a polynomial in c = cos θ (Chebyshev's), which unlike arccos has a gradient at c = ±1. */
const multipleAngle: Readonly<Record<number, (c: Tensor) => Tensor>> = {
  2: (c) => c.square().mul(2).sub(1),
  3: (c) => c.square().mul(4).sub(3).mul(c),
  4: (c) => c.square().sub(1).mul(c.square()).mul(8).add(1),
};

/**
 * ψ(θ) = (−1)^k cos(mθ) − 2k for θ in [kπ/m, (k+1)π/m]: falls from 1 to 1 − 2m as θ goes from 0 to π, and is
 * continuous with its derivative. Liu et al., "Large-Margin Softmax Loss" (ICML 2016), Eq. 6.
 * @param cosine cos θ, of any shape
 * @param m 1, 2, 3 or 4
 */
export function marginCosine(cosine: Tensor, m: number): Tensor {
  if (m === 1) return cosine;
  // k is the number of boundaries jπ/m that θ has passed, so a constant to differentiation.
  let k = torch.zerosLike(cosine);
  for (let j = 1; j < m; j++) k = k.add(cosine.lt(Math.cos((j * Math.PI) / m)));
  const sign = k.remainder(2).mul(-2).add(1);
  return multipleAngle[m]!(cosine).mul(sign).sub(k.mul(2));
}

/**
 * Softmax cross-entropy over l_k = |w_k||x|·cos θ_k with a margin on the target's angle, which comes in gradually:
 *   l_y = |w_y||x|·(λ·cos θ_y + ψ(θ_y))/(1 + λ),   λ = max(λ_min, λ_base·(1 + γ·t)^−power),
 * t being the number of training steps, this one included. It is part of the state dict.
 */
export abstract class AngularMarginLoss extends ClassificationLoss {
  /** w, (K, D) */
  readonly weight: Parameter;
  /** t, a scalar, int64: forward passes in training mode */
  readonly steps: Buffer;
  readonly options: Required<AngularMarginOptions>;

  /** @param draw makes w, of the shape (K, D), as it is before training */
  constructor(
    name: string,
    numClasses: number,
    featureDim: number,
    options: Required<AngularMarginOptions>,
    draw: (shape: number[]) => Tensor,
  ) {
    super(name, numClasses, featureDim);
    this.options = options;
    this.weight = new Parameter(draw([numClasses, featureDim]));
    this.steps = new Buffer(torch.zeros([], { dtype: 'int64' }));
  }

  /** w as it enters the logits, (K, D) */
  protected abstract weights(): Tensor;

  /** λ at step t, a float64 scalar. Never read here: that would wait for the device. */
  #lambda(t: Tensor): Tensor {
    const { lambdaBase, lambdaGamma, lambdaPower, lambdaMin } = this.options;
    const time = t.to({ dtype: 'float64' }).mul(lambdaGamma).add(1);
    return time.pow(-lambdaPower).mul(lambdaBase).clampMin(lambdaMin);
  }

  protected override stepped(): void {
    if (this.training) noGrad(() => this.steps.add_(1));
  }

  protected override lossOf(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const weights = this.weights();
    const logits = torch.linear(x, weights);
    const targets = targetsOf(labels);
    const places = targets.unsqueeze(1);
    const target = logits.gather(1, places);
    const scale = lengths(x).mul(lengths(weights).indexSelect(0, targets));
    const withMargin = scale.mul(marginCosine(target.div(divisors(scale)), this.options.m));
    const lambda = this.#lambda(this.training ? this.steps.add(1) : this.steps);
    const annealed = target.mul(lambda).add(withMargin).div(lambda.add(1));
    // Lengths keep float32 where `autocast` has logits in 16 bits.
    const withTarget = logits.scatter(1, places, annealed.to({ dtype: logits.dtype }));
    const classification = crossEntropy(withTarget, labels);
    return { total: classification, classification, regularizer: null, diagnostics: { lambda } };
  }

  /**
   * `diagnostics.lambda` is λ, a float64 scalar. Rows labelled −100 take no part.
   * @param features (N, D)
   * @param labels (N) int64
   */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const output = this.lossOf(features, labels);
    this.stepped();
    return output;
  }

  /** |w_k||x|·cos θ_k, (N, K): no margin. */
  override logits(features: Tensor): Tensor {
    this.checkFeatures(features);
    return torch.linear(features, this.weights());
  }

  /** `lambda`, as the last step had it. */
  override summary(): Record<string, number> {
    return { lambda: this.#lambda(this.steps).item() };
  }
}
