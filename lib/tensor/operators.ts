import { native } from '../native.ts';
import { camelCase } from './camel-case.mjs';
import { type OperatorFunction, operatorFunction } from './dispatch.ts';
import type { TorchFunctions } from './generated/functions.ts';
import { isPublic } from './public.mjs';
import { setConvert, Tensor } from './tensor.ts';

const byName = new Map<string, OperatorFunction>();

/**
 * Any operator of any namespace by its name, called like the functions of `torch`:
 * `operator('icu::loss')(features, labels, means, logVariances)`. One overload alone: `'aten::add.Tensor'`.
 *
 * @throws Error at the first call if there is no such operator
 */
export function operator(qualifiedName: string): OperatorFunction {
  let found = byName.get(qualifiedName);
  if (found === undefined) {
    found = operatorFunction(qualifiedName);
    byName.set(qualifiedName, found);
  }
  return found;
}

const functions: Record<string, OperatorFunction> = {};

/** A method puts its tensor where `self` is among the operator's parameters: first but for a few, such as where. */
function method(call: OperatorFunction, position: number): (this: Tensor, ...args: unknown[]) => unknown {
  if (position === 0) {
    return function (this: Tensor, a?: unknown) {
      // biome-ignore lint/complexity/noArguments: a rest parameter would make an array in every call.
      const given = arguments;
      if (given.length === 0) return call(this);
      return given.length === 1 ? call(this, a) : call(this, ...given);
    };
  }
  return function (this: Tensor, ...args: unknown[]) {
    return call(...args.slice(0, position), this, ...args.slice(position));
  };
}

for (const [qualifiedName, selfPosition] of Object.entries(native.operatorNames())) {
  if (!isPublic(qualifiedName)) continue;
  const name = camelCase(qualifiedName.slice('aten::'.length));
  const call = operator(qualifiedName);
  functions[name] = call;
  if (selfPosition >= 0 && !(name in Tensor.prototype)) {
    Object.defineProperty(Tensor.prototype, name, {
      value: method(call, selfPosition),
      writable: true,
      configurable: true,
    });
  }
}

/**
 * Every public operator of LibTorch as a function: `torch.conv2d(input, weight, bias, [1, 1])`.
 * Positional arguments as in PyTorch's schema; then an object with keyword-only ones (`{ dtype, device, generator,
 * out }`), which may name other arguments too: all that are not given in place. The types have required ones in place.
 */
export const torch = functions as unknown as TorchFunctions;

const toCopy = operator('aten::to.dtype_layout');

setConvert((tensor, options) => {
  const { dtype, device, copy, memoryFormat } = options;
  return toCopy(tensor, {
    dtype,
    device: device ?? tensor.device,
    copy,
    memoryFormat,
  }) as Tensor;
});
