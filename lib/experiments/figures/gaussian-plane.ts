/** The ICU loss's distances in the plane, for isotropic covariance, written out for drawing. */

/** A class: N(mean, sigma²·I). */
export interface PlaneGaussian {
  mean: [number, number];
  sigma: number;
}

export interface Margins {
  /** Default 0. */
  alpha?: number;
  /** Default 0. */
  gamma?: number;
}

/**
 * d̂ = (1+α)/2 · [ |x − μ|²/σ² + ln|(1+γ)Σ| ] with ln|(1+γ)Σ| = 2 ln((1+γ)σ²) in two dimensions (Eqs. 17, 18); without
 * margins it is d (Eq. 9).
 */
export function distance(
  { mean, sigma }: PlaneGaussian,
  x: number,
  y: number,
  { alpha = 0, gamma = 0 }: Margins = {},
): number {
  const quadratic = ((x - mean[0]) ** 2 + (y - mean[1]) ** 2) / sigma ** 2;
  return ((1 + alpha) / 2) * (quadratic + 2 * Math.log((1 + gamma) * sigma ** 2));
}
