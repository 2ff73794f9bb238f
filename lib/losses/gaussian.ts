import { Parameter } from '../nn/index.ts';
import { noGrad, operator, scope, type Tensor, torch } from '../tensor/index.ts';
import { aboveZero, atLeastZero, checked } from './check.ts';
import { type IcuOptions, icuDefaults } from './icu-options.ts';
import { ClassificationLoss, type ParameterGroup } from './loss.ts';

/** How the Gaussians start and learn. */
export interface GaussianOptions {
  /** The standard deviation of each μ_kd before training. Default 1. */
  initialMeanStd?: number;
  /** σ_k of every class before training. Default 1. */
  initialSigma?: number;
  /** The means' learning rate as a multiple of the network's. Default 10. */
  meanLr?: number;
  /** The log-variances' learning rate as a multiple of the network's. Default 10 (scalar) or 10 · min(1, 2/D). */
  varianceLr?: number;
  /** The means' weight decay as a multiple of the network's. Default 0. */
  meanDecay?: number;
  /** The log-variances' weight decay as a multiple of the network's. Default 0. */
  varianceDecay?: number;
}

export const gaussianOptionNames = [
  'initialMeanStd',
  'initialSigma',
  'meanLr',
  'varianceLr',
  'meanDecay',
  'varianceDecay',
] as const;

/** Those of a loss's options that are of its Gaussians, and the others. */
export function separate<Options extends GaussianOptions>(
  options: Options,
): [GaussianOptions, Omit<Options, keyof GaussianOptions>] {
  const { initialMeanStd, initialSigma, meanLr, varianceLr, meanDecay, varianceDecay, ...others } = options;
  return [{ initialMeanStd, initialSigma, meanLr, varianceLr, meanDecay, varianceDecay }, others];
}

/** What a distance depends on besides its tensors. */
interface DistanceOptions extends Pick<IcuOptions, 'covariance' | 'minLogVariance' | 'maxLogVariance'> {
  /** Whether ln|Σ_k| is part of it. Default true. */
  readonly logDeterminant?: boolean;
}

const icuDistances = operator('icu::distances') as (...args: unknown[]) => Tensor;

/** Those of `names` that differ from the operators' defaults: a call without options is the quickest. */
export function changed<Name extends keyof IcuOptions>(
  options: Pick<IcuOptions, Name>,
  names: readonly Name[],
): object[] {
  const different = names.filter((name) => options[name] !== icuDefaults[name]);
  return different.length === 0 ? [] : [Object.fromEntries(different.map((name) => [name, options[name]]))];
}

/**
 * A loss whose classes are Gaussians in feature space, with learned means and log-variances. Before training σ = 1 and
 * μ_kd ~ N(0, 1), the scale of features that are normalised in each dimension. Means much closer together than σ make a
 * slow start, since at first every class looks like every other.
 */
export abstract class GaussianLoss extends ClassificationLoss {
  /** μ, (K, D) */
  readonly means: Parameter;
  /** s = ln σ², (K); (K, D) where the covariance is diagonal */
  readonly logVariances: Parameter;
  readonly #bounds: DistanceOptions;
  readonly #distanceOptions: object[];
  readonly #meanLr: number;
  readonly #varianceLr: number;
  readonly #meanDecay: number;
  readonly #varianceDecay: number;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(
    name: string,
    numClasses: number,
    featureDim: number,
    distance: DistanceOptions,
    options: GaussianOptions,
  ) {
    super(name, numClasses, featureDim);
    const { covariance, minLogVariance, maxLogVariance, logDeterminant = true } = distance;
    this.#bounds = distance;
    const others = changed(distance, ['covariance', 'minLogVariance', 'maxLogVariance']);
    this.#distanceOptions = logDeterminant ? others : [{ ...others[0], logDeterminant }];
    const wide = covariance === 'scalar' ? 1 : Math.min(1, 2 / featureDim);
    this.#meanLr = checked<number>(name, 'meanLr', options.meanLr ?? 10, aboveZero);
    this.#varianceLr = checked<number>(name, 'varianceLr', options.varianceLr ?? 10 * wide, aboveZero);
    this.#meanDecay = checked<number>(name, 'meanDecay', options.meanDecay ?? 0, atLeastZero);
    this.#varianceDecay = checked<number>(name, 'varianceDecay', options.varianceDecay ?? 0, atLeastZero);

    const spread = checked<number>(name, 'initialMeanStd', options.initialMeanStd ?? 1, aboveZero);
    const sigma = checked<number>(name, 'initialSigma', options.initialSigma ?? 1, aboveZero);
    const s = 2 * Math.log(sigma);
    if (!(s >= minLogVariance && s <= maxLogVariance)) {
      const [least, greatest] = [minLogVariance, maxLogVariance].map((bound) =>
        Math.exp(bound / 2).toPrecision(4),
      );
      throw new TypeError(
        `${name}: initialSigma: expected a number from ${least} to ${greatest}, where minLogVariance and ` +
          `maxLogVariance put σ, got ${sigma}`,
      );
    }
    this.means = new Parameter(noGrad(() => torch.randn([numClasses, featureDim]).mul_(spread)));
    const variances = covariance === 'diagonal' ? [numClasses, featureDim] : [numClasses];
    this.logVariances = new Parameter(torch.full(variances, s, { dtype: 'float32' }));
  }

  /** The operators check what they are given, take int32 labels too, and leave out rows by themselves. */
  protected override checkBatch(features: Tensor): Tensor {
    return features;
  }

  /** d_ik = (Q_ik + ln|Σ_k|)/2 (Eq. 9 of the ICU paper), or Q_ik/2 without the determinant: (N, K), differentiable. */
  distances(features: Tensor): Tensor {
    return icuDistances(features, this.means, this.logVariances, ...this.#distanceOptions);
  }

  /**
   * −d_ik, (N, K): no margins, no prior.
   * @param features (N, D)
   */
  override logits(features: Tensor): Tensor {
    return this.distances(features).neg();
  }

  /**
   * Two groups, by default without weight decay, which would draw means to the origin and variances to 1. Both learn faster than
   * the network, whose features they follow; in many dimensions the log-variances less so, since one step of s moves
   * the distances of a class by D/2 steps. Log-variances that are not learned are left out.
   */
  override parameterGroups(lr: number, weightDecay = 0): ParameterGroup[] {
    const ofMeans = { lr: lr * this.#meanLr, weightDecay: weightDecay * this.#meanDecay };
    const means = { name: 'means', params: [this.means], ...ofMeans };
    if (!this.logVariances.requiresGrad) return [means];
    const own = { lr: lr * this.#varianceLr, weightDecay: weightDecay * this.#varianceDecay };
    return [means, { name: 'logVariances', params: [this.logVariances], ...own }];
  }

  /** σ² within its bounds, float64: (K); (K, D) where the covariance is diagonal. */
  variances(): Tensor {
    const { minLogVariance, maxLogVariance } = this.#bounds;
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
