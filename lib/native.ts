/**
 * The one door to C++: finds LibTorch, opens it, and loads the addon.
 *
 * LibTorch is opened by absolute path through loader.node, so neither LD_LIBRARY_PATH nor a fixed place is needed: the
 * addon's own dependencies then resolve by name among the libraries already open. Each thread (worker) that imports
 * this module gets its own instance of the addon in the one copy of the libraries.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { NativeBinding } from './binding.ts';
import { librariesToOpen, locate, SetupError } from './native/locate.mjs';

interface Loader {
  /** null, or the dynamic linker's message. */
  open(path: string): string | null;
}

const { libtorch: found, binaries } = locate();
const require = createRequire(import.meta.url);

const loader: Loader = require(join(binaries.folder, 'loader.node'));
for (const path of librariesToOpen(found, binaries)) {
  const message = loader.open(path);
  if (message !== null) {
    throw new SetupError(
      `${path} could not be opened: ${message}\nTo see what is wrong, type: npx intraclass doctor`,
    );
  }
}

/** The addon's functions, as this thread's instance of it offers them. */
export const native: NativeBinding = require(join(binaries.folder, 'intraclass.node'));

/** The LibTorch in use. `cuda` is the CUDA version of the addon's kernels, null in a CPU build. */
export const libtorch: { path: string; version: string; cuda: string | null } = {
  path: found.path,
  version: found.version,
  cuda: binaries.info.cuda,
};
