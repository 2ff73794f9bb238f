// @ts-check
// npm run gpu:check: on a machine with an NVIDIA GPU, builds, runs what only a GPU can show, measures, and writes
// docs/gpu.md. Needs Node.js and a Python with a CUDA torch; whatever else is missing costs its own step alone.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findGpu, versions } from './gpu-check/machine.mjs';
import { checkGpu } from './gpu-check/main.mjs';
import { steps } from './gpu-check/steps.mjs';
import { log, root, runMain, SetupError } from './setup/steps.mjs';

const HELP = `npm run gpu:check -- [options]: builds, checks and measures on a GPU, and writes docs/gpu.md after each step

  --only <steps>    these alone, with commas between: ${[...new Set(steps.map(({ kind }) => kind))].join(',')}
  --shape <N,K,D>   of the benchmark, this problem alone; may be given more than once
  --results <file>  keeps what the steps found (JSON lines); with a file that exists it goes on from there, and a step
                    that has run is not run again unless --only names it
`;

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      shape: { type: 'string', multiple: true },
      results: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const gpu = findGpu();
  if (gpu === null) {
    throw new SetupError(
      'there is no NVIDIA GPU here (nvidia-smi names none): nothing was run, and docs/gpu.md is as it was',
    );
  }
  log(`${gpu.name}, driver ${gpu.driver}`);
  const fine = await checkGpu({
    steps,
    about: { gpu, versions: versions(), date: new Date().toISOString().slice(0, 10) },
    page: join(root, 'docs', 'gpu.md'),
    ...(values.results !== undefined && { results: values.results }),
    ...(values.only !== undefined && { only: values.only.split(',') }),
    ...(values.shape && { shapes: values.shape.map((shape) => shape.replaceAll(/[() ]/g, '')) }),
  });
  if (!fine) process.exitCode = 1;
});
