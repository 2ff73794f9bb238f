// @ts-check
// The native build, and a first load of what it made in a child process.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findBinaries } from '../../lib/native/locate.mjs';
import { cxx, firstLine, INSTALL, installCxx, nvcc } from '../../lib/native/tools.mjs';
import { NATIVE_SOURCES } from './prebuilt.mjs';
import { hashOf, log, root, run, SetupError, seconds, shown, step } from './steps.mjs';

/** @typedef {import('../../lib/native/locate.mjs').LibTorch} LibTorch */

/** @param {boolean} cuda */
function checkTools(cuda) {
  const cmake = firstLine('cmake', ['--version']);
  if (cmake === null) throw new SetupError(`cmake is missing. Type: ${INSTALL} cmake`);
  const version = /(\d+)\.(\d+)/.exec(cmake);
  const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
  if (major < 3 || (major === 3 && minor < 18)) {
    throw new SetupError(
      `CMake 3.18 or newer is needed, this is ${cmake}. Type: python3 -m pip install cmake`,
    );
  }
  if (firstLine(cxx(), ['--version']) === null) {
    throw new SetupError(`the C++ compiler ${cxx()} is missing. Type: ${installCxx()}`);
  }
  if (cuda && firstLine(nvcc(), ['--version']) === null) {
    throw new SetupError(
      'nvcc, the CUDA compiler, is missing. Install the CUDA toolkit (developer.nvidia.com/cuda-downloads) and put nvcc on PATH, or set CUDACXX',
    );
  }
}

/**
 * A package that has headers: its folder as Node.js finds it, since npm may have put it beside this package or anywhere
 * above.
 * @param {string} name
 */
function folderOf(name) {
  try {
    return dirname(createRequire(join(root, 'package.json')).resolve(`${name}/package.json`));
  } catch {
    throw new SetupError(`the package ${name} is missing, a dependency of this one. Type: npm install`);
  }
}

/** What CMake reads when it first configures a folder, and never again. */
const environment = () => [process.env.CXX, process.env.CUDAARCHS, process.env.CUDACXX];

/** The environment that a CMake folder was configured in. @param {string} folder */
const environmentFile = (folder) => join(folder, 'environment.json');

/**
 * Drops a CMake cache that was made in another place, since the project has been moved, or for another compiler or other
 * GPUs than are asked for now.
 * @param {string} folder
 */
function dropForeignCache(folder) {
  const cache = join(folder, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  const file = environmentFile(folder);
  // Without one it was configured before there were such files, as a rule with none of them set.
  const used = existsSync(file) ? readFileSync(file, 'utf8') : JSON.stringify(environment().map(() => null));
  if (home !== root || used !== JSON.stringify(environment())) {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes a CMake folder ready to be configured, anew where it has to be. @param {string} folder */
export function prepareFolder(folder) {
  dropForeignCache(folder);
  mkdirSync(folder, { recursive: true });
  writeFileSync(environmentFile(folder), JSON.stringify(environment()));
}

/** CMake's options for a folder that has no generator yet: Ninja, where there is one. @param {string} folder */
export const generatorFor = (folder) =>
  !existsSync(join(folder, 'CMakeCache.txt')) && firstLine('ninja', ['--version']) !== null
    ? ['-G', 'Ninja']
    : [];

/** How many files are compiled at once: as many as there are processors, for `--parallel` alone may mean all at once. */
export const buildJobs = () => process.env.INTRACLASS_JOBS ?? String(availableParallelism());

/**
 * Builds the native parts against `libtorch` where sources, headers or LibTorch's version changed. Its place may
 * change without a build: it is opened by path at run time.
 * @param {LibTorch} libtorch
 * @param {{ cuda?: boolean }} [options]
 */
export async function ensureNative(libtorch, { cuda = false } = {}) {
  const output = join(root, cuda ? 'build-cuda' : 'build');
  const headers = { addonApi: folderOf('node-addon-api'), apiHeaders: folderOf('node-api-headers') };
  const versions = Object.values(headers).map((path) => join(relative(root, path), 'package.json'));
  const hash = hashOf([...NATIVE_SOURCES, ...versions], [libtorch.version, ...environment()]);
  const there = madeIn(join(output, 'Release'), cuda);
  await step(cuda ? 'native-cuda' : 'native', hash, () => build(libtorch, { cuda, output, ...headers }), {
    there,
  });
}

/** Whether the binaries are those of a folder; where they are damaged they are made anew. @param {string} folder @param {boolean} cuda */
function madeIn(folder, cuda) {
  try {
    return findBinaries({ root, cuda })?.folder === folder;
  } catch (error) {
    if (error instanceof SetupError) return false;
    throw error;
  }
}

/**
 * @param {LibTorch} libtorch
 * @param {{ cuda: boolean; output: string; addonApi: string; apiHeaders: string }} options
 */
async function build(libtorch, { cuda, output, addonApi, apiHeaders }) {
  checkTools(cuda);
  const started = Date.now();
  log(
    `native code: building against LibTorch ${libtorch.version}${cuda ? ' with CUDA' : ''} into ${shown(output)}/Release`,
  );
  const folder = join(output, 'cmake');
  prepareFolder(folder);
  await run(
    'cmake',
    [
      '-S',
      root,
      '-B',
      folder,
      ...generatorFor(folder),
      '-DCMAKE_BUILD_TYPE=Release',
      `-DLIBTORCH=${libtorch.path}`,
      `-DNODE_ADDON_API=${addonApi}`,
      `-DNODE_API_HEADERS=${join(apiHeaders, 'include')}`,
      `-DINTRACLASS_CUDA=${cuda ? 'ON' : 'OFF'}`,
    ],
    { env: cuda ? { CUDACXX: nvcc() } : {} },
  );
  await run('cmake', ['--build', folder, '--parallel', buildJobs()], { output: 'show' });
  log(`native code: built (${seconds(started)})`);
}

/**
 * Loads the addon in a child process, so that a crash at load is an error here and not the main job's end. Done once
 * for each build of the addon and each LibTorch.
 * @param {LibTorch} libtorch
 * @param {{ cuda?: boolean }} [options]
 */
export async function ensureLoads(libtorch, { cuda = false } = {}) {
  const addon = statSync(join(root, cuda ? 'build-cuda' : 'build', 'Release', 'intraclass.node'));
  const hash = hashOf([], [shown(libtorch.path), libtorch.version, addon.mtimeMs, addon.size]);
  const code = `await import(${JSON.stringify(pathToFileURL(join(root, 'dist', 'native.js')).href)});`;
  const load = () =>
    run(process.execPath, ['--input-type=module', '-e', code], {
      env: { INTRACLASS_BUILD: cuda ? 'cuda' : 'cpu' },
      hint: 'The native addon was built but does not load. To see what is wrong, type: npx intraclass doctor',
    });
  await step(cuda ? 'load-cuda' : 'load', hash, load);
}
