import { type Tensor, torch } from '../tensor/index.ts';

/** |x| of each row, (N, 1). Its gradient at a row of zeros is 0. */
export const lengths = (rows: Tensor): Tensor => rows.linalgVectorNorm(2, [1], true);

/** Below this a row counts as zero: it has no direction. */
const least = 1e-12;

/** `lengths` to divide by: 1 where a row counts as zero, so that neither 0/0 nor a gradient of 1/0 comes of it. */
export const divisors = (length: Tensor): Tensor => length.where(length.gt(least), 1);

/** x/|x| row by row; a row of zeros stays as it is. */
export const unit = (rows: Tensor): Tensor => rows.div(divisors(lengths(rows)));

/** cos θ_ik between feature x_i and weight w_k: (N, D), (K, D) → (N, K). 0 for a feature of zeros. */
export const cosines = (features: Tensor, weight: Tensor): Tensor =>
  torch.linear(unit(features), unit(weight));
