/** Tensors and everything that works on them directly. */
export { type AutocastOptions, autocast, autocastDtypes, isAutocastEnabled } from './autocast.ts';
export { enableGrad, type GradOptions, grad, isGradEnabled, noGrad } from './autograd.ts';
export { describeValue } from './check.ts';
export { type TensorOptions, tensor } from './create.ts';
export {
  cuda,
  flushingDenormals,
  getFlushDenormal,
  getNumThreads,
  setFlushDenormal,
  setNumThreads,
} from './device.ts';
export type { OperatorFunction } from './dispatch.ts';
export { type DType, dtypes, isComplex, isFloatingPoint, type TypedArray } from './dtype.ts';
export { memory } from './memory.ts';
export { operator, torch } from './operators.ts';
export { Generator, getRngState, manualSeed, setRngState } from './random.ts';
export { scope } from './scope.ts';
export {
  type BackwardOptions,
  type Complex,
  type Int,
  type MemoryFormat,
  type NestedArray,
  type NestedData,
  type Scalar,
  Tensor,
} from './tensor.ts';
