import { Parameter } from '../nn/index.ts';
import { noGrad, scope, type Tensor, torch } from '../tensor/index.ts';
import { aboveZero, atLeastZero, countingNumber, type OptionTable, resolveOptions } from './check.ts';
import { ClassificationLoss, type LossOutput, type ParameterGroup } from './loss.ts';
import { crossEntropy, meanOfRows, targetsOf, wideType } from './rows.ts';

export interface IcuAuthorsOptions {
  /** α ≥ 0, a factor on the target's logit. Default 0: the paper's 1e-4 never reaches the authors' classifier. */
  alpha?: number;
  /** γ ≥ 0, a factor on the target's ln|Σ|. Default 1e-4; the paper has 1e-3. */
  gamma?: number;
  /** Weight of the regulariser's squared part, ≥ 0. Default 0.1. */
  lambdaMean?: number;
  /** Weight of its absolute part, ≥ 0. Default 0.1. */
  lambdaVar?: number;
  /** Factor on the regulariser: the code adds it up over the GPUs that share a batch, 4 in its scripts. Default 1. */
  gpus?: number;
  /** The learning rate of means and 1/σ as a multiple of the network's. Default 1. */
  ownLr?: number;
  /** Their weight decay as a multiple of the network's. Default 1, as in the code: it draws μ to 0 and σ to infinity. */
  ownDecay?: number;
}

const table: OptionTable<IcuAuthorsOptions> = {
  alpha: [0, atLeastZero],
  gamma: [1e-4, atLeastZero],
  lambdaMean: [0.1, atLeastZero],
  lambdaVar: [0.1, atLeastZero],
  gpus: [1, countingNumber],
  ownLr: [1, aboveZero],
  ownDecay: [1, atLeastZero],
};

/**
 * What the published code of the ICU paper's authors computes (repository kratos236/ICU-loss, written afresh from its
 * formulas), which is not the paper's loss: for that see `IcuLoss`. With A = 1/σ, a value for each class and dimension:
 *   l_k = x·(A_k² μ_k) − ½|A_k μ_k|² + ½ Σ_d ln A_kd
 * - x² is weighted by A² of all classes together, so it is the same for every class and cancels in the softmax: the
 *   classifier is linear in x, and ln|Σ_k| = −2 Σ ln A_kd has half the weight of Eq. 9;
 * - training only: the target's Σ ln A counts (1 + γ) times, and its logit, x² included, (1 + α) times;
 * - the regulariser is R = λ_mean·mean e² + λ_var·mean |e² − σ_y²|, e = x − μ_y, over all rows and dimensions;
 * - nothing keeps A above 0. A step across it makes the loss NaN.
 *
 * Defaults: α = 0, γ = 1e-4, both λ = 0.1, μ ~ N(0, 1), A = 1, weight decay as the network. Test logits are l_k and
 * know no labels. The code evaluates with the true labels' margins instead; to see what that does there is
 * `leakedLogits`, which nothing calls by itself.
 */
export class IcuAuthorsLoss extends ClassificationLoss {
  /** μ, (K, D) */
  readonly means: Parameter;
  /** A = 1/σ, (K, D) */
  readonly inverseSigmas: Parameter;
  readonly options: Required<IcuAuthorsOptions>;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: IcuAuthorsOptions = {}) {
    super('IcuAuthorsLoss', numClasses, featureDim);
    this.options = resolveOptions('IcuAuthorsLoss', table, options);
    this.means = new Parameter(torch.randn([numClasses, featureDim]));
    this.inverseSigmas = new Parameter(torch.ones([numClasses, featureDim]));
  }

  /** x·(A² μ) − ½|A μ|² and Σ ln A, whose weighted sum the logits are. */
  #terms(features: Tensor, epsilon: number): { linear: Tensor; logA: Tensor } {
    const { means, inverseSigmas: A } = this;
    const scaled = means.mul(A);
    const offset = scaled.square().sum([1]).mul(-0.5);
    return {
      linear: torch.linear(features, scaled.mul(A), offset),
      logA: A.add(epsilon).log().sum([1]),
    };
  }

  /** Logits with the margins of training, (N, K). */
  #withMargins(features: Tensor, labels: Tensor): Tensor {
    const { alpha, gamma } = this.options;
    const { linear, logA } = this.#terms(features, 1e-10);
    const targets = targetsOf(labels);
    const places = targets.unsqueeze(1);
    let logits = linear.add(logA.mul(0.5));
    // Where α is 0 the common term cancels, and is left out.
    if (alpha !== 0) {
      const common = torch.linear(features.square(), this.inverseSigmas.square().sum([0], true));
      logits = logits.sub(common.mul(0.5));
    }
    const target = logits.gather(1, places).add(
      logA
        .indexSelect(0, targets)
        .unsqueeze(1)
        .mul(gamma / 2),
    );
    return logits.scatter(1, places, target.mul(1 + alpha));
  }

  #regularizer(features: Tensor, labels: Tensor): Tensor {
    const { lambdaMean, lambdaVar, gpus } = this.options;
    const targets = targetsOf(labels);
    // float16 has no 1e12.
    const wide = (value: Tensor) => value.to({ dtype: wideType(value.dtype) });
    const squared = wide(features).sub(wide(this.means).indexSelect(0, targets)).square();
    const variances = wide(this.inverseSigmas).indexSelect(0, targets).pow(-2);
    // The bounds are the code's.
    const apart = squared.sub(variances).square().clamp(1e-12, 1e12).sqrt();
    const rows = squared.clamp(1e-12, 1e12).mul(lambdaMean).add(apart.mul(lambdaVar)).mean([1]);
    return meanOfRows(rows, labels).mul(gpus);
  }

  /** Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const classification = crossEntropy(this.#withMargins(x, labels), labels);
    const regularizer = this.#regularizer(x, labels);
    return { total: classification.add(regularizer), classification, regularizer, diagnostics: {} };
  }

  override logits(features: Tensor): Tensor {
    this.checkFeatures(features);
    const { linear, logA } = this.#terms(features, 0);
    return linear.add(logA.mul(0.5));
  }

  /**
   * The logits from which the authors' code takes its test accuracy: with the margins of training for the true labels.
   * For comparison with the code only.
   */
  leakedLogits(features: Tensor, labels: Tensor): Tensor {
    this.checkBatch(features, labels);
    return this.#withMargins(features, labels);
  }

  /** One group, which decays as the network unless `ownDecay` says otherwise. */
  override parameterGroups(lr: number, weightDecay = 0): ParameterGroup[] {
    const { ownLr, ownDecay } = this.options;
    return [{ name: 'loss', params: this.parameters(), lr: lr * ownLr, weightDecay: weightDecay * ownDecay }];
  }

  /** `sigmaMean`, `sigmaMin`, `sigmaMax`: σ of each class, √(mean of its variances), over the classes. */
  override summary(): Record<string, number> {
    return noGrad(() =>
      scope(() => {
        const sigmas = this.inverseSigmas.to({ dtype: 'float64' }).pow(-2).mean([1]).sqrt();
        return {
          sigmaMean: sigmas.mean().item(),
          sigmaMin: sigmas.min().item(),
          sigmaMax: sigmas.max().item(),
        };
      }),
    );
  }
}
