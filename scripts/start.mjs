// @ts-check
// npm start [-- options]: sets everything up, then runs `intraclass train`, which trains the paper's 2-D MNIST network
// with the ICU loss unless the options say otherwise.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare } from './setup/prepare.mjs';
import { root, runMain } from './setup/steps.mjs';

await runMain(async () => {
  await prepare();
  const main = join(root, 'dist', 'cli', 'main.js');
  process.argv = [process.execPath, main, 'train', ...process.argv.slice(2)];
  await import(pathToFileURL(main).href);
});
