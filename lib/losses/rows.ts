import { type DType, scope, type Tensor, torch } from '../tensor/index.ts';

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
  const counted = weights === null ? valid : weights.where(valid, 0);
  const weighted = weights === null ? rows : rows.mul(weights);
  const sum = weighted.where(valid, 0).sum({ dtype: wideType(rows.dtype) });
  return quotient(sum, counted, 1e-30).to({ dtype: rows.dtype });
}

/** A sum over the sum of what was counted, in the sum's dtype. @param least of the divisor */
const quotient = (sum: Tensor, counted: Tensor, least: number): Tensor =>
  sum
    .div(
      counted
        .to({ dtype: wideType(sum.dtype) })
        .sum()
        .clampMin(least),
    )
    .to({ dtype: sum.dtype });

/** What sums and counts are made in: beyond 256, bfloat16 has not every whole number, and float16 ends at 65,504. */
export const wideType = (dtype: DType): DType => (dtype === 'float64' ? dtype : 'float32');

/**
 * Softmax cross-entropy, the mean over the rows that take part; 0 where none does (PyTorch's is NaN there).
 * @param logits (N, K)
 * @param labels (N) int64
 * @throws Error if a label is no class
 */
export const crossEntropy = (logits: Tensor, labels: Tensor): Tensor =>
  quotient(torch.crossEntropyLoss(logits, labels, null, sumOfRows), validRows(labels), 1);

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
 * How many rows of each class there are, (K), in float64 beside float64, else in float32. Rows that take no part do not
 * count.
 */
export const countRows = (labels: Tensor, numClasses: number, like: Tensor): Tensor =>
  scope(() => {
    const dtype = wideType(like.dtype);
    return torch
      .zeros([numClasses], { dtype, device: like.device })
      .indexAdd_(0, targetsOf(labels), validRows(labels).to({ dtype }));
  });
