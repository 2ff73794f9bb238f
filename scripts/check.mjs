// @ts-check
// npm run check (all checks that run no code), npm run format (puts layout right)
import { parseArgs } from 'node:util';
import { runChecks, runFormat } from './setup/checks.mjs';
import { ensurePackages } from './setup/packages.mjs';
import { runMain } from './setup/steps.mjs';

const HELP = `npm run check, or npm run format
  (none)  check layout (Biome, clang-format), lint and types
  --fix   put right what can be (npm run format)
`;

await runMain(async () => {
  const { values } = parseArgs({
    options: { fix: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  await ensurePackages();
  if (values.fix) await runFormat();
  else if ((await runChecks()).length > 0) process.exitCode = 1;
});
