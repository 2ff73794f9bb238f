import { init } from '../nn/index.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { AngularMarginLoss, type AngularMarginOptions, marginTable } from './angular-margin.ts';
import { resolveOptions } from './check.ts';

export type LSoftmaxOptions = AngularMarginOptions;

/** The schedule is that of the authors' MNIST example: λ is 999 at step 1, 421 at 1,000, 16 at 5,000, 0.4 at 10,000. */
const table = marginTable({ m: 4, lambdaBase: 1000, lambdaGamma: 2.5e-5, lambdaPower: 35, lambdaMin: 0 });

/**
 * Large-margin softmax, Liu, Wen, Yu and Yang (ICML 2016): cross-entropy over l_k = w_k·x = |w_k||x|·cos θ_k, without
 * a bias, where the target must win even if its angle counts m times:
 *   l_y = |w_y||x|·(λ·cos θ_y + ψ(θ_y))/(1 + λ),   ψ(θ) = (−1)^k cos(mθ) − 2k, θ in [kπ/m, (k+1)π/m].
 *
 * λ makes it a plain softmax at first. It falls with the training steps as max(λ_min, λ_base·(1 + γ·t)^−power). Set
 * `lambdaMin` to 5 or 10 on data where training breaks down, `lambdaBase` to 0 to have the margin from the start; the
 * default schedule is meant for 10,000 steps and more. Defaults: m = 4, λ_base = 1000, γ = 2.5e-5, power 35,
 * λ_min = 0. Weights start as He's.
 *
 * A feature of zeros has no angle: its target logit is 0, with gradients that are finite. Test logits are w_k·x.
 */
export class LSoftmaxLoss extends AngularMarginLoss {
  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: LSoftmaxOptions = {}) {
    const resolved = resolveOptions('LSoftmaxLoss', table, options);
    super('LSoftmaxLoss', numClasses, featureDim, resolved, (shape) =>
      init.kaimingNormal_(torch.empty(shape)),
    );
  }

  protected override weights(): Tensor {
    return this.weight;
  }
}
