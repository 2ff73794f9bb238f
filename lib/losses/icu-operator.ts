/** The native operator of the ICU loss and of what else is a case of it; native/icu/schema.cpp has its formulas. */

import { operator, type Tensor } from '../tensor/index.ts';
import type { LossOutput } from './loss.ts';

type Result = [classification: Tensor, regularizer: Tensor, figures: Tensor, total: Tensor];

const loss = operator('icu::loss') as (...args: unknown[]) => Result;

/** Of icu::loss with these arguments. */
export function icuOutput(...args: unknown[]): LossOutput {
  const [classification, regularizer, figures, total] = loss(...args);
  return { total, classification, regularizer, diagnostics: diagnosticsOf(figures) };
}

/**
 * The operator's figures, (3) float64, by name. They are taken apart when the first is read, which costs more than the
 * kernels of a small problem; and again where the parts belonged to a scope that has ended since.
 */
function diagnosticsOf(figures: Tensor): LossOutput['diagnostics'] {
  let parts: Tensor[] = [];
  const part = (i: number): Tensor => {
    if (parts[i]?.disposed ?? true) parts = figures.unbind(0);
    return parts[i]!;
  };
  return {
    get validRows() {
      return part(0);
    },
    get negativeShare() {
      return part(1);
    },
    get featureNorm() {
      return part(2);
    },
  };
}
