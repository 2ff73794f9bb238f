// @ts-check
// From a fresh clone to something that runs; each step looks first whether there is anything to do.
import { findBinaries, hasCudaDriver } from '../../lib/native/locate.mjs';
import { ensureLibtorch } from './libtorch.mjs';
import { exclusively } from './lock.mjs';
import { ensureLoads, ensureNative } from './native.mjs';
import { ensurePackages } from './packages.mjs';
import { command, log, root, shown } from './steps.mjs';
import { ensureTypeScript } from './typescript.mjs';

/** @param {{ cuda?: boolean; runtime?: boolean; typescript?: boolean; load?: boolean }} [options] */
export function prepare({ cuda = false, runtime = cuda, typescript = true, load = true } = {}) {
  return exclusively(async () => {
    await ensurePackages();
    const libtorch = await ensureLibtorch({ cuda, runtime });
    log(`LibTorch ${libtorch.version} (${libtorch.source}: ${shown(libtorch.path)})`);
    await ensureNative(libtorch, { cuda });
    if (typescript) await ensureTypeScript();
    if (load) await ensureLoads(libtorch, { cuda });
    if (!cuda && hasCudaDriver() && !findBinaries({ root, cuda: true })) {
      log(
        `an NVIDIA driver is loaded, and this build is for the CPU. To use the GPU, type: ${command('build', '--cuda')}`,
      );
    }
  });
}
