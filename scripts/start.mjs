// @ts-check
// npm start [-- options]: sets everything up, then trains the paper's MNIST network with the ICU loss.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare } from './setup/prepare.mjs';
import { root, runMain } from './setup/steps.mjs';

await runMain(async () => {
  await prepare();
  const main = join(root, 'dist', 'cli', 'main.js');
  const options = process.argv.slice(2);
  // A run that is taken up again has its settings already.
  const job = options.some((option) => option.startsWith('--resume')) ? [] : ['mnist-2d', '--loss', 'icu'];
  process.argv = [process.execPath, main, 'train', ...job, ...options];
  await import(pathToFileURL(main).href);
});
