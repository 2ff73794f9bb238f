/**
 * The options of the ICU loss, their defaults and their checks.
 *
 * Equation numbers are those of He Zhu and Shan Yu, "Intra-Class Uncertainty Loss Function for Classification",
 * ICME 2021. The default of every option is the paper's reading where the paper has one; docs/icu-loss.md gives the
 * formulas and says why each alternative exists.
 */

import {
  atLeastZero,
  type Check,
  finite,
  flag,
  integer,
  type OptionTable,
  oneOf,
  resolveOptions,
} from './check.ts';

/** The values of `covariance`; `IcuOptions` says what they mean, here and below. */
export const covariances = ['isotropic', 'scalar', 'diagonal'] as const;
/** Of `gammaMode`. */
export const gammaModes = ['covariance', 'determinant', 'logdet'] as const;
/** Of `alphaMode`. */
export const alphaModes = ['distance', 'mahalanobis', 'positive'] as const;
/** Of `regReduction`. */
export const regReductions = ['sum', 'classes', 'samples'] as const;
/** Of `momentCenter`. */
export const momentCenters = ['learned', 'batch'] as const;
const reductions = ['mean', 'sum', 'none'] as const;
const memories = ['auto', 'store', 'recompute'] as const;
const precisions = ['exact', 'split-tf32'] as const;

/** The shape of each class's covariance, see `IcuOptions.covariance`. */
export type Covariance = (typeof covariances)[number];
/** Where γ enters, see `IcuOptions.gammaMode`. */
export type GammaMode = (typeof gammaModes)[number];
/** What α multiplies, see `IcuOptions.alphaMode`. */
export type AlphaMode = (typeof alphaModes)[number];
/** How classes are weighted in the regulariser, see `IcuOptions.regReduction`. */
export type RegReduction = (typeof regReductions)[number];
/** The centre of the variance moment, see `IcuOptions.momentCenter`. */
export type MomentCenter = (typeof momentCenters)[number];
/** How rows are summed up, see `IcuOptions.reduction`. */
export type Reduction = (typeof reductions)[number];
/** What is kept for the backward pass, see `IcuOptions.memory`. */
export type IcuMemory = (typeof memories)[number];
/** How a GPU makes the distances, see `IcuOptions.precision`. */
export type IcuPrecision = (typeof precisions)[number];

export interface IcuOptions {
  /**
   * Σ_k, and with it the number of log-variances s = ln σ² and what |Σ_k| is:
   * - `isotropic`: σ_k² I in all D dimensions, (K) parameters, ln|Σ_k| = D·s_k (the density of Eqs. 6–7);
   * - `scalar`: (K) parameters, ln|Σ_k| = s_k (Eqs. 9–13 to the letter);
   * - `diagonal`: a variance for each class and dimension, (K, D) parameters, ln|Σ_k| = Σ_d s_kd.
   *
   * Default `isotropic`.
   */
  readonly covariance: Covariance;
  /** α ≥ 0, the margin that enlarges the target's distance (Eqs. 17, 20). Default 1e-4. */
  readonly alpha: number;
  /** γ ≥ 0, the margin that enlarges the target's covariance (Eqs. 18, 21). Default 1e-3. */
  readonly gamma: number;
  /**
   * What γ does to the target's ln|Σ_z| (Eq. 18):
   * - `covariance`: ln|(1+γ)Σ_z|, the reading that gives Eq. 21 in every dimension;
   * - `determinant`: ln((1+γ)|Σ_z|);
   * - `logdet`: (1+γ)·ln|Σ_z|, which changes its direction where |Σ_z| < 1.
   *
   * Default `covariance`.
   */
  readonly gammaMode: GammaMode;
  /**
   * What α does to the target's distance d_z:
   * - `distance`: (1+α)·d_z (Eq. 17). d_z is negative once the variances are small, and α then helps the target;
   * - `mahalanobis`: (1+α) on the Mahalanobis term only;
   * - `positive`: d_z + α·max(d_z, 0).
   *
   * Default `distance`.
   */
  readonly alphaMode: AlphaMode;
  /** λ of the means in the regulariser (Eq. 14), ≥ 0. Default 0.1. */
  readonly lambdaMean: number;
  /** λ of the variances in the regulariser (Eq. 14), ≥ 0. Default 0.1. */
  readonly lambdaVar: number;
  /** Weight of a class in the regulariser: `sum` 1 (Eq. 14), `classes` 1/(classes present), `samples` n_k/V. Default `sum`. */
  readonly regReduction: RegReduction;
  /** Centre of the variance moment (Eq. 13): the `learned` mean μ_k, or the mean of the class in the `batch`. Default `learned`. */
  readonly momentCenter: MomentCenter;
  /** Whether the regulariser's gradient flows through the moments, to features and means. Default true. */
  readonly momentGradient: boolean;
  /** Of the classification term over the V valid rows: `mean`, `sum`, or `none` for a loss for each row. Default `mean`. */
  readonly reduction: Reduction;
  /** Rows with this label take no part. Default −100. */
  readonly ignoreIndex: number;
  /** Lower bound of the log-variances; there the gradient is 0 only where it pushes outward. Default −10. */
  readonly minLogVariance: number;
  /** Upper bound of the log-variances. Default 10. */
  readonly maxLogVariance: number;
  /**
   * Whether the forward pass keeps (N, K) values for the backward pass, or that makes them again, which takes longer:
   * `store`, `recompute`, or `auto`, which stores up to 64 MiB or a quarter of the size of the means, whichever is
   * more. The loss and its gradients are the same up to rounding. Default `auto`.
   */
  readonly memory: IcuMemory;
  /**
   * `split-tf32` lets a GPU make the distances of an isotropic or scalar covariance on its tensor cores, in sums of TF32
   * numbers, and again directly where that would show: a logit is then good to about 10⁻³. `exact` has the rounding of
   * float32. On a CPU both are exact. Default `exact`.
   */
  readonly precision: IcuPrecision;
}

/** The default of every option. */
export const icuDefaults: IcuOptions = {
  covariance: 'isotropic',
  alpha: 1e-4,
  gamma: 1e-3,
  gammaMode: 'covariance',
  alphaMode: 'distance',
  lambdaMean: 0.1,
  lambdaVar: 0.1,
  regReduction: 'sum',
  momentCenter: 'learned',
  momentGradient: true,
  reduction: 'mean',
  ignoreIndex: -100,
  minLogVariance: -10,
  maxLogVariance: 10,
  memory: 'auto',
  precision: 'exact',
};

const checks: { readonly [name in keyof IcuOptions]: Check } = {
  covariance: oneOf(covariances),
  alpha: atLeastZero,
  gamma: atLeastZero,
  gammaMode: oneOf(gammaModes),
  alphaMode: oneOf(alphaModes),
  lambdaMean: atLeastZero,
  lambdaVar: atLeastZero,
  regReduction: oneOf(regReductions),
  momentCenter: oneOf(momentCenters),
  momentGradient: flag,
  reduction: oneOf(reductions),
  ignoreIndex: integer,
  minLogVariance: finite,
  maxLogVariance: finite,
  memory: oneOf(memories),
  precision: oneOf(precisions),
};

export const icuOptionNames = Object.keys(checks) as (keyof IcuOptions)[];
const table = Object.fromEntries(
  icuOptionNames.map((name) => [name, [icuDefaults[name], checks[name]]]),
) as unknown as OptionTable<IcuOptions>;

/**
 * `options` with every default filled in. An option given as undefined takes its default.
 * @throws TypeError naming the option, what was expected and what came
 */
export function resolveIcuOptions(options: Partial<IcuOptions> = {}): IcuOptions {
  const resolved = resolveOptions('IcuLoss', table, options);
  if (!(resolved.minLogVariance < resolved.maxLogVariance)) {
    throw new TypeError(
      `IcuLoss: minLogVariance: expected a number below maxLogVariance (${resolved.maxLogVariance}), ` +
        `got ${resolved.minLogVariance}`,
    );
  }
  return resolved;
}
