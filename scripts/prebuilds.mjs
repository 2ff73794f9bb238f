// @ts-check
// npm run prebuilds: the binaries for this platform into prebuilds/<platform>-<arch>/, from where an installed package
// loads them. They are built through binding.gyp, as prebuildify does for every package. With --check, which npm runs
// before it publishes, nothing is built.
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages } from './setup/packages.mjs';
import { checkPrebuilds, packageVersion } from './setup/prebuilt.mjs';
import { log, root, run, runMain } from './setup/steps.mjs';
import { bin } from './setup/typescript.mjs';

await runMain(async () => {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  if (values.check) return checkPrebuilds();
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
  copyFileSync(join(built, 'loader.node'), join(target, 'loader.node'));
  const info = JSON.parse(readFileSync(join(built, 'build-info.json'), 'utf8'));
  const stated = JSON.stringify({ ...info, packageVersion: packageVersion() }, null, 2);
  writeFileSync(join(target, 'build-info.json'), `${stated}\n`);
  checkPrebuilds();
  log(`prebuilt binaries: ready in prebuilds/${process.platform}-${process.arch}`);
});
