/** Small problems for any loss in float64, and its gradients against finite differences. */
import { expect } from 'vitest';
import type { ClassificationLoss } from '../../lib/losses/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../lib/tensor/index.ts';
import { relativeError } from '../support/close.ts';
import { finiteDifferences, normals, uniform } from './problems.ts';

export const int64 = (values: readonly number[]): Tensor =>
  tensor(BigInt64Array.from(values.map((value) => BigInt(value))));

/** Normal features (N, D) in float64 that require gradients, the same for the same seed. */
export const randomFeatures = (N: number, D: number, seed = 1): Tensor =>
  tensor(normals(N * D, uniform(seed)), { shape: [N, D], requiresGrad: true });

/** Rows of numbers as a float64 tensor that requires gradients. */
export const rowsOf = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(Float64Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length], requiresGrad: true });

/** The loss in float64, in evaluation mode, where nothing in it moves; parameters drawn anew if there is a seed,
 * those above 0 that have to be. */
export function still<Loss extends ClassificationLoss>(loss: Loss, seed?: number): Loss {
  loss.to({ dtype: 'float64' }).eval();
  if (seed !== undefined) {
    const random = uniform(seed);
    noGrad(() => {
      for (const [name, parameter] of loss.namedParameters()) {
        scope(() => parameter.copy_(tensor(normals(parameter.numel, random), { shape: parameter.shape })));
        if (['inverse_sigmas', 'scale', 'radius'].includes(name)) parameter.abs_().add_(0.5);
      }
    });
  }
  return loss;
}

/** The elements of a float64 tensor, to read and to change. */
export const view = (values: Tensor): Float64Array =>
  noGrad(() => values.detach().toTypedArray({ share: true }) as Float64Array);

export const arrayOf = (values: Tensor): number[] =>
  Array.from(values.detach().to({ dtype: 'float64' }).toTypedArray() as Float64Array);

/** `values` in rows of `width`. */
export const inRows = (values: Tensor): number[][] => {
  const width = values.shape[1]!;
  const flat = arrayOf(values);
  return Array.from({ length: values.shape[0]! }, (_, i) => flat.slice(i * width, (i + 1) * width));
};

/**
 * Asserts that backward gives the derivative of `total` in the features and in every parameter, by fourth-order central
 * differences. The loss must be still.
 * @param factor what a parameter's gradient is to be, as a multiple of the derivative; for gradients meant to differ
 */
export function expectGradients(
  loss: ClassificationLoss,
  features: Tensor,
  labels: Tensor,
  {
    tolerance = 1e-8,
    total = () => loss.forward(features, labels).total,
    factor = {},
  }: { tolerance?: number; total?: () => Tensor; factor?: Record<string, number> } = {},
): void {
  loss.zeroGrad();
  features.grad = null;
  scope(() => total().backward());
  const value = (): number => noGrad(() => scope(() => total().item()));
  const leaves: [string, Tensor][] = [['features', features], ...loss.namedParameters()];
  for (const [name, leaf] of leaves) {
    if (!leaf.requiresGrad) continue;
    const expected = finiteDifferences(value, view(leaf), 3e-4).map((slope) => slope * (factor[name] ?? 1));
    const got = leaf.grad === null ? new Array(leaf.numel).fill(0) : arrayOf(leaf.grad);
    const size = Math.sqrt(expected.reduce((sum, slope) => sum + slope ** 2, 0));
    // Relative to at least 1e-2, for gradients that cancel to nothing.
    const error = relativeError(got, expected) * Math.min(1, size / 1e-2);
    if (size === 0)
      expect(
        got.every((slope) => slope === 0),
        `${name}: expected zeros`,
      ).toBe(true);
    else if (!(error <= tolerance)) expect.fail(`gradient of ${name}: off by ${error}`);
  }
}

/** ln Σ e^l */
export const logSumExp = (logits: readonly number[]): number => {
  const most = Math.max(...logits);
  return most + Math.log(logits.reduce((sum, l) => sum + Math.exp(l - most), 0));
};

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);
export const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a));
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
