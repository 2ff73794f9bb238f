// @ts-check
// npm run check (all checks that run no code), npm run format (puts layout right)
import { runChecks, runFormat } from './setup/checks.mjs';
import { ensurePackages } from './setup/packages.mjs';
import { runMain } from './setup/steps.mjs';

await runMain(async () => {
  await ensurePackages();
  if (process.argv.includes('--fix')) await runFormat();
  else if ((await runChecks()).length > 0) process.exitCode = 1;
});
