// @ts-check
// The binaries that go into the package.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, root, SetupError } from './steps.mjs';

/** What all of them are built from. */
export const NATIVE_SOURCES = ['CMakeLists.txt', 'cmake', 'native'];

/** What binaries that are published now must have been made of. */
export const packageState = () => ({
  packageVersion: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
  sources: hashOf(NATIVE_SOURCES),
});

/** Adds to what a build says of itself. @param {string} from @param {string} to build-info.json @param {object} more */
export function extendBuildInfo(from, to, more) {
  const info = { ...JSON.parse(readFileSync(from, 'utf8')), ...more };
  writeFileSync(to, `${JSON.stringify(info, null, 2)}\n`);
}

/**
 * Checks that there are prebuilt binaries, complete and of this state of the package on each platform.
 * @param {string} [folder]
 * @throws {SetupError}
 */
export function checkPrebuilds(folder = join(root, 'prebuilds')) {
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  // A file is none, such as the .DS_Store that macOS leaves behind.
  const platforms = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (platforms.length === 0) throw new SetupError(`${folder} has no binaries. Type: npm run prebuilds`);
  for (const platform of platforms) {
    const fault = faultOf(platform, join(folder, platform));
    if (fault) {
      throw new SetupError(`prebuilds/${platform} ${fault}. On that platform type: npm run prebuilds`);
    }
  }
}

/** @param {string} platform @param {string} folder @returns {string | null} */
function faultOf(platform, folder) {
  const library = `libintraclass_icu${platform.startsWith('darwin') ? '.dylib' : '.so'}`;
  const names = ['intraclass.node', 'loader.node', library, 'build-info.json'];
  const missing = names.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) return `lacks ${missing.join(', ')}`;
  const info = infoIn(join(folder, 'build-info.json'));
  if (info === null) return 'has a build-info.json that is no JSON';
  const { packageVersion, sources } = packageState();
  if (info.packageVersion !== packageVersion) {
    return `is of version ${info.packageVersion}, expected ${packageVersion}`;
  }
  return info.sources === sources ? null : 'was built from other sources than those in native/ now';
}

/** @param {string} path @returns {{ packageVersion?: string; sources?: string } | null} */
function infoIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
