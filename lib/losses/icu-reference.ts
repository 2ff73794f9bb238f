/**
 * The ICU loss in plain TypeScript on Float64Array: slow, exact, and meant for reading. The native operators are
 * compared with it; nothing trains with it. Gradients are in icu-reference-gradients.ts.
 *
 * N rows, K classes, D dimensions; x (N, D) features, y (N) labels, μ (K, D) means, s (K) or (K, D) log-variances
 * ln σ². Arrays are row-major. Equation numbers are the paper's, its errors settled as docs/icu-loss.md explains.
 */
import { type IcuOptions, resolveIcuOptions } from './icu-options.ts';

export interface IcuInputs {
  /** K */
  classes: number;
  /** D */
  dims: number;
  /** x, (N, D) */
  features: Float64Array;
  /** y, (N): a class from 0 to K − 1, or `ignoreIndex` */
  labels: ArrayLike<number>;
  /** μ, (K, D) */
  means: Float64Array;
  /** s, (K); (K, D) where the covariance is diagonal */
  logVariances: Float64Array;
  /** (K), added to the logits in training; a constant */
  logPrior?: Float64Array | null;
}

export interface IcuDiagnostics {
  /** V, the rows whose label is not `ignoreIndex`. */
  validRows: number;
  /** The share of valid rows whose distance to their own class (Eq. 9, without margins) is negative. */
  negativeShare: number;
  /** Mean of |x| over the valid rows. */
  featureNorm: number;
}

export interface IcuForward {
  /** The classification term; one value for each row (0 where ignored) if `reduction` is none. */
  classification: number | Float64Array;
  /** Unreduced, (N); 0 in ignored rows. */
  rowLosses: Float64Array;
  /** R of Eq. 14. */
  regularizer: number;
  diagnostics: IcuDiagnostics;
}

/** A checked problem: inputs, options, and what both together say about indices and constants. */
export class IcuProblem {
  readonly options: IcuOptions;
  readonly N: number;
  readonly K: number;
  readonly D: number;
  readonly x: Float64Array;
  readonly mu: Float64Array;
  readonly labels: readonly number[];
  readonly logPrior: Float64Array | null;
  /** s as given, and clamped to its bounds; of the latter σ² = e^s and v = 1/σ². */
  readonly rawS: Float64Array;
  readonly s: Float64Array;
  readonly v: Float64Array;
  /** The valid rows, V of them. */
  readonly rows: readonly number[];
  /** ln|Σ_k| = κ·s_k; here for each dimension: 1 for isotropic and diagonal, 1/D for scalar. */
  readonly kappaPerDim: number;
  /** The factor c of the variance moment: κ·c = 1, so that the likelihood's best σ² is the moment of Eq. 13. */
  readonly c: number;
  /** g_B and c_g of the target's (1 + g_B)·ln|Σ| + c_g. */
  readonly gB: number;
  readonly cG: number;

  constructor(inputs: IcuInputs, options: Partial<IcuOptions> = {}) {
    this.options = resolveIcuOptions(options);
    const { covariance, gamma, gammaMode, ignoreIndex, minLogVariance, maxLogVariance } = this.options;
    this.K = inputs.classes;
    this.D = inputs.dims;
    this.N = inputs.labels.length;
    this.x = checkLength('features', inputs.features, this.N * this.D);
    this.mu = checkLength('means', inputs.means, this.K * this.D);
    const variances = covariance === 'diagonal' ? this.K * this.D : this.K;
    this.rawS = checkLength('logVariances', inputs.logVariances, variances);
    this.logPrior = inputs.logPrior ? checkLength('logPrior', inputs.logPrior, this.K) : null;
    this.labels = Array.from(inputs.labels);
    this.rows = [...this.labels.keys()].filter((i) => this.labels[i] !== ignoreIndex);
    for (const i of this.rows) {
      const y = this.labels[i]!;
      if (!(Number.isInteger(y) && y >= 0 && y < this.K)) {
        throw new RangeError(
          `labels[${i}]: expected a class from 0 to ${this.K - 1} or ${ignoreIndex}, got ${y}`,
        );
      }
    }

    // s = ln σ², clamped; Math.min and Math.max keep NaN.
    this.s = this.rawS.map((s) => Math.min(Math.max(s, minLogVariance), maxLogVariance));
    this.v = this.s.map((s) => Math.exp(-s));

    // κ = D, c = 1/D (isotropic); κ = 1, c = 1 (scalar); κ = 1, c = 1 in each dimension (diagonal).
    this.kappaPerDim = covariance === 'scalar' ? 1 / this.D : 1;
    this.c = covariance === 'isotropic' ? 1 / this.D : 1;

    // Eq. 18: ln|(1+γ)Σ| adds κ·ln(1+γ), ln((1+γ)|Σ|) adds ln(1+γ), (1+γ)·ln|Σ| scales.
    const kappa = this.kappaPerDim * this.D;
    this.gB = gammaMode === 'logdet' ? gamma : 0;
    this.cG = { covariance: kappa, determinant: 1, logdet: 0 }[gammaMode] * Math.log1p(gamma);
  }

  /** Where the log-variance of class k in dimension d stands. */
  at(k: number, d: number): number {
    return this.options.covariance === 'diagonal' ? k * this.D + d : k;
  }

  /** x_id − μ_kd */
  difference(i: number, k: number, d: number): number {
    return this.x[i * this.D + d]! - this.mu[k * this.D + d]!;
  }

  /** Q_ik = Σ_d (x_id − μ_kd)² / σ_kd² */
  mahalanobis(i: number, k: number): number {
    let sum = 0;
    for (let d = 0; d < this.D; d++) sum += this.v[this.at(k, d)]! * this.difference(i, k, d) ** 2;
    return sum;
  }

  /** L_k = ln|Σ_k| = κ·s_k, or Σ_d s_kd */
  logDeterminant(k: number): number {
    let sum = 0;
    for (let d = 0; d < this.D; d++) sum += this.s[this.at(k, d)]!;
    return this.options.covariance === 'scalar' ? sum / this.D : sum;
  }

  /** d_ik = (Q_ik + L_k)/2, Eqs. 9 and 19: what decides a prediction. */
  distance(i: number, k: number): number {
    return (this.mahalanobis(i, k) + this.logDeterminant(k)) / 2;
  }

  /**
   * The target's distance with its margins, Eqs. 17 and 18, d_γ = [Q + (1 + g_B)·L + c_g]/2 being Eq. 18's:
   *   distance      (1 + α)·d_γ
   *   mahalanobis   d_γ + α·Q/2
   *   positive      d_γ + α·max(d_γ, 0)
   */
  targetDistance(i: number, z: number): number {
    const { alpha, alphaMode } = this.options;
    const q = this.mahalanobis(i, z);
    const withGamma = (q + (1 + this.gB) * this.logDeterminant(z) + this.cG) / 2;
    if (alphaMode === 'mahalanobis') return withGamma + (alpha * q) / 2;
    return alphaMode === 'positive' && !(withGamma > 0) ? withGamma : (1 + alpha) * withGamma;
  }

  /** δ_k = l_k − l_z for every class k of a valid row, where l = −d̂ + logPrior; δ_z = 0. */
  logitGaps(i: number): Float64Array {
    const z = this.labels[i]!;
    const prior = (k: number): number => this.logPrior?.[k] ?? 0;
    const target = this.targetDistance(i, z) - prior(z);
    return Float64Array.from({ length: this.K }, (_, k) =>
      k === z ? 0 : target - (this.distance(i, k) - prior(k)),
    );
  }

  /** Rows by class, for the classes present in the batch. */
  present(): Map<number, number[]> {
    const members = new Map<number, number[]>();
    for (const i of this.rows) {
      const z = this.labels[i]!;
      members.set(z, [...(members.get(z) ?? []), i]);
    }
    return members;
  }

  /** w_k of Eq. 14 for a class with n rows, when `present` classes are in the batch. */
  classWeight(n: number, present: number): number {
    const { regReduction } = this.options;
    return regReduction === 'classes' ? 1 / present : regReduction === 'samples' ? n / this.rows.length : 1;
  }

  /**
   * The moments of class k over its rows (Eqs. 12, 13, with n_k for the N printed there):
   *   μ̄_k  = (1/n_k)·Σ_i x_i
   *   σ̄_k² = (c/n_k)·Σ_i |x_i − centre|², in each dimension where the covariance is diagonal
   */
  moments(
    k: number,
    members: readonly number[],
  ): { mean: Float64Array; centre: Float64Array; variance: Float64Array } {
    const { D, x } = this;
    const mean = new Float64Array(D);
    for (const i of members) for (let d = 0; d < D; d++) mean[d]! += x[i * D + d]! / members.length;
    const centre = this.options.momentCenter === 'batch' ? mean : this.mu.subarray(k * D, (k + 1) * D);
    const diagonal = this.options.covariance === 'diagonal';
    const variance = new Float64Array(diagonal ? D : 1);
    for (const i of members) {
      for (let d = 0; d < D; d++) {
        variance[diagonal ? d : 0]! += (this.c * (x[i * D + d]! - centre[d]!) ** 2) / members.length;
      }
    }
    return { mean, centre, variance };
  }
}

function checkLength(name: string, values: Float64Array, length: number): Float64Array {
  if (!(values instanceof Float64Array) || values.length !== length) {
    throw new TypeError(
      `${name}: expected a Float64Array of ${length} values, got ${values?.length ?? values}`,
    );
  }
  return values;
}

/**
 * ln(1 + Σ_{k≠z} e^{δ_k}), and the probabilities p_k = e^{δ_k}/(1 + Σ e^δ) of the other classes; p_z is left 0.
 * The one in log1p stands for the target itself, so that a tiny loss keeps its digits; where a gap is positive the
 * largest is taken out first, so that no exponential overflows.
 */
export function softmaxOverGaps(gaps: Float64Array, z: number): { loss: number; others: Float64Array } {
  const largest = gaps.reduce((a, b) => Math.max(a, b), 0);
  const others = gaps.map((gap, k) => (k === z ? 0 : Math.exp(gap - largest)));
  const sum = others.reduce((a, b) => a + b, 0);
  const target = Math.exp(-largest);
  const loss = largest === 0 ? Math.log1p(sum) : largest + Math.log(target + sum);
  return { loss, others: others.map((value) => value / (target + sum)) };
}

/** The training loss of a batch and its parts. */
export function icuForward(inputs: IcuInputs, options: Partial<IcuOptions> = {}): IcuForward {
  const problem = new IcuProblem(inputs, options);
  const { N, D, x, labels, rows } = problem;
  const { reduction, lambdaMean, lambdaVar } = problem.options;

  // Classification: softmax cross-entropy over l = −d̂.
  const rowLosses = new Float64Array(N);
  for (const i of rows) rowLosses[i] = softmaxOverGaps(problem.logitGaps(i), labels[i]!).loss;
  const sum = rowLosses.reduce((a, b) => a + b, 0);
  const classification =
    reduction === 'none' ? rowLosses.slice() : reduction === 'sum' ? sum : sum / Math.max(rows.length, 1);

  // Eq. 14: R = Σ_k w_k [λ_mean·|μ_k − μ̄_k|² + λ_var·|σ_k² − σ̄_k²|²] over the classes present.
  let regularizer = 0;
  const present = problem.present();
  for (const [k, members] of present) {
    const { mean, variance } = problem.moments(k, members);
    let ofMean = 0;
    for (let d = 0; d < D; d++) ofMean += (problem.mu[k * D + d]! - mean[d]!) ** 2;
    let ofVariance = 0;
    for (const [d, moment] of variance.entries()) {
      ofVariance += (Math.exp(problem.s[problem.at(k, d)]!) - moment) ** 2;
    }
    const weight = problem.classWeight(members.length, present.size);
    regularizer += weight * (lambdaMean * ofMean + lambdaVar * ofVariance);
  }

  const V = Math.max(rows.length, 1);
  const negative = rows.filter((i) => problem.distance(i, labels[i]!) < 0).length;
  const norms = rows.map((i) => Math.hypot(...x.subarray(i * D, (i + 1) * D)));
  const featureNorm = norms.reduce((a, b) => a + b, 0) / V;
  const diagnostics = { validRows: rows.length, negativeShare: negative / V, featureNorm };
  return { classification, rowLosses, regularizer, diagnostics };
}

/** d_ik of Eq. 9, (N, K). Labels are not used. */
export function icuDistances(
  inputs: Omit<IcuInputs, 'labels'>,
  options: Partial<IcuOptions> = {},
): Float64Array {
  const labels = new Int32Array(inputs.features.length / inputs.dims);
  const problem = new IcuProblem({ ...inputs, labels }, { ...options, ignoreIndex: -100 });
  const { N, K } = problem;
  return Float64Array.from({ length: N * K }, (_, j) => problem.distance(Math.floor(j / K), j % K));
}

/** The logits −d_ik of prediction, (N, K): no margin, no prior, no label. */
export function icuLogits(
  inputs: Omit<IcuInputs, 'labels'>,
  options: Partial<IcuOptions> = {},
): Float64Array {
  return icuDistances(inputs, options).map((distance) => -distance);
}

/** argmin_k d_ik for each row, (N); the lowest k of equals. */
export function icuPredict(inputs: Omit<IcuInputs, 'labels'>, options: Partial<IcuOptions> = {}): Int32Array {
  const K = inputs.classes;
  const distances = icuDistances(inputs, options);
  return Int32Array.from({ length: distances.length / K }, (_, i) => {
    const row = distances.subarray(i * K, (i + 1) * K);
    return row.indexOf(row.reduce((a, b) => Math.min(a, b)));
  });
}
