import { type Tensor, torch } from '../tensor/index.ts';
import { crossEntropyRows, targetsOf } from './rows.ts';

/** The focal loss of each row. Both forms work on logarithms, so that no power of 0 is ever differentiated. */

export interface FocalTerm {
  /** γ ≥ 0 */
  gamma: number;
  /** Hold the modulator (1 − p_t)^γ constant to differentiation. */
  detach: boolean;
}

/** (1 − p_t)^γ from ln(1 − p_t). γ = 0 gives 1, also where p_t is 1. */
const modulator = (logRest: Tensor, { gamma, detach }: FocalTerm): Tensor => {
  const factor = logRest.mul(gamma).exp();
  return detach ? factor.detach() : factor;
};

/**
 * −(1 − p_y)^γ·ln p_y with p = softmax(l), (N).
 *
 * ln(1 − p_y) is the log-sum of the other classes less that of all. Its gradient is bounded, which that of a power of
 * 1 − p_y is not for γ < 1: there it is infinite at p_y = 1.
 */
export function softmaxFocalRows(logits: Tensor, labels: Tensor, term: FocalTerm): Tensor {
  const rows = crossEntropyRows(logits, labels);
  if (term.gamma === 0) return rows;
  // Not −∞, from which one class alone would get NaN; float16 ends at 65504.
  const least = logits.dtype === 'float16' ? -65504 : -1e30;
  const others = logits.scatter(1, targetsOf(labels).unsqueeze(1), least).logsumexp(1);
  return rows.mul(modulator(others.sub(logits.logsumexp(1)), term));
}

/**
 * Σ_k −a_t·(1 − p_t)^γ·ln p_t over K binary problems, (N): p_t is σ(l_k) for the row's class and 1 − σ(l_k) for the
 * others. With γ = 0 that is the binary cross-entropy.
 * @param alpha a_t for the row's class, 1 − alpha for the others; null: 1 for all
 */
export function sigmoidFocalRows(
  logits: Tensor,
  labels: Tensor,
  term: FocalTerm,
  alpha: number | null = null,
): Tensor {
  const places = targetsOf(labels).unsqueeze(1);
  const sides = torch.fullLike(logits, -1).scatter(1, places, 1);
  const towards = logits.mul(sides);
  let losses = towards.logSigmoid().neg();
  if (term.gamma !== 0) losses = losses.mul(modulator(towards.neg().logSigmoid(), term));
  if (alpha !== null) losses = losses.mul(torch.fullLike(logits, 1 - alpha).scatter(1, places, alpha));
  return losses.sum([1]);
}
