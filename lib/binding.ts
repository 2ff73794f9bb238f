/**
 * What the native addon exports. Tensors are handles: small integers into the addon's table. A plain number and a
 * handle look alike, so only lib/tensor calls these, and the threads of lib/data that decode images, which cannot load it;
 * everything else works with `Tensor`.
 */
export interface NativeBinding {
  /** Runs operator `id`; tensors are handles, `undefined` stands for a default. A result that is one of the arguments comes as null. */
  call(id: number, ...args: unknown[]): unknown;
  describeOperator(name: string): OperatorOverload[];
  /** Every operator's qualified name, and where among its parameters the Tensor called self is; -1 if there is none. */
  operatorNames(): Record<string, number>;

  fromTypedArray(data: ArrayBufferView, dtype: string, shape: readonly number[]): number;
  toArrayBuffer(tensor: number, share: boolean): ArrayBuffer;
  shape(tensor: number): number[];
  strides(tensor: number): number[];
  dtype(tensor: number): string;
  device(tensor: number): string;
  item(tensor: number): number | bigint | boolean | { re: number; im: number };

  isLeaf(tensor: number): boolean;
  requiresGrad(tensor: number): boolean;
  setRequiresGrad(tensor: number, requiresGrad: boolean): void;
  gradient(tensor: number): number | null;
  setGradient(tensor: number, gradient: number | null): void;
  /** Throws if the gradient is of another shape, type or device. */
  gradientFits(parameter: number, gradient: number): boolean | null;
  /** The first index at which a tensor differs from its parameter in shape, type, device or strides, or -1. */
  misfit(parameters: number[], kept: number[]): number;
  gradientFunction(tensor: number): string | null;
  setData(tensor: number, data: number): void;

  release(tensor: number): void;
  releaseMany(handles: Int32Array, count: number): void;
  /** Frees the tensor once `object` has been garbage-collected. */
  track(tensor: number, object: object): void;
  /** Frees the tensors, generators and exceptions whose objects have been collected; returns how many tensors. */
  sweep(): number;
  /** The bytes on the CPU with what autograd has saved; those on GPUs of live tensors only. */
  memoryUse(): [tensors: number, bytes: number, deviceBytes: number];

  backward(
    tensors: number[],
    gradients: (number | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
  ): void;
  grad(
    outputs: number[],
    inputs: number[],
    gradOutputs: (number | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): (number | null)[];
  isGradEnabled(): boolean;
  setGradEnabled(enabled: boolean): void;

  /** The mode it was in before. */
  enterAutocast(device: string, enabled: boolean, dtype: string): [enabled: boolean, dtype: string];
  exitAutocast(device: string, enabled: boolean, dtype: string): void;
  isAutocastEnabled(device: string): boolean;

  manualSeed(seed: number | bigint): void;
  /** The number of a new generator, which is freed once `object` has been garbage-collected. */
  createGenerator(device: string, seed: number | bigint, object: object): number;
  seedGenerator(generator: number, seed: number | bigint): void;
  generatorState(generator: number): number;
  setGeneratorState(generator: number, state: number): void;

  setNumThreads(threads: number): void;
  numThreads(): number;
  /** False where the processor cannot. */
  setFlushDenormal(flush: boolean): boolean;
  flushesDenormals(): boolean;
  /** The LibTorch the addon was compiled against, for example "2.13.0". */
  buildVersion(): string;
  /** How the loaded LibTorch was configured, its version included. */
  configuration(): string;
  cudaDevices(): number;
  synchronize(device: string): void;
  /** Gives CPU memory that waits for reuse back to the system. */
  emptyCache(): void;
  /** The bytes of CPU memory that wait for reuse. */
  cachedBytes(): number;
}

/** One overload of an operator, from its schema. */
export interface OperatorOverload {
  id: number;
  overload: string;
  /** False where a required parameter is of a type that JavaScript cannot give. */
  supported: boolean;
  parameters: OperatorParameter[];
  /** For each return, the index of the parameter that it is (in-place and out= operators), else -1. */
  aliases: number[];
  /** For each return, its type: 'Tensor', 'Tensor[]', 'int', … */
  returns: string[];
  schema: string;
}

export type ParameterKind =
  | 'Tensor'
  | 'Scalar'
  | 'int'
  | 'float'
  | 'bool'
  | 'str'
  | 'ScalarType'
  | 'Layout'
  | 'Device'
  | 'MemoryFormat'
  | 'Generator'
  | 'unsupported';

export interface OperatorParameter {
  name: string;
  kind: ParameterKind;
  list: boolean;
  nullable: boolean;
  nullableElements: boolean;
  /** N of `T[N]`, where one value stands for N equal ones; else 0. */
  fixedSize: number;
  keywordOnly: boolean;
  /** The operator writes to this tensor. */
  written: boolean;
  hasDefault: boolean;
}
