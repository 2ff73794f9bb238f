// @ts-check
// npm run prebuilds: the binaries for this platform into prebuilds/<platform>-<arch>/, from where an installed package
// loads them. They are built through binding.gyp, as prebuildify does for every package.
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from './setup/packages.mjs';
import { log, root, run, runMain } from './setup/steps.mjs';
import { bin } from './setup/typescript.mjs';

await runMain(async () => {
  await ensurePackages();
  const built = join(root, 'build', 'Release');
  const target = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  rmSync(target, { recursive: true, force: true });
  await run(bin('prebuildify'), ['--napi', '--strip', `--target=${process.version}`], {
    output: 'show',
    hint: 'node-gyp wants the headers of Node.js itself: without a network give it a folder with npm_config_nodedir',
  });
  // prebuildify moves the first addon that it finds (intraclass.node) and copies the shared library.
  copyFileSync(join(target, 'intraclass.node'), join(built, 'intraclass.node'));
  for (const name of ['loader.node', 'build-info.json']) copyFileSync(join(built, name), join(target, name));
  log(`prebuilt binaries: ready in prebuilds/${process.platform}-${process.arch}`);
});
