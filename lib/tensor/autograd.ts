import { native } from '../native.ts';
import { checkOptions, describeValue, readOnce } from './check.ts';
import { synchronously } from './synchronously.ts';
import { checkTensor, checkTensorOrNull, Tensor } from './tensor.ts';

/**
 * Runs `fn` without recording operations for differentiation.
 * `fn` must be synchronous: the gradient mode belongs to the thread and would leak into other tasks at an `await`.
 *
 * @throws TypeError if `fn` returns a promise
 */
export function noGrad<T>(fn: () => T): T {
  return withGradMode(false, fn, 'noGrad');
}

/** Runs `fn` recording operations, inside a `noGrad`. Synchronous, like `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  return withGradMode(true, fn, 'enableGrad');
}

/** Whether operations are recorded for differentiation on this thread. Default true. */
export function isGradEnabled(): boolean {
  return native.isGradEnabled();
}

const withGradMode = <T>(enabled: boolean, fn: () => T, name: string): T =>
  synchronously(
    name,
    () => {
      const before = native.isGradEnabled();
      native.setGradEnabled(enabled);
      return before;
    },
    (before) => native.setGradEnabled(before),
    fn,
  );

export interface GradOptions {
  /** Gradients of the outputs, one each (null: ones, for a scalar output). Default: all null. */
  gradOutputs?: readonly (Tensor | null)[];
  /** Keep the graph for another pass. Default: `createGraph`. */
  retainGraph?: boolean;
  /** Record the computation of the gradients, to differentiate again. Default false. */
  createGraph?: boolean;
  /** Give null for an input that the outputs do not depend on, instead of an error. Default false. */
  allowUnused?: boolean;
}

const optionNames = [
  'gradOutputs',
  'retainGraph',
  'createGraph',
  'allowUnused',
] satisfies (keyof GradOptions)[];

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `.grad`: torch.autograd.grad.
 * @returns one tensor per input; null only with `allowUnused`
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  checkOptions('grad', options, optionNames);
  // All is read before the first handle: a getter may dispose of a tensor, whose handle is then another's.
  const createGraph = options.createGraph ?? false;
  const retainGraph = options.retainGraph ?? createGraph;
  const allowUnused = options.allowUnused ?? false;
  const from = tensorsOf(outputs, 'outputs');
  const to = tensorsOf(inputs, 'inputs');
  const start = gradientsOf(options.gradOutputs ?? null);
  const gradients = native.grad(
    from.map(({ handle }) => handle),
    to.map(({ handle }) => handle),
    start?.map((tensor) => tensor?.handle ?? null) ?? null,
    retainGraph,
    createGraph,
    allowUnused,
  );
  return gradients.map((handle) => (handle === null ? null : new Tensor(handle)));
}

function tensorsOf(tensors: Tensor | readonly Tensor[], name: string): Tensor[] {
  const list = tensors instanceof Tensor ? [tensors] : tensors;
  if (!Array.isArray(list)) {
    throw new TypeError(
      `grad: argument '${name}' expected a Tensor or an array of them, got ${describeValue(list)}`,
    );
  }
  return readOnce(list).map((tensor) => {
    checkTensor('grad', name, tensor);
    return tensor;
  });
}

function gradientsOf(gradients: GradOptions['gradOutputs'] | null): (Tensor | null)[] | null {
  if (gradients === null) return null;
  if (!Array.isArray(gradients)) {
    throw new TypeError(
      `grad: argument 'gradOutputs' expected an array of Tensors or nulls, got ${describeValue(gradients)}`,
    );
  }
  return readOnce(gradients).map((tensor) => {
    checkTensorOrNull('grad', 'gradOutputs', tensor);
    return tensor;
  });
}
