import { Buffer } from '../nn/index.ts';
import { noGrad, type Tensor, torch } from '../tensor/index.ts';
import {
  atLeastZero,
  type Check,
  checkNames,
  countingNumber,
  flag,
  type OptionTable,
  oneOf,
  orNull,
  resolveOptions,
} from './check.ts';
import { GaussianLoss, type GaussianOptions, gaussianOptionNames, separate } from './gaussian.ts';
import { icuOutput } from './icu-operator.ts';
import { icuDefaults } from './icu-options.ts';
import type { LossOutput } from './loss.ts';

export interface LgmOptions extends GaussianOptions {
  /** The `paper`'s form, or that of the authors' `official` Caffe layer, which knows no ln|Σ|. Default `paper`. */
  form?: 'paper' | 'official';
  /** α ≥ 0, the margin. Default 0.1. */
  alpha?: number;
  /** Factor on α after every `alphaInterval` steps, ≥ 1. Default 1. */
  alphaGrowth?: number;
  /** Steps between two increases of α. Default 5000. */
  alphaInterval?: number;
  /** α grows no further. Default null: no limit. */
  alphaMax?: number | null;
  /** λ ≥ 0, the weight of the likelihood term. Default 0.1. */
  lambda?: number;
  /** σ_k² I, or a variance for each class and dimension. Default `isotropic`. */
  covariance?: 'isotropic' | 'diagonal';
  /** Whether the variances are learned. Default null: true for `paper`, false for `official`, as its layer. */
  learnVariances?: boolean | null;
}

const atLeastOne: Check = (value) =>
  Number.isFinite(value) && (value as number) >= 1 ? null : 'a finite number of at least 1';

type Own = Omit<LgmOptions, keyof GaussianOptions>;
const table: OptionTable<Own> = {
  form: ['paper', oneOf(['paper', 'official'])],
  alpha: [0.1, atLeastZero],
  alphaGrowth: [1, atLeastOne],
  alphaInterval: [5000, countingNumber],
  alphaMax: [null, orNull(atLeastZero)],
  lambda: [0.1, atLeastZero],
  covariance: ['isotropic', oneOf(['isotropic', 'diagonal'])],
  learnVariances: [null, orNull(flag)],
};

const { minLogVariance, maxLogVariance } = icuDefaults;

/**
 * The large-margin Gaussian mixture loss, L-GM, of Wan, Zhong, Li and Chen (CVPR 2018), which the ICU loss sets out
 * from. With Q_ik = (x_i − μ_k)ᵀ Σ_k⁻¹ (x_i − μ_k):
 *   L = cross-entropy of l_k = −½·(1 + α·1[k = y])·Q_k − ½ ln|Σ_k|,  plus  λ·(1/N) Σ_i ½(Q_iy + ln|Σ_y|),
 * the second being the negative log-likelihood of the features, up to a constant.
 *
 * `form: 'official'` is what the authors' Caffe layer computes: no ln|Σ| anywhere, ½|x − μ_y|² for the likelihood,
 * whatever Σ, and Σ = I unless `learnVariances` says otherwise. It differs from the layer in that σ² = e^s, where the
 * layer has max(σ², 0) + 1e-4, and in that the likelihood is part of the loss that is returned.
 *
 * α may grow with the training steps t, this one not included: α·alphaGrowth^⌊t/alphaInterval⌋, at most `alphaMax`;
 * the authors' CIFAR-100 doubles 0.1 every 5,000 steps up to 0.3, their MNIST takes 0.001 times 10 every 1,500 up
 * to 1. t is part of the state dict. Defaults: α = 0.1, λ = 0.1, both theirs for CIFAR-100. Log-variances are kept
 * from −10 to 10. Test logits are l_k without the margin.
 */
export class LgmLoss extends GaussianLoss {
  /** t, a scalar, int64: forward passes in training mode */
  readonly steps: Buffer;
  readonly options: Required<Own> & { readonly learnVariances: boolean };
  /** What of the ICU operator this loss is: all but α, which may change. */
  readonly #operatorOptions: object;
  /** `steps` as a number, so that no step waits for the device. */
  #steps = 0;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: LgmOptions = {}) {
    checkNames('LgmLoss', options, [...Object.keys(table), ...gaussianOptionNames]);
    const [gaussians, own] = separate(options);
    const resolved = resolveOptions('LgmLoss', table, own);
    const { covariance, lambda } = resolved;
    const inPaper = resolved.form === 'paper';
    const distance = { covariance, minLogVariance, maxLogVariance, logDeterminant: inPaper };
    super('LgmLoss', numClasses, featureDim, distance, gaussians);
    this.options = { ...resolved, learnVariances: resolved.learnVariances ?? inPaper };
    this.#operatorOptions = {
      covariance,
      logDeterminant: inPaper,
      alphaMode: 'mahalanobis',
      gamma: 0,
      lambdaMean: 0,
      lambdaVar: 0,
      lambdaLikelihood: lambda,
      likelihood: inPaper ? 'gaussian' : 'euclidean',
    };
    this.logVariances.requiresGrad = this.options.learnVariances;
    this.steps = new Buffer(torch.zeros([], { dtype: 'int64' }));
  }

  /** α of the next step. */
  get alpha(): number {
    const { alpha, alphaGrowth, alphaInterval, alphaMax } = this.options;
    if (alpha === 0) return 0;
    const grown = alpha * alphaGrowth ** Math.floor(this.#steps / alphaInterval);
    return Math.min(grown, alphaMax ?? Number.MAX_VALUE);
  }

  protected override stepped(): void {
    if (!this.training) return;
    this.#steps++;
    noGrad(() => this.steps.add_(1));
  }

  protected override stateLoaded(): void {
    this.#steps = this.steps.item();
  }

  protected override lossOf(features: Tensor, labels: Tensor): LossOutput {
    const options = { ...this.#operatorOptions, alpha: this.alpha };
    return icuOutput(features, labels, this.means, this.logVariances, options);
  }

  /**
   * `regularizer` is the likelihood term, which ln|Σ| may make negative. Diagnostics as those of `IcuLoss`. Rows labelled
   * −100 take no part.
   * @param features (N, D)
   * @param labels (N) int64
   */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const output = this.lossOf(features, labels);
    this.stepped();
    return output;
  }

  /** Those of `GaussianLoss`, and `alpha`. */
  override summary(): Record<string, number> {
    return { ...super.summary(), alpha: this.alpha };
  }
}
