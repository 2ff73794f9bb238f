import { checkOptions } from '../tensor/check.ts';
import { elementCount } from '../tensor/elements.ts';
import { describeValue, noGrad, type Tensor, torch } from '../tensor/index.ts';
import { checkAtLeast0, checkFinite } from './check.ts';

/**
 * Initialisation, as torch.nn.init: each function fills the tensor in place, draws from the default generator in
 * PyTorch's order, and returns it. What is wrong with an option or a gain is a TypeError, and nothing is filled.
 */

/** √2 for ReLU, √(2 / (1 + a²)) for a leaky one of slope a, 1 for linear units. */
const gainOf = (a: number): number => Math.sqrt(2 / (1 + a * a));

/** The number of inputs and outputs of one unit: (out, in, ...kernel) → in · kernel, out · kernel. */
export function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  const [out, input, ...kernel] = shape;
  if (out === undefined || input === undefined) {
    throw new TypeError(`fans: argument 'shape' expected two or more dimensions, got [${shape.join(', ')}]`);
  }
  const field = elementCount(kernel);
  return { fanIn: input * field, fanOut: out * field };
}

export interface KaimingOptions {
  /** The negative slope of the rectifier behind the layer. Default 0 (ReLU). */
  a?: number;
  /** Keep the variance of the forward ('fanIn') or the backward pass. Default 'fanIn'. */
  mode?: 'fanIn' | 'fanOut';
}

function kaimingStd(what: string, tensor: Tensor, options: KaimingOptions): number {
  checkOptions(what, options, ['a', 'mode']);
  const { a = 0, mode = 'fanIn' } = options;
  checkFinite(what, 'a', a);
  if (mode !== 'fanIn' && mode !== 'fanOut') {
    throw new TypeError(`${what}: argument 'mode' expected 'fanIn' or 'fanOut', got ${describeValue(mode)}`);
  }
  return gainOf(a) / Math.sqrt(fans(tensor.shape)[mode]);
}

/** U(−b, b), b = √3 · gain / √fan (He et al. 2015). */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', tensor, options);
  return uniform_(tensor, -bound, bound);
}

/** N(0, gain² / fan) (He et al. 2015). */
export function kaimingNormal_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  return normal_(tensor, 0, kaimingStd('kaimingNormal_', tensor, options));
}

function xavierStd(what: string, tensor: Tensor, gain: number): number {
  checkAtLeast0(what, 'gain', gain);
  const { fanIn, fanOut } = fans(tensor.shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** U(−b, b), b = gain · √(6 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierUniform_(tensor: Tensor, gain = 1): Tensor {
  const bound = Math.sqrt(3) * xavierStd('xavierUniform_', tensor, gain);
  return uniform_(tensor, -bound, bound);
}

/** N(0, gain² · 2 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierNormal_(tensor: Tensor, gain = 1): Tensor {
  return normal_(tensor, 0, xavierStd('xavierNormal_', tensor, gain));
}

export function uniform_(tensor: Tensor, from: number, to: number): Tensor {
  return noGrad(() => tensor.uniform_(from, to));
}

export function normal_(tensor: Tensor, mean: number, std: number): Tensor {
  return noGrad(() => tensor.normal_(mean, std));
}

/**
 * The weight and bias that PyTorch gives a new linear or convolutional layer: both U(−1/√fanIn, 1/√fanIn), weight
 * first. (PyTorch writes the weight's as Kaiming's with a = √5, which comes to the same bound.)
 */
export function layerTensors(
  shape: readonly number[],
  bias: boolean,
): { weight: Tensor; bias: Tensor | null } {
  const weight = kaimingUniform_(torch.empty(shape), { a: Math.sqrt(5) });
  const bound = 1 / Math.sqrt(fans(shape).fanIn);
  return { weight, bias: bias ? uniform_(torch.empty([shape[0]!]), -bound, bound) : null };
}
