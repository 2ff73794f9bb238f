/** Runs the native ICU operators on a problem of the reference, for comparison. */
import type { Covariance, IcuOptions } from '../../lib/losses/icu-options.ts';
import type { IcuInputs } from '../../lib/losses/icu-reference.ts';
import type { IcuGradients, IcuUpstream } from '../../lib/losses/icu-reference-gradients.ts';
import { type DType, grad, operator, scope, type Tensor, tensor } from '../../lib/tensor/index.ts';

export interface IcuTensors {
  features: Tensor;
  labels: Tensor;
  means: Tensor;
  logVariances: Tensor;
  logPrior: Tensor | null;
}

/** The problem as tensors; features, means and log-variances require gradients. */
export function toTensors(
  inputs: IcuInputs,
  { dtype = 'float64', covariance = 'isotropic' }: { dtype?: DType; covariance?: Covariance } = {},
): IcuTensors {
  const { classes: K, dims: D, labels } = inputs;
  const leaf = (values: Float64Array, shape: number[]): Tensor =>
    tensor(values, { shape, dtype, requiresGrad: true });
  return {
    features: leaf(inputs.features, [labels.length, D]),
    labels: tensor(BigInt64Array.from(Array.from(labels, BigInt))),
    means: leaf(inputs.means, [K, D]),
    logVariances: leaf(inputs.logVariances, covariance === 'diagonal' ? [K, D] : [K]),
    logPrior: inputs.logPrior ? tensor(inputs.logPrior, { dtype }) : null,
  };
}

export const numbers = (values: Tensor): Float64Array =>
  values.detach().to({ dtype: 'float64' }).toTypedArray() as Float64Array;

export interface IcuNative extends IcuGradients {
  classification: Float64Array;
  regularizer: Float64Array;
  /** V, the share of rows with d_z < 0, mean |x| */
  diagnostics: Float64Array;
}

/** icu::loss and all its gradients. `change` may replace tensors, say by views, before the call. */
export function nativeLoss(
  inputs: IcuInputs,
  options: Partial<IcuOptions> = {},
  {
    upstream = {},
    dtype = 'float64',
    change = (tensors) => tensors,
  }: { upstream?: IcuUpstream; dtype?: DType; change?: (tensors: IcuTensors) => IcuTensors } = {},
): IcuNative {
  return scope(() => {
    const leaves = toTensors(inputs, { covariance: options.covariance, dtype });
    const { features, labels, means, logVariances, logPrior } = change(leaves);
    const [classification, regularizer, diagnostics] = operator('icu::loss')(
      ...[features, labels, means, logVariances, logPrior],
      { ...options },
    ) as [Tensor, Tensor, Tensor];
    const weights = upstream.classification ?? 1;
    const gradOutputs = [
      tensor(
        Float64Array.from(numbers(classification), (_, i) =>
          typeof weights === 'number' ? weights : weights[i]!,
        ),
        {
          shape: classification.shape,
          dtype: classification.dtype,
        },
      ),
      tensor(Float64Array.of(upstream.regularizer ?? 1), { shape: [], dtype: regularizer.dtype }),
    ];
    const wanted = [leaves.features, leaves.means, leaves.logVariances];
    const gradients = grad([classification, regularizer], wanted, { gradOutputs }) as Tensor[];
    return {
      classification: numbers(classification),
      regularizer: numbers(regularizer),
      diagnostics: numbers(diagnostics),
      features: numbers(gradients[0]!),
      means: numbers(gradients[1]!),
      logVariances: numbers(gradients[2]!),
    };
  });
}

/** icu::distances, (N, K), and the gradients of its product with `upstream`. */
export function nativeDistances(
  inputs: Omit<IcuInputs, 'labels'>,
  upstream: Float64Array,
  options: Partial<Pick<IcuOptions, 'covariance' | 'minLogVariance' | 'maxLogVariance'>> = {},
): IcuGradients & { distances: Float64Array } {
  return scope(() => {
    const labels = new Int32Array(inputs.features.length / inputs.dims);
    const { features, means, logVariances } = toTensors(
      { ...inputs, labels },
      { covariance: options.covariance },
    );
    const distances = operator('icu::distances')(features, means, logVariances, { ...options }) as Tensor;
    const gradOutputs = [tensor(upstream, { shape: distances.shape })];
    const gradients = grad(distances, [features, means, logVariances], { gradOutputs }) as Tensor[];
    return {
      distances: numbers(distances),
      features: numbers(gradients[0]!),
      means: numbers(gradients[1]!),
      logVariances: numbers(gradients[2]!),
    };
  });
}
