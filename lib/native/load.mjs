// @ts-check
/**
 * The one door to C++: finds LibTorch, opens it, and loads the addon. Plain JavaScript, since threads that decode images
 * load it as it is; everything else goes through native.ts.
 *
 * LibTorch is opened by absolute path through loader.node, so neither LD_LIBRARY_PATH nor a fixed place is needed: the
 * addon's own dependencies then resolve by name among the libraries already open. Each thread (worker) that imports
 * this module gets its own instance of the addon in the one copy of the libraries.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { librariesToOpen, locate, SetupError } from './locate.mjs';

const { libtorch: found, binaries } = locate();
const require = createRequire(import.meta.url);

/** A binary of ours. @param {string} name */
function open(name) {
  const path = join(binaries.folder, name);
  try {
    return require(path);
  } catch (error) {
    throw cannotOpen(path, error instanceof Error ? error.message : String(error));
  }
}

/** @param {string} path @param {string} why the dynamic linker's message */
function cannotOpen(path, why) {
  return new SetupError(
    `${path} could not be opened: ${why}\nTo see what is wrong, type: npx intraclass doctor`,
  );
}

/** @type {{ open(path: string): string | null }} null, or the dynamic linker's message */
const loader = open('loader.node');
for (const path of librariesToOpen(found, binaries)) {
  const message = loader.open(path);
  if (message !== null) throw cannotOpen(path, message);
}

/** @type {unknown} The addon's functions; binding.ts has their types. */
export const native = open('intraclass.node');

/** The LibTorch in use. `cuda` is the CUDA version of the addon's kernels, null in a CPU build. */
export const libtorch = { path: found.path, version: found.version, cuda: binaries.info.cuda };
