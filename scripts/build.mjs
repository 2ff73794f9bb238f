// npm run build [-- --cuda [--link-only]]
import { parseArgs } from 'node:util';
import { prepare } from './setup/prepare.mjs';
import { log, runMain } from './setup/steps.mjs';

const HELP = `npm run build -- [options]
  --cuda        build with the CUDA kernels into build-cuda/ (needs nvcc; fetches a CUDA LibTorch)
  --link-only   with --cuda: compile and link without NVIDIA's run-time libraries, and do not load the result
`;

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      cuda: { type: 'boolean' },
      'link-only': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const linkOnly = values['link-only'] ?? false;
  await prepare({ cuda: values.cuda ?? false, runtime: !linkOnly, load: !linkOnly });
  log('build: done');
});
