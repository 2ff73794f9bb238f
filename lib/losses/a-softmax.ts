import { init } from '../nn/index.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { AngularMarginLoss, type AngularMarginOptions, marginTable } from './angular-margin.ts';
import { resolveOptions } from './check.ts';
import { unit } from './unit.ts';

export type ASoftmaxOptions = AngularMarginOptions;

/** The schedule is that of the authors' face model: λ is 893 at step 1, 77 at 100, 8.3 at 1,000, 5 from 1,659 on. */
const table = marginTable({ m: 4, lambdaBase: 1000, lambdaGamma: 0.12, lambdaPower: 1, lambdaMin: 5 });

/**
 * A-Softmax, the loss of SphereFace, Liu et al. (CVPR 2017): `LSoftmaxLoss` with |w_k| = 1, so that angles alone
 * decide. Cross-entropy over l_k = |x|·cos θ_k with
 *   l_y = |x|·(λ·cos θ_y + ψ(θ_y))/(1 + λ),   ψ(θ) = (−1)^k cos(mθ) − 2k, θ in [kπ/m, (k+1)π/m].
 *
 * The weights are normalised as part of the formula and differentiated through; the authors' Caffe layer instead
 * rescales the stored weights before each step. λ = max(λ_min, λ_base·(1 + γ·t)^−power). Defaults: m = 4,
 * λ_base = 1000, γ = 0.12, power 1, λ_min = 5. Weights start as Glorot's.
 *
 * A feature of zeros has no angle: its logits are 0, with gradients that are finite. Test logits are |x|·cos θ_k.
 */
export class ASoftmaxLoss extends AngularMarginLoss {
  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: ASoftmaxOptions = {}) {
    const resolved = resolveOptions('ASoftmaxLoss', table, options);
    super('ASoftmaxLoss', numClasses, featureDim, resolved, (shape) =>
      init.xavierUniform_(torch.empty(shape)),
    );
  }

  protected override weights(): Tensor {
    return unit(this.weight);
  }
}
