// @ts-check
// npm run prebuilds: the binaries for this platform into prebuilds/<platform>-<arch>/, from where an installed package
// loads them. They are built through binding.gyp, as prebuildify does for every package. With --check, which npm runs
// before it publishes, nothing is built.
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeFolder, withCleanUp } from './setup/cleanup.mjs';
import { ensurePackages } from './setup/packages.mjs';
import { checkPrebuilds, extendBuildInfo, packageState } from './setup/prebuilt.mjs';
import { log, root, run, runMain } from './setup/steps.mjs';
import { bin } from './setup/typescript.mjs';

const PLATFORM = `${process.platform}-${process.arch}`;

/** Where they are put together: not in build/, which node-gyp empties, nor in prebuilds/, which is published. */
const PARTIAL = join(root, 'prebuilds.partial');

const HELP = `npm run prebuilds [-- options]
  (none)   build the binaries for ${PLATFORM} into prebuilds/
  --check  see whether those in prebuilds/ are complete and of the sources as they are
`;

/** Puts complete binaries in the place of those that are there. */
async function makePrebuilds() {
  const state = packageState();
  await run(bin('prebuildify'), ['--napi', '--strip', `--target=${process.version}`, `--out=${PARTIAL}`], {
    output: 'show',
    hint: 'node-gyp wants the headers of Node.js itself: without a network give it a folder with npm_config_nodedir',
  });
  const built = join(root, 'build', 'Release');
  const made = join(PARTIAL, 'prebuilds', PLATFORM);
  // prebuildify moves the first addon that it finds (intraclass.node) and copies the shared library.
  copyFileSync(join(made, 'intraclass.node'), join(built, 'intraclass.node'));
  copyFileSync(join(built, 'loader.node'), join(made, 'loader.node'));
  extendBuildInfo(join(built, 'build-info.json'), join(made, 'build-info.json'), state);
  checkPrebuilds(join(PARTIAL, 'prebuilds'));
  const target = join(root, 'prebuilds', PLATFORM);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(root, 'prebuilds'), { recursive: true });
  renameSync(made, target);
}

await runMain(async () => {
  const { values } = parseArgs({
    options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (values.check) return checkPrebuilds();
  await ensurePackages();
  removeFolder(PARTIAL); // of a process that was killed
  await withCleanUp(makePrebuilds, () => removeFolder(PARTIAL));
  log(`prebuilt binaries: ready in prebuilds/${PLATFORM}`);
});
