// @ts-check
// npm start [-- options]: sets everything up, then trains the paper's MNIST network with the ICU loss.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare } from './setup/prepare.mjs';
import { root, runMain } from './setup/steps.mjs';

await runMain(async () => {
  await prepare();
  const main = join(root, 'dist', 'cli', 'main.js');
  process.argv = [process.execPath, main, 'train', 'mnist-2d', '--loss', 'icu', ...process.argv.slice(2)];
  await import(pathToFileURL(main).href);
});
