import { scope, type Tensor, torch } from '../tensor/index.ts';

/** What the losses do row by row: means over the rows that count, and the target class's place in each row. */

/** Rows with this label take no part in a loss: PyTorch's `ignore_index`. */
export const ignoreIndex = -100;

/** Which rows take part, (N) bool. */
export const validRows = (labels: Tensor): Tensor => labels.ne(ignoreIndex);

/**
 * The features to compute with: zeros in the rows that take no part. What is not finite there would come back in the
 * backward pass, as 0·∞ = NaN in the gradients of the weights.
 */
export const takingPart = (features: Tensor, labels: Tensor): Tensor =>
  features.where(validRows(labels).unsqueeze(1), 0);

/** The class of each row, (N) int64; 0 in the rows that take no part, so that it can be used as an index. */
export const targetsOf = (labels: Tensor): Tensor => labels.where(validRows(labels), 0);

/**
 * Σ_i w_i·r_i / Σ_i w_i over the rows that take part; 0 where none does.
 * @param rows (N)
 * @param weights (N), above 0. Default: 1, the mean
 */
export function meanOfRows(rows: Tensor, labels: Tensor, weights: Tensor | null = null): Tensor {
  const valid = validRows(labels);
  const counted = weights === null ? valid.to({ dtype: rows.dtype }) : weights.where(valid, 0);
  const weighted = weights === null ? rows : rows.mul(weights);
  return weighted.where(valid, 0).sum().div(counted.sum().clampMin(1e-30));
}

/**
 * Softmax cross-entropy, the mean over the rows that take part; 0 where none does (PyTorch's is NaN there).
 * @param logits (N, K)
 * @param labels (N) int64
 * @throws Error if a label is no class
 */
export const crossEntropy = (logits: Tensor, labels: Tensor): Tensor =>
  torch
    .crossEntropyLoss(logits, labels, null, sumOfRows)
    .div(validRows(labels).to({ dtype: logits.dtype }).sum().clampMin(1));

/** Softmax cross-entropy of each row, (N); 0 in the rows that take no part. */
export const crossEntropyRows = (logits: Tensor, labels: Tensor): Tensor =>
  torch.crossEntropyLoss(logits, labels, null, eachRow);

/** at::Reduction */
const [eachRow, sumOfRows] = [0, 2];

/** `logits` with `amount` added to the target's logit of each row. @param amount (N, 1), or a number */
export function addToTarget(logits: Tensor, labels: Tensor, amount: Tensor | number): Tensor {
  const targets = targetsOf(labels).unsqueeze(1);
  const amounts =
    typeof amount === 'number'
      ? torch.fullLike(targets, amount, { dtype: logits.dtype })
      : amount.to({ dtype: logits.dtype });
  return logits.scatterAdd(1, targets, amounts);
}

/**
 * How many rows of each class there are, (K), in the dtype of a sum of features. Rows that take no part do not count.
 */
export const countRows = (labels: Tensor, numClasses: number, like: Tensor): Tensor =>
  scope(() =>
    torch
      .zeros([numClasses], { dtype: like.dtype, device: like.device })
      .indexAdd_(0, targetsOf(labels), validRows(labels).to({ dtype: like.dtype })),
  );
