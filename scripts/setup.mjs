#!/usr/bin/env node
// @ts-check
// npm run setup [-- options], or npx intraclass-setup [options]: fetches what the build needs, without building.
import { parseArgs } from 'node:util';
import { ensureLibtorch, installLibtorch } from './setup/libtorch.mjs';
import { exclusively } from './setup/lock.mjs';
import { ensurePackages } from './setup/packages.mjs';
import { ensurePython } from './setup/pip.mjs';
import { command, log, runMain, SetupError, shown } from './setup/steps.mjs';

const HELP = `${command('setup', '[options]')}
  (none)          install the npm packages, and fetch LibTorch where none is found
  --from <path>   take LibTorch from a folder, a zip archive or a torch wheel
  --force         fetch LibTorch again, into the project, even where one is found
  --cuda          the CUDA LibTorch, into .libtorch-cuda/
  --no-runtime    with --cuda: leave out NVIDIA's libraries (enough to compile and link, not to run)
  --python        make .venv with Python's torch, numpy, torchvision and safetensors, for the parity tests and
                  the benchmarks

LibTorch is looked for in this order: the folder named by LIBTORCH, the project's own .libtorch/, an installed
Python torch.
`;

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      from: { type: 'string' },
      force: { type: 'boolean', default: false },
      cuda: { type: 'boolean', default: false },
      'no-runtime': { type: 'boolean', default: false },
      python: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { cuda, from } = values;
  if (values['no-runtime'] && !cuda) throw new SetupError('--no-runtime goes with --cuda');
  const runtime = cuda && !values['no-runtime'];
  await exclusively(async () => {
    await ensurePackages();
    if (from !== undefined || values.force)
      await installLibtorch({ cuda, ...(from !== undefined && { from }) });
    const libtorch = await ensureLibtorch({ cuda, runtime });
    log(`LibTorch ${libtorch.version} (${libtorch.source}: ${shown(libtorch.path)})`);
    // The same version: Python then loads the library of the loss operators as it is.
    if (values.python) await ensurePython(libtorch.version.replace(/\+.*/, ''));
  });
});
