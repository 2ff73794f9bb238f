#!/usr/bin/env node
// @ts-check
// npm run build [-- options], or npx intraclass-build [options]
import { parseArgs } from 'node:util';
import { prepare } from './setup/prepare.mjs';
import { command, log, runMain, SetupError } from './setup/steps.mjs';

const HELP = `${command('build', '[options]')}
  --cuda        build with the CUDA kernels into build-cuda/ (needs nvcc; fetches a CUDA LibTorch)
  --link-only   with --cuda: compile and link without NVIDIA's run-time libraries, and do not load the result
  --native-only the native code alone, without the TypeScript (what binding.gyp calls)
`;

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      cuda: { type: 'boolean', default: false },
      'link-only': { type: 'boolean', default: false },
      'native-only': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { cuda, 'link-only': linkOnly, 'native-only': nativeOnly } = values;
  if (linkOnly && !cuda) throw new SetupError('--link-only goes with --cuda');
  await prepare({
    cuda,
    runtime: cuda && !linkOnly,
    typescript: !nativeOnly,
    load: !linkOnly && !nativeOnly,
  });
  log('build: done');
});
