// @ts-check
// npm run gpu:check: on a machine with an NVIDIA GPU, builds, runs what only a GPU can show, measures, and writes
// docs/gpu.md. Needs Node.js and a Python with a CUDA torch; whatever else is missing costs its own step alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findGpu, versions } from './gpu-check/machine.mjs';
import { writeReport } from './gpu-check/report.mjs';
import { runSteps } from './gpu-check/steps.mjs';
import { log, root, runMain, SetupError } from './setup/steps.mjs';

await runMain(async () => {
  const gpu = findGpu();
  if (gpu === null) {
    throw new SetupError(
      'there is no NVIDIA GPU here (nvidia-smi names none): nothing was run, and docs/gpu.md is as it was',
    );
  }
  log(`${gpu.name}, driver ${gpu.driver}`);
  const { checks, timings } = await runSteps();
  const page = join(root, 'docs', 'gpu.md');
  const about = { gpu, versions: versions(), date: new Date().toISOString().slice(0, 10) };
  writeFileSync(page, writeReport(readFileSync(page, 'utf8'), { about, checks, timings }));
  log('docs/gpu.md: written');
  const failed = checks.filter(({ ok }) => ok === false);
  for (const { name, detail } of failed) log(`FAILED: ${name}: ${detail}`);
  if (failed.length > 0) process.exitCode = 1;
});
