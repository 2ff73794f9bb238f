/** The door to C++, with its types. */
import type { NativeBinding } from './binding.ts';
import * as loaded from './native/load.mjs';

/** The addon's functions, as this thread's instance of it offers them. */
export const native = loaded.native as NativeBinding;

/** The LibTorch in use. `cuda` is the CUDA version of the addon's kernels, null in a CPU build. */
export const libtorch: { path: string; version: string; cuda: string | null } = loaded.libtorch;
