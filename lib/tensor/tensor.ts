// For Symbol.dispose, in the .d.ts as well.
/// <reference lib="esnext.disposable" preserve="true" />

import { native } from '../native.ts';
import { checkBoolean, checkOptions, describeValue } from './check.ts';
import { type DType, isComplex, isFloatingPoint, type TypedArray, typedArrayOf } from './dtype.ts';
import { elementCount } from './elements.ts';
import type { TensorMethods } from './generated/methods.ts';
import { format } from './print.ts';
import { adopt, disown, type Scope } from './scope.ts';

/** What one number of a tensor may be given as. */
export type Scalar = number | bigint | boolean | Complex;

/** An integer: a number without a fraction, or a bigint. */
export type Int = number | bigint;

export interface Complex {
  re: number;
  im: number;
}

/** Nested arrays of elements, as `toArray` returns them. */
export type NestedArray = Scalar | NestedArray[];

/** Nested arrays of elements, as `tensor` takes them. */
export type NestedData = Scalar | readonly NestedData[];

export interface BackwardOptions {
  /** Keep the graph for another pass. Default: `createGraph`. */
  retainGraph?: boolean;
  /** Record the computation of the gradients, to differentiate again. Default false. */
  createGraph?: boolean;
}

// Every operator with a `self` tensor is a method too; see operators.ts.
export interface Tensor extends TensorMethods {}

/**
 * An n-dimensional array of LibTorch, on the CPU or a GPU. Names and meanings are PyTorch's.
 *
 * The object holds a handle; the elements live in native memory, which is freed by the enclosing `scope`, by
 * `dispose()` or `using`, or else after the object has been garbage-collected.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: operators.ts installs the methods that the interface names.
export class Tensor {
  // Private: a copy of the object's properties, as libraries that clone deeply make one, or a Proxy must not have it.
  // It would go on with the handle of a tensor that is gone, which by then is another's.
  #handle: number;
  /** @internal The scope that will free this tensor. */
  owningScope: Scope | null;

  /** @internal Tensors come from `tensor()`, `torch.zeros()` and other operators. */
  constructor(handle: number) {
    this.#handle = handle;
    this.owningScope = adopt(this);
  }

  /** @internal The handle in the addon's table; -1 once disposed. */
  get handle(): number {
    try {
      return this.#handle;
    } catch {
      throw new TypeError(
        'expected a Tensor, got a copy or a Proxy of one, which has no data; clone() copies a tensor',
      );
    }
  }

  /** @internal */
  set handle(handle: number) {
    this.#handle = handle;
  }

  /** The size of each dimension. */
  get shape(): number[] {
    return native.shape(this.handle);
  }

  /** The number of dimensions. */
  get ndim(): number {
    return native.shape(this.handle).length;
  }

  /** The number of elements. */
  get numel(): number {
    return elementCount(native.shape(this.handle));
  }

  /** Distance between neighbours along each dimension, in elements. */
  get strides(): number[] {
    return native.strides(this.handle);
  }

  get dtype(): DType {
    return native.dtype(this.handle) as DType;
  }

  /** 'cpu' or 'cuda:0'. */
  get device(): string {
    return native.device(this.handle);
  }

  get disposed(): boolean {
    return this.handle < 0;
  }

  get isLeaf(): boolean {
    return native.isLeaf(this.handle);
  }

  get requiresGrad(): boolean {
    return native.requiresGrad(this.handle);
  }

  set requiresGrad(value: boolean) {
    native.setRequiresGrad(this.handle, value);
  }

  /** The gradient that `backward` has accumulated, or null. Each read is a new Tensor object on the same memory. */
  get grad(): Tensor | null {
    const handle = native.gradient(this.handle);
    return handle === null ? null : new Tensor(handle);
  }

  /** @throws Error if the shape, dtype or device differ from the tensor's, or it is the tensor itself */
  set grad(value: Tensor | null) {
    checkTensorOrNull('Tensor', 'grad', value);
    // They would hold each other for good.
    if (value === this)
      throw new Error("Tensor: argument 'grad' expected another tensor, got the tensor itself");
    native.setGradient(this.handle, value === null ? null : value.handle);
  }

  /** The name of the autograd node that made this tensor ('AddBackward0'), or null. */
  get gradFn(): string | null {
    return native.gradientFunction(this.handle);
  }

  /**
   * Computes the gradients of this tensor with respect to the graph's leaves and adds them to their `grad`.
   * @param gradient of the same shape; may be left out for a scalar
   */
  backward(gradient: Tensor | null = null, options: BackwardOptions = {}): void {
    checkTensorOrNull('backward', 'gradient', gradient);
    checkOptions('backward', options, ['retainGraph', 'createGraph']);
    // Before the handles: a getter may dispose of a tensor, whose handle is then another's.
    const createGraph = options.createGraph ?? false;
    const retainGraph = options.retainGraph ?? createGraph;
    native.backward([this.handle], gradient === null ? null : [gradient.handle], retainGraph, createGraph);
  }

  /**
   * The only element as a number; `true` counts as 1.
   * @throws Error unless there is one element; TypeError if it is complex, or an integer beyond 2^53
   */
  item(): number;
  /** The only element, of an integer tensor, as a bigint. */
  item(options: { bigint: true }): bigint;
  item(options: { bigint?: boolean } = {}): number | bigint {
    checkOptions('item', options, ['bigint']);
    checkBoolean('item', 'bigint', options.bigint ?? false);
    const value = native.item(this.handle);
    if (options.bigint) {
      if (typeof value !== 'bigint' && !Number.isInteger(value)) {
        throw new TypeError(`item: a ${this.dtype} element is no bigint`);
      }
      return BigInt(value as number | bigint);
    }
    if (typeof value === 'bigint')
      throw new TypeError(`item: ${value} is beyond 2^53; ask for { bigint: true }`);
    if (typeof value === 'object') throw new TypeError('item: the element is complex; use toArray()');
    return Number(value);
  }

  /**
   * A copy of the elements in row-major order. bool becomes Uint8Array, int64 BigInt64Array, complex numbers pairs of
   * floats; float16, bfloat16 and float8, which JavaScript lacks, become Float32Array.
   *
   * With `share` the array is the tensor's own memory, without a copy: writes on either side show on the other. The
   * memory lives as long as either of them.
   * @throws TypeError with `share` if the tensor is not contiguous on the CPU, or of a dtype JavaScript lacks; for dtypes
   *   beyond `DType`, such as quantised ones; Error for what is not dense
   */
  toTypedArray(options: { share?: boolean } = {}): TypedArray {
    checkOptions('toTypedArray', options, ['share']);
    const share = options.share ?? false;
    checkBoolean('toTypedArray', 'share', share);
    const { dtype } = this;
    const array = typedArrayOf(
      dtype,
      hasTypedArray(dtype) ? native.toArrayBuffer(this.handle, share) : empty,
    );
    if (array !== null) {
      // Not this object, which may be disposed, or get other data.
      if (share) shared.set(array.buffer as ArrayBuffer, this.detach().reshape([-1]).keep());
      return array;
    }
    if (share || !isFloatingPoint(dtype)) {
      throw new TypeError(`toTypedArray: JavaScript has no typed array of ${dtype}`);
    }
    const wide = this.to({ dtype: 'float32' });
    const result = wide.toTypedArray();
    wide.dispose();
    return result;
  }

  /**
   * The elements as nested arrays; a number where there are no dimensions. bool gives booleans, complex {re, im}.
   * @throws TypeError if an integer is beyond 2^53, unless `bigint` asks for bigints
   */
  toArray(options: { bigint?: boolean } = {}): NestedArray {
    checkOptions('toArray', options, ['bigint']);
    checkBoolean('toArray', 'bigint', options.bigint ?? false);
    const { shape, dtype } = this;
    return nest(elementsOf(this.toTypedArray(), dtype, options.bigint ?? false), shape);
  }

  /** This tensor with another dtype or on another device; itself (the same memory) where nothing changes. */
  to(options: Conversion): Tensor {
    checkOptions('to', options, conversionNames);
    return convert(this, options);
  }

  /** @internal Takes over the data of another tensor, keeping this one's identity: gradients and optimisers stay. */
  replaceData(data: Tensor): void {
    native.setData(this.handle, data.handle);
  }

  /** Frees the native memory now. Disposing twice is harmless; any other use afterwards is an error. */
  dispose(): void {
    if (this.handle < 0) return;
    native.release(this.handle);
    this.handle = -1;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Takes the tensor out of its scope, so that it outlives it. */
  keep(): this {
    disown(this);
    return this;
  }

  /** @internal Takes the handle away from this object, which counts as disposed from now on. */
  takeHandle(): number {
    const { handle } = this;
    this.handle = -1;
    this.owningScope = null;
    return handle;
  }

  /** As PyTorch prints it. */
  toString(): string {
    return this.handle < 0 ? 'tensor(<disposed>)' : format(this);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

export type MemoryFormat = 'contiguous' | 'preserve' | 'channels_last' | 'channels_last_3d';

/** What `to` changes. */
interface Conversion {
  dtype?: DType;
  device?: string;
  copy?: boolean;
  memoryFormat?: MemoryFormat;
}

const conversionNames = ['dtype', 'device', 'copy', 'memoryFormat'] satisfies (keyof Conversion)[];

/** Throws a TypeError naming the argument unless `value` is a Tensor. */
export function checkTensor(what: string, name: string, value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) {
    throw new TypeError(`${what}: argument '${name}' expected a Tensor, got ${describeValue(value)}`);
  }
}

/** Throws a TypeError naming the argument unless `value` is a Tensor or null. */
export function checkTensorOrNull(
  what: string,
  name: string,
  value: unknown,
): asserts value is Tensor | null {
  if (value !== null && !(value instanceof Tensor)) {
    throw new TypeError(`${what}: argument '${name}' expected a Tensor or null, got ${describeValue(value)}`);
  }
}

const empty = new ArrayBuffer(0);

const hasTypedArray = (dtype: DType): boolean => typedArrayOf(dtype, empty) !== null;

/** The memory that JavaScript holds as an ArrayBuffer, as flat tensors, so that `tensor()` can use it in turn. */
const shared = new WeakMap<ArrayBuffer, Tensor>();

/** @internal The flat tensor whose memory `buffer` is, if it came from `toTypedArray({ share: true })`. */
export const ownerOf = (buffer: ArrayBufferLike): Tensor | undefined => shared.get(buffer as ArrayBuffer);

type Convert = (tensor: Tensor, options: Conversion) => Tensor;

let convert: Convert;

/** @internal operators.ts, which knows the operators, says how `to` is done. */
export function setConvert(implementation: Convert): void {
  convert = implementation;
}

function elementsOf(array: TypedArray, dtype: DType, bigint: boolean): Scalar[] {
  if (isComplex(dtype)) {
    const parts = array as Float64Array;
    return Array.from({ length: parts.length / 2 }, (_, i) => ({ re: parts[2 * i]!, im: parts[2 * i + 1]! }));
  }
  if (dtype === 'bool') return Array.from(array as Uint8Array, (value) => value !== 0);
  if (bigint) {
    return Array.from(array as ArrayLike<number | bigint>, (value) => BigInt(value));
  }
  return Array.from(array as ArrayLike<number | bigint>, (value) => {
    const number = Number(value);
    if (typeof value === 'bigint' && !Number.isSafeInteger(number)) {
      throw new TypeError(`toArray: ${value} is beyond 2^53; ask for { bigint: true }`);
    }
    return number;
  });
}

function nest(elements: Scalar[], shape: readonly number[]): NestedArray {
  let level: NestedArray[] = elements;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d]!;
    const outer = elementCount(shape.slice(0, d));
    const next: NestedArray[] = [];
    for (let i = 0; i < outer; i++) next.push(level.slice(i * size, (i + 1) * size));
    level = next;
  }
  return level[0]!;
}
