// @ts-check
// The binaries that go into the package.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, SetupError } from './steps.mjs';

/** The version of this package. */
export const packageVersion = () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

/**
 * Checks that there are prebuilt binaries, complete and of this version of the package on each platform.
 * @param {string} [folder]
 * @throws {SetupError}
 */
export function checkPrebuilds(folder = join(root, 'prebuilds')) {
  const platforms = existsSync(folder) ? readdirSync(folder) : [];
  if (platforms.length === 0) throw new SetupError(`${folder} has no binaries. Type: npm run prebuilds`);
  for (const platform of platforms) {
    const library = `libintraclass_icu${platform.startsWith('darwin') ? '.dylib' : '.so'}`;
    const names = ['intraclass.node', 'loader.node', library, 'build-info.json'];
    const missing = names.filter((name) => !existsSync(join(folder, platform, name)));
    if (missing.length > 0) {
      throw new SetupError(
        `prebuilds/${platform} lacks ${missing.join(', ')}. On that platform type: npm run prebuilds`,
      );
    }
    const info = JSON.parse(readFileSync(join(folder, platform, 'build-info.json'), 'utf8'));
    if (info.packageVersion !== packageVersion()) {
      throw new SetupError(
        `prebuilds/${platform} is of version ${info.packageVersion}, expected ${packageVersion()}. On that platform type: npm run prebuilds`,
      );
    }
  }
}
