/**
 * The gradients of icu-reference.ts, written out by hand from its formulas. The native backward is compared with
 * these, and these with finite differences.
 */
import type { IcuOptions } from './icu-options.ts';
import { type IcuInputs, IcuProblem, softmaxOverGaps } from './icu-reference.ts';

/** The gradients that arrive at the loss's two outputs. Each is 1 by default. */
export interface IcuUpstream {
  /** A number; one value for each row where `reduction` is none (a number then stands for all rows). */
  classification?: number | ArrayLike<number>;
  regularizer?: number;
}

export interface IcuGradients {
  /** dL/dx, (N, D); 0 in ignored rows */
  features: Float64Array;
  /** dL/dμ, (K, D) */
  means: Float64Array;
  /** dL/ds, (K) or (K, D) */
  logVariances: Float64Array;
}

/**
 * g_ik = dL/dd̂_ik, (N, K):
 *   g_ik = −(w_i/V)·p_ik for k ≠ z,   g_iz = (w_i/V)·Σ_{k≠z} p_ik,
 * never 1 − p_iz, which loses every digit of a small gradient. V is 1 for the reductions sum and none.
 */
export function icuDistanceGradient(
  inputs: IcuInputs,
  options: Partial<IcuOptions> = {},
  upstream: IcuUpstream = {},
): Float64Array {
  const problem = new IcuProblem(inputs, options);
  const { N, K, labels, rows } = problem;
  const weights = upstream.classification ?? 1;
  const V = problem.options.reduction === 'mean' ? rows.length : 1;
  const g = new Float64Array(N * K);
  for (const i of rows) {
    const z = labels[i]!;
    const { others } = softmaxOverGaps(problem.logitGaps(i), z);
    const weight = (typeof weights === 'number' ? weights : weights[i]!) / V;
    for (let k = 0; k < K; k++) g[i * K + k] = -weight * others[k]!;
    g[i * K + z] = weight * others.reduce((a, b) => a + b, 0);
  }
  return g;
}

/** How d̂_iz moves with Q_iz and L_z: d̂_iz = (m·Q + h·L + const)/2. Both are 1 for the other classes. */
function targetFactors(problem: IcuProblem, i: number): { m: number; h: number } {
  const { alpha, alphaMode } = problem.options;
  const { gB, cG } = problem;
  if (alphaMode === 'mahalanobis') return { m: 1 + alpha, h: 1 + gB };
  const z = problem.labels[i]!;
  const withGamma = problem.mahalanobis(i, z) + (1 + gB) * problem.logDeterminant(z) + cG;
  const m = alphaMode === 'positive' && !(withGamma > 0) ? 1 : 1 + alpha;
  return { m, h: m * (1 + gB) };
}

/**
 * Adds the classification term's gradients. With A_ik = g_ik·m_ik, H_ik = g_ik·h_ik and v = 1/σ²:
 *   dL/dx_i  = Σ_k A_ik·v_k (x_i − μ_k)
 *   dL/dμ_k  = −Σ_i A_ik·v_k (x_i − μ_k)
 *   dL/ds_k  = ½ Σ_i (κ·H_ik − A_ik·Q_ik);   diagonal: ½ Σ_i (H_ik − A_ik·v_kd (x_id − μ_kd)²)
 */
function addThroughDistances(
  problem: IcuProblem,
  g: Float64Array,
  factors: (i: number, k: number) => { m: number; h: number },
  into: IcuGradients,
): void {
  const { K, D, v, kappaPerDim } = problem;
  for (const i of problem.rows) {
    for (let k = 0; k < K; k++) {
      const { m, h } = factors(i, k);
      const A = g[i * K + k]! * m;
      const H = g[i * K + k]! * h;
      for (let d = 0; d < D; d++) {
        const j = problem.at(k, d);
        const difference = problem.difference(i, k, d);
        const pull = A * v[j]! * difference;
        into.features[i * D + d]! += pull;
        into.means[k * D + d]! -= pull;
        into.logVariances[j]! += (kappaPerDim * H - pull * difference) / 2;
      }
    }
  }
}

/**
 * Adds the regulariser's gradients (Eqs. 15 and 16; Eq. 15 with the sign that the derivative of Eq. 14 has).
 * With t_k = μ_k − μ̄_k and e_k = σ_k² − σ̄_k²:
 *   dR/dμ_k = w_k [2·λ_mean − 4c·λ_var·e_k]·t_k
 *   dR/ds_k = 2·w_k·λ_var·e_k·σ_k²
 *   dR/dx_i = −(w_k/n_k) [2·λ_mean·t_k + 4c·λ_var·e_k·(x_i − centre)]
 * The second term of the first line is there only when the moment's centre is μ_k itself. Where the moments are
 * held constant it goes, and so does the whole last line.
 */
function addRegularizer(problem: IcuProblem, upstream: number, into: IcuGradients): void {
  const { D, c, mu, s, x } = problem;
  const { lambdaMean, lambdaVar, momentCenter, momentGradient } = problem.options;
  const present = problem.present();
  for (const [k, members] of present) {
    const { mean, centre, variance } = problem.moments(k, members);
    const n = members.length;
    const w = upstream * problem.classWeight(n, present.size);
    for (const [d, moment] of variance.entries()) {
      const sigma2 = Math.exp(s[problem.at(k, d)]!);
      into.logVariances[problem.at(k, d)]! += 2 * w * lambdaVar * (sigma2 - moment) * sigma2;
    }
    for (let d = 0; d < D; d++) {
      const t = mu[k * D + d]! - mean[d]!;
      const e = Math.exp(s[problem.at(k, d)]!) - variance[variance.length === 1 ? 0 : d]!;
      const throughMoment = momentGradient && momentCenter === 'learned' ? 4 * c * lambdaVar * e : 0;
      into.means[k * D + d]! += w * (2 * lambdaMean - throughMoment) * t;
      if (!momentGradient) continue;
      for (const i of members) {
        const fromCentre = x[i * D + d]! - centre[d]!;
        into.features[i * D + d]! -= (w / n) * (2 * lambdaMean * t + 4 * c * lambdaVar * e * fromCentre);
      }
    }
  }
}

/** At or beyond a bound, a gradient whose descent step would lead further out becomes 0; one leading back stays. */
function stopAtBounds(problem: IcuProblem, gradient: Float64Array): void {
  const { minLogVariance, maxLogVariance } = problem.options;
  for (const [j, s] of problem.rawS.entries()) {
    const outward = (s >= maxLogVariance && gradient[j]! < 0) || (s <= minLogVariance && gradient[j]! > 0);
    if (outward) gradient[j] = 0;
  }
}

const zeros = ({ N, K, D, s }: IcuProblem): IcuGradients => ({
  features: new Float64Array(N * D),
  means: new Float64Array(K * D),
  logVariances: new Float64Array(s.length),
});

/** The gradients of upstream.classification · classification + upstream.regularizer · regulariser. */
export function icuGradients(
  inputs: IcuInputs,
  options: Partial<IcuOptions> = {},
  upstream: IcuUpstream = {},
): IcuGradients {
  const problem = new IcuProblem(inputs, options);
  const gradients = zeros(problem);
  const g = icuDistanceGradient(inputs, options, upstream);
  const others = { m: 1, h: 1 };
  const factors = (i: number, k: number): { m: number; h: number } =>
    k === problem.labels[i] ? targetFactors(problem, i) : others;
  addThroughDistances(problem, g, factors, gradients);
  addRegularizer(problem, upstream.regularizer ?? 1, gradients);
  stopAtBounds(problem, gradients.logVariances);
  return gradients;
}

/** The gradients of Σ_ik upstream_ik · d_ik, upstream (N, K). */
export function icuDistancesGradients(
  inputs: Omit<IcuInputs, 'labels'>,
  upstream: Float64Array,
  options: Partial<IcuOptions> = {},
): IcuGradients {
  const labels = new Int32Array(inputs.features.length / inputs.dims);
  const problem = new IcuProblem({ ...inputs, labels }, { ...options, ignoreIndex: -100 });
  const gradients = zeros(problem);
  addThroughDistances(problem, upstream, () => ({ m: 1, h: 1 }), gradients);
  stopAtBounds(problem, gradients.logVariances);
  return gradients;
}
