// @ts-check
// npm run bench -- <benchmark> [options]: measures this package against PyTorch on the same LibTorch.
import { main } from './bench/main.mjs';
import { runMain } from './setup/steps.mjs';

await runMain(() => main(process.argv.slice(2)));
