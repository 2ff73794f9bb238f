// @ts-check
// npm test [-- vitest's arguments]: sets everything up, checks layout, lint and types, and runs the tests.
import { pythonTorch } from '../lib/native/locate.mjs';
import { runChecks } from './setup/checks.mjs';
import { prepare } from './setup/prepare.mjs';
import { log, root, run, runMain, SetupError } from './setup/steps.mjs';
import { bin } from './setup/typescript.mjs';

await runMain(async () => {
  await prepare();
  if (pythonTorch(root) === null) {
    log(
      "Python's torch: not found; tests that compare with it are skipped. To run them, type: npm run setup -- --python",
    );
  }
  const failed = await runChecks();
  try {
    await run(bin('vitest'), ['run', ...process.argv.slice(2)], { output: 'stdout' });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    failed.push('vitest');
  }
  if (failed.length === 0) return;
  log(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
});
