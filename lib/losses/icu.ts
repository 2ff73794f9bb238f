import { Buffer } from '../nn/index.ts';
import { Tensor, tensor } from '../tensor/index.ts';
import { atLeastZero, checked, checkNames, shown } from './check.ts';
import { checkClassCounts, logPriorOf } from './class-counts.ts';
import { changed, GaussianLoss, type GaussianOptions, gaussianOptionNames, separate } from './gaussian.ts';
import { icuOutput } from './icu-operator.ts';
import { type IcuOptions, icuOptionNames, resolveIcuOptions } from './icu-options.ts';
import type { LossOutput } from './loss.ts';
import { wideType } from './rows.ts';

/** The options of the loss itself, and how its parameters start and learn. */
export interface IcuLossOptions extends Partial<IcuOptions>, GaussianOptions {
  /**
   * ln of the classes' prior probabilities, up to a constant: K numbers, or `counts` for ln(n_k/Σn) of `classCounts`,
   * on long-tailed data. It is added to the logits in training only. Default: none, the uniform prior of Eq. 6.
   */
  logPrior?: readonly number[] | Float32Array | Float64Array | Tensor | 'counts' | null;
  /**
   * τ ≥ 0, the strength of `logPrior`, of which τ times is added (Menon et al., ICLR 2021, Eq. 10). Default 1, the prior
   * itself. A network that comes to fit nearly all of its training images needs more. An error without `logPrior`.
   */
  tau?: number;
  /**
   * n_k, the number of training images of each class: K integers of at least 1. Needed for `logPrior: 'counts'` only;
   * training fills it in.
   */
  classCounts?: readonly number[];
}

const own = ['logPrior', 'tau', 'classCounts', ...gaussianOptionNames] as const;

/**
 * The ICU loss: every class is a Gaussian with a learned mean and a learned variance, an image belongs to the class
 * under which its features are likeliest, and training adds margins to the true class and draws each class's
 * parameters to the moments of its samples. docs/icu-loss.md has the formulas.
 *
 * Before training σ = 1 and μ_kd ~ N(0, 1), the scale of features that are normalised in each dimension. Means much
 * closer together than σ make a slow start, since at first every class looks like every other; the regulariser draws
 * means that are too far out to the features within a few dozen steps.
 */
export class IcuLoss extends GaussianLoss {
  readonly options: IcuOptions;
  /** τ·ln p_k, (K), or null */
  readonly logPrior: Buffer | null;
  readonly #lossOptions: object[];

  /**
   * @param numClasses K
   * @param featureDim D
   * @throws TypeError naming the option, what was expected and what came
   */
  constructor(numClasses: number, featureDim: number, options: IcuLossOptions = {}) {
    checkNames('IcuLoss', options, [...icuOptionNames, ...own]);
    const [gaussians, { logPrior, tau, classCounts, ...lossOptions }] = separate(options);
    const resolved = resolveIcuOptions(lossOptions);
    super('IcuLoss', numClasses, featureDim, resolved, gaussians);
    this.options = resolved;
    this.#lossOptions = changed(this.options, icuOptionNames);
    const counts = () => checkClassCounts('IcuLoss', classCounts, numClasses);
    const prior = logPrior === 'counts' ? logPriorOf(counts()) : logPrior;
    if (tau !== undefined && !prior) {
      throw new TypeError(
        `IcuLoss: tau: expected none without logPrior, whose strength it is, got ${shown(tau)}`,
      );
    }
    const strength = checked<number>('IcuLoss', 'tau', tau ?? 1, atLeastZero);
    this.logPrior = prior ? new Buffer(priorTensor(prior, numClasses).mul_(strength)) : null;
  }

  /**
   * Classification and regulariser, with V valid rows (those whose label is not `ignoreIndex`).
   *
   * `total` is the sum of both, with the sum over the rows where `reduction` is none. Diagnostics, float64 scalars:
   * `validRows` V, `negativeShare` the share of valid rows whose distance d_z to their own class is below 0 (where α
   * helps instead of hindering, see `alphaMode`), `featureNorm` the mean |x|.
   * @param features (N, D), on the device of the parameters
   * @param labels (N), int64 or int32
   */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const { means, logVariances, logPrior } = this;
    const prior = logPrior ? [logPrior] : [];
    return icuOutput(features, labels, means, logVariances, ...prior, ...this.#lossOptions);
  }
}

type Prior = Exclude<IcuLossOptions['logPrior'], 'counts' | null | undefined>;

function priorTensor(prior: Prior, classes: number): Tensor {
  if (!(prior instanceof Tensor || Array.isArray(prior) || ArrayBuffer.isView(prior))) {
    throw new TypeError(
      `IcuLoss: logPrior: expected ${classes} values, one for each class, "counts" or null, got ${shown(prior)}`,
    );
  }
  const result =
    prior instanceof Tensor
      ? prior.detach().to({ dtype: wideType(prior.dtype), copy: true })
      : tensor(Float32Array.from(prior), { dtype: 'float32' });
  if (result.ndim !== 1 || result.shape[0] !== classes) {
    throw new TypeError(
      `IcuLoss: logPrior: expected ${classes} values, one for each class, got shape [${result.shape.join(', ')}]`,
    );
  }
  const values = Array.from(result.to({ dtype: 'float64', device: 'cpu' }).toTypedArray(), Number);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new TypeError(`IcuLoss: logPrior: expected finite numbers, got ${values[bad]} for class ${bad}`);
  }
  return result;
}
