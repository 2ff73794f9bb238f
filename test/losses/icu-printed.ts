/**
 * The ICU loss once more, term by term as the paper prints it (errors corrected), for checking the reference
 * against something that shares no code with it. Softmax by log-sum-exp, no attention to numerics. The moments of
 * the regulariser can be passed in, to hold them constant.
 */
import type { IcuOptions } from '../../lib/losses/icu-options.ts';
import type { IcuInputs } from '../../lib/losses/icu-reference.ts';

export interface Moments {
  mean: number[];
  /** one value, or one for each dimension where the covariance is diagonal */
  variance: number[];
}

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const times = (count: number): number[] => Array.from({ length: count }, (_, j) => j);

export function printedLoss(inputs: IcuInputs, o: IcuOptions, fixed?: Map<number, Moments>) {
  const { classes: K, dims: D, labels } = inputs;
  const x = (i: number, d: number): number => inputs.features[i * D + d]!;
  const mu = (k: number, d: number): number => inputs.means[k * D + d]!;
  const diagonal = o.covariance === 'diagonal';
  const variances = inputs.logVariances.map(Math.exp);
  const sigma2 = (k: number, d: number): number => variances[diagonal ? k * D + d : k]!;
  const rows = times(labels.length).filter((i) => labels[i] !== o.ignoreIndex);

  const mahalanobis = (i: number, k: number): number => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += ((x(i, d) - mu(k, d)) * (x(i, d) - mu(k, d))) / sigma2(k, d);
    return sum;
  };
  /** ln|factor · Σ_k| */
  const lnDeterminant = (k: number, factor = 1): number => {
    let product = 1;
    for (let d = 0; d < (o.covariance === 'scalar' ? 1 : D); d++) product *= factor * sigma2(k, d);
    return Math.log(product);
  };

  const distance = (i: number, k: number): number => 0.5 * mahalanobis(i, k) + 0.5 * lnDeterminant(k);
  const targetDistance = (i: number, z: number): number => {
    let ln = lnDeterminant(z, 1 + o.gamma);
    if (o.gammaMode === 'determinant') ln = Math.log((1 + o.gamma) * Math.exp(lnDeterminant(z)));
    if (o.gammaMode === 'logdet') ln = (1 + o.gamma) * lnDeterminant(z);
    const d = 0.5 * mahalanobis(i, z) + 0.5 * ln;
    if (o.alphaMode === 'distance') return (1 + o.alpha) * d;
    if (o.alphaMode === 'mahalanobis') return d + 0.5 * o.alpha * mahalanobis(i, z);
    return d + o.alpha * Math.max(d, 0);
  };

  const rowLosses = times(labels.length).map((i) => {
    if (!rows.includes(i)) return 0;
    const z = labels[i]!;
    const logits = times(K).map(
      (k) => (inputs.logPrior?.[k] ?? 0) - (k === z ? targetDistance(i, z) : distance(i, k)),
    );
    const highest = Math.max(...logits);
    return highest + Math.log(total(logits.map((l) => Math.exp(l - highest)))) - logits[z]!;
  });

  const moments = new Map<number, Moments>();
  let regularizer = 0;
  const present = times(K).filter((k) => rows.some((i) => labels[i] === k));
  for (const k of present) {
    const own = rows.filter((i) => labels[i] === k);
    const mean = times(D).map((d) => total(own.map((i) => x(i, d))) / own.length);
    const centre = (d: number): number => (o.momentCenter === 'batch' ? mean[d]! : mu(k, d));
    const spread = times(D).map((d) => total(own.map((i) => (x(i, d) - centre(d)) ** 2)) / own.length);
    const variance = diagonal ? spread : [total(spread) / (o.covariance === 'isotropic' ? D : 1)];
    moments.set(k, { mean, variance });
    const used = fixed?.get(k) ?? { mean, variance };
    const weight = { sum: 1, classes: 1 / present.length, samples: own.length / rows.length }[o.regReduction];
    regularizer +=
      weight * o.lambdaMean * total(times(D).map((d) => (mu(k, d) - used.mean[d]!) ** 2)) +
      weight * o.lambdaVar * total(used.variance.map((moment, d) => (sigma2(k, d) - moment) ** 2));
  }
  return { rowLosses, regularizer, moments };
}
