import { Buffer, Parameter } from '../nn/index.ts';
import { noGrad, operator, scope, Tensor, tensor, torch } from '../tensor/index.ts';
import { checkNames, shown } from './check.ts';
import { type IcuOptions, icuDefaults, icuOptionNames, resolveIcuOptions } from './icu-options.ts';
import { ClassificationLoss, type LossOutput, type ParameterGroup } from './loss.ts';

/** The options of the loss itself, and how its parameters start and learn. */
export interface IcuLossOptions extends Partial<IcuOptions> {
  /**
   * ln of the classes' prior probabilities, up to a constant: K numbers, for example ln n_k on long-tailed data. It
   * is added to the logits in training only. Default: none, the uniform prior of Eq. 6.
   */
  logPrior?: readonly number[] | Float32Array | Float64Array | Tensor | null;
  /** The standard deviation of each μ_kd before training, see `IcuLoss`. Default 1. */
  initialMeanStd?: number;
  /** σ_k of every class before training. Default 1. */
  initialSigma?: number;
  /** The means' learning rate as a multiple of the network's. Default 10. */
  meanLr?: number;
  /** The log-variances' learning rate as a multiple of the network's. Default 10 (scalar) or 10 · min(1, 2/D). */
  varianceLr?: number;
}

type IcuResult = [classification: Tensor, regularizer: Tensor, diagnostics: Tensor];

const icuLoss = operator('icu::loss') as (...args: unknown[]) => IcuResult;
const icuDistances = operator('icu::distances') as (...args: unknown[]) => Tensor;

/** Those of `names` that differ from the operator's defaults: a call without options is the quickest. */
function changed(options: IcuOptions, names: readonly (keyof IcuOptions)[]): object[] {
  const different = names.filter((name) => options[name] !== icuDefaults[name]);
  return different.length === 0 ? [] : [Object.fromEntries(different.map((name) => [name, options[name]]))];
}

const own = ['logPrior', 'initialMeanStd', 'initialSigma', 'meanLr', 'varianceLr'] as const;

/**
 * The ICU loss: every class is a Gaussian with a learned mean and a learned variance, an image belongs to the class
 * under which its features are likeliest, and training adds margins to the true class and draws each class's
 * parameters to the moments of its samples. docs/icu-loss.md has the formulas.
 *
 * Before training σ = 1 and μ_kd ~ N(0, 1), the scale of features that are normalised in each dimension. Means much
 * closer together than σ make a slow start, since at first every class looks like every other; the regulariser draws
 * means that are too far out to the features within a few dozen steps.
 */
export class IcuLoss extends ClassificationLoss {
  readonly options: IcuOptions;
  /** μ, (K, D) */
  readonly means: Parameter;
  /** s = ln σ², (K); (K, D) where the covariance is diagonal */
  readonly logVariances: Parameter;
  /** (K), or null */
  readonly logPrior: Buffer | null;
  readonly #meanLr: number;
  readonly #varianceLr: number;
  readonly #lossOptions: object[];
  readonly #distanceOptions: object[];

  /**
   * @param numClasses K
   * @param featureDim D
   * @throws TypeError naming the option, what was expected and what came
   */
  constructor(numClasses: number, featureDim: number, options: IcuLossOptions = {}) {
    super('IcuLoss', numClasses, featureDim);
    checkNames('IcuLoss', options, [...icuOptionNames, ...own]);
    const { logPrior, initialMeanStd, initialSigma, meanLr, varianceLr, ...lossOptions } = options;
    this.options = resolveIcuOptions(lossOptions);
    const { covariance, minLogVariance, maxLogVariance } = this.options;
    this.#lossOptions = changed(this.options, icuOptionNames);
    this.#distanceOptions = changed(this.options, ['covariance', 'minLogVariance', 'maxLogVariance']);
    const wide = covariance === 'scalar' ? 1 : Math.min(1, 2 / featureDim);
    this.#meanLr = positive('meanLr', meanLr ?? 10);
    this.#varianceLr = positive('varianceLr', varianceLr ?? 10 * wide);

    const spread = positive('initialMeanStd', initialMeanStd ?? 1);
    const sigma = positive('initialSigma', initialSigma ?? 1);
    const s = 2 * Math.log(sigma);
    if (!(s >= minLogVariance && s <= maxLogVariance)) {
      const [least, greatest] = [minLogVariance, maxLogVariance].map((bound) =>
        Math.exp(bound / 2).toPrecision(4),
      );
      throw new TypeError(
        `IcuLoss: initialSigma: expected a number from ${least} to ${greatest}, where minLogVariance and ` +
          `maxLogVariance put σ, got ${sigma}`,
      );
    }
    this.means = new Parameter(noGrad(() => torch.randn([numClasses, featureDim]).mul_(spread)));
    const variances = covariance === 'diagonal' ? [numClasses, featureDim] : [numClasses];
    this.logVariances = new Parameter(torch.full(variances, s, { dtype: 'float32' }));
    this.logPrior = logPrior ? new Buffer(priorTensor(logPrior, numClasses)) : null;
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
    const [classification, regularizer, figures] = logPrior
      ? icuLoss(features, labels, means, logVariances, logPrior, ...this.#lossOptions)
      : icuLoss(features, labels, means, logVariances, ...this.#lossOptions);
    const reduced = this.options.reduction === 'none' ? classification.sum() : classification;
    const [validRows, negativeShare, featureNorm] = figures.unbind(0) as [Tensor, Tensor, Tensor];
    return {
      total: reduced.add(regularizer),
      classification,
      regularizer,
      diagnostics: { validRows, negativeShare, featureNorm },
    };
  }

  /** d_ik = (Q_ik + ln|Σ_k|)/2 (Eq. 9), (N, K), differentiable. */
  distances(features: Tensor): Tensor {
    return icuDistances(features, this.means, this.logVariances, ...this.#distanceOptions);
  }

  /**
   * −d_ik, (N, K): no margins, no prior. For the posterior under the prior of training add `logPrior`.
   * @param features (N, D)
   */
  override logits(features: Tensor): Tensor {
    return this.distances(features).neg();
  }

  /**
   * Two groups without weight decay, which would draw means to the origin and variances to 1. Both learn faster than
   * the network, whose features they follow; in many dimensions the log-variances less so, since one step of s moves
   * the distances of a class by D/2 steps.
   */
  override parameterGroups(lr: number, _weightDecay = 0): ParameterGroup[] {
    return [
      { name: 'means', params: [this.means], lr: lr * this.#meanLr, weightDecay: 0 },
      { name: 'logVariances', params: [this.logVariances], lr: lr * this.#varianceLr, weightDecay: 0 },
    ];
  }

  /** σ² within its bounds, float64: (K); (K, D) where the covariance is diagonal. */
  variances(): Tensor {
    const { minLogVariance, maxLogVariance } = this.options;
    return noGrad(() =>
      scope(() => this.logVariances.to({ dtype: 'float64' }).clamp(minLogVariance, maxLogVariance).exp()),
    );
  }

  /** σ of each class, (K) float64: √(mean of its variances) where the covariance is diagonal. */
  sigmas(): Tensor {
    return scope(() => {
      const variances = this.variances();
      return (variances.ndim === 2 ? variances.mean([1]) : variances).sqrt();
    });
  }

  /** `sigmaMean`, `sigmaMin`, `sigmaMax` over the classes, and `meanNorm`, the mean |μ_k|. */
  override summary(): Record<string, number> {
    return noGrad(() =>
      scope(() => {
        const sigmas = this.sigmas();
        return {
          sigmaMean: sigmas.mean().item(),
          sigmaMin: sigmas.min().item(),
          sigmaMax: sigmas.max().item(),
          meanNorm: this.means.square().sum([1]).sqrt().mean().item(),
        };
      }),
    );
  }
}

function positive(name: string, value: unknown): number {
  if (!(Number.isFinite(value) && (value as number) > 0)) {
    throw new TypeError(`IcuLoss: ${name}: expected a finite number above 0, got ${shown(value)}`);
  }
  return value as number;
}

function priorTensor(prior: NonNullable<IcuLossOptions['logPrior']>, classes: number): Tensor {
  const result =
    prior instanceof Tensor ? prior.detach().clone() : tensor(Float32Array.from(prior), { dtype: 'float32' });
  if (result.ndim !== 1 || result.shape[0] !== classes) {
    throw new TypeError(
      `IcuLoss: logPrior: expected ${classes} values, one for each class, got shape [${result.shape.join(', ')}]`,
    );
  }
  return result;
}
