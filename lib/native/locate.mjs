// @ts-check
/**
 * Finds this package, its native binaries and LibTorch. Plain JavaScript, because the set-up scripts use it before
 * anything is compiled.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} LibTorch
 * @property {string} path folder with include/ and lib/
 * @property {string} version as LibTorch states it, such as `2.13.0+cpu`
 * @property {boolean} cuda whether it has the CUDA libraries
 * @property {string} source what it was found by: `LIBTORCH`, `.libtorch`, `.libtorch-cuda` or `Python torch`
 *
 * @typedef {object} BuildInfo
 * @property {string} torchVersion LibTorch's version at build, such as `2.13.0`
 * @property {string} torchBuild the same with its local part, such as `2.13.0+cpu`
 * @property {string | null} cuda the CUDA compiler's version, null in a CPU build
 * @property {number} napi
 * @property {string} compiler
 *
 * @typedef {object} Binaries
 * @property {string} folder
 * @property {BuildInfo} info
 */

/** The versions this package is known to build and run with, both ends included. */
export const SUPPORTED = { first: '2.11', last: '2.14' };

const SUFFIX = process.platform === 'darwin' ? '.dylib' : '.so';

/** Thrown when a part is missing or does not fit; its message says what to type. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError';
}

/** The nearest folder above `start` (default: this file) with a package.json. */
export function packageRoot(start = dirname(fileURLToPath(import.meta.url))) {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new SetupError(`no package.json above ${start}`);
  }
}

/** Whether this is a checkout of the package and not an installed dependency. @param {string} root */
export const isCheckout = (root) =>
  existsSync(join(root, 'package-lock.json')) && !root.split(sep).includes('node_modules');

/**
 * What to type for one of this package's scripts: in a user's project npm knows that project's scripts and not ours,
 * which are commands there.
 * @param {string} root
 * @param {'setup' | 'build'} script
 * @param {string[]} options
 */
export function commandFor(root, script, ...options) {
  if (!isCheckout(root)) return ['npx', `intraclass-${script}`, ...options].join(' ');
  return ['npm run', script, ...(options.length > 0 ? ['--', ...options] : [])].join(' ');
}

/** Path of one of LibTorch's libraries, named without `lib` and suffix. @param {string} libtorch @param {string} name */
export const libraryPath = (libtorch, name) => join(libtorch, 'lib', `lib${name}${SUFFIX}`);

/**
 * The version stated by a LibTorch folder: `build-version` in the LibTorch archives, `version.py` in Python's torch.
 * @param {string} folder
 * @returns {string | null}
 */
export function libtorchVersion(folder) {
  const archive = join(folder, 'build-version');
  if (existsSync(archive)) return readFileSync(archive, 'utf8').trim();
  const python = join(folder, 'version.py');
  if (!existsSync(python)) return null;
  return /^__version__ *= *['"]([^'"]+)['"]/m.exec(readFileSync(python, 'utf8'))?.[1] ?? null;
}

/** Whether the package is known to work with it. @param {string} version */
export function isSupported(version) {
  const [major, minor] = version.split('.').map(Number);
  const [first, last] = [SUPPORTED.first, SUPPORTED.last].map((each) => Number(each.split('.')[1]));
  return major === 2 && Number(minor) >= Number(first) && Number(minor) <= Number(last);
}

/** @param {string} folder @param {string} source @returns {LibTorch | null} */
function describe(folder, source) {
  if (!existsSync(libraryPath(folder, 'torch_cpu'))) return null;
  const version = libtorchVersion(folder);
  if (version === null) return null;
  return { path: folder, version, cuda: existsSync(libraryPath(folder, 'torch_cuda')), source };
}

/**
 * The folder of the `torch` package of a Python, without importing it. null where there is none. INTRACLASS_PYTHON names
 * the one that results are compared with, PYTHON that which npm's own tools go by.
 * @param {string} root
 * @param {(folder: string) => boolean} accepts passes over those for which it is false
 * @returns {string | null}
 */
export function pythonTorch(root, accepts = () => true) {
  const code = `import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(s.origin) if s and s.origin else '')`;
  const { INTRACLASS_PYTHON, PYTHON } = process.env;
  for (const python of [INTRACLASS_PYTHON, PYTHON, join(root, '.venv/bin/python'), 'python3', 'python']) {
    if (!python) continue;
    try {
      const folder = execFileSync(python, ['-c', code], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
      if (folder && accepts(folder)) return folder;
    } catch {
      // No such Python, or one too broken to answer: the next may do.
    }
  }
  return null;
}

/**
 * LibTorch, looked for in this order: the folder named by LIBTORCH, the project's own, an installed Python torch.
 * With `cuda`, only one that has the CUDA libraries counts. A Python torch that does not go with the binaries that are
 * there is passed over: it was installed for something else, and must not stand in the way of a LibTorch that does.
 * @param {{ root?: string; cuda?: boolean }} [options]
 * @returns {LibTorch | null}
 * @throws {SetupError} when LIBTORCH is set to something that is no LibTorch
 */
export function findLibtorch({ root = packageRoot(), cuda = false } = {}) {
  const named = process.env.LIBTORCH;
  if (named) {
    const type = `Type: unset LIBTORCH && ${commandFor(root, 'setup', ...(cuda ? ['--cuda'] : []))}`;
    const found = describe(resolve(named), 'LIBTORCH');
    if (!found) {
      throw new SetupError(
        `LIBTORCH is ${named}, which is no LibTorch: expected a folder with lib/libtorch_cpu${SUFFIX} and version.py or build-version.\n${type}`,
      );
    }
    if (cuda && !found.cuda) {
      throw new SetupError(
        `LIBTORCH is ${named}, which has no lib/libtorch_cuda${SUFFIX}: a CUDA LibTorch is needed.\n${type}`,
      );
    }
    return found;
  }
  const own = cuda
    ? describe(join(root, '.libtorch-cuda', 'torch'), '.libtorch-cuda')
    : describe(join(root, '.libtorch'), '.libtorch');
  if (own) return own;
  const built = findBinaries({ root, cuda })?.info.torchVersion;
  const fitting = (/** @type {string} */ folder) => {
    const found = describe(folder, 'Python torch');
    if (!found || (cuda && !found.cuda)) return null;
    return !built || majorMinor(found.version) === majorMinor(built) ? found : null;
  };
  const python = pythonTorch(root, (folder) => fitting(folder) !== null);
  return python === null ? null : fitting(python);
}

/**
 * @param {string} folder
 * @param {string} build what to type to build them
 * @returns {Binaries | null}
 * @throws {SetupError} when their description is damaged
 */
function describeBinaries(folder, build) {
  const path = join(folder, 'build-info.json');
  if (!existsSync(path) || !existsSync(join(folder, 'intraclass.node'))) return null;
  const info = buildInfo(readFileSync(path, 'utf8'));
  // As a build leaves it that was ended by a full disk. Without the file the folder counts as none.
  if (info === null) throw new SetupError(`${path} is damaged. Type: rm "${path}" && ${build}`);
  return { folder, info };
}

/** @param {string} text @returns {BuildInfo | null} */
function buildInfo(text) {
  try {
    const info = JSON.parse(text);
    return typeof info?.torchVersion === 'string' ? info : null;
  } catch {
    return null;
  }
}

/**
 * The native binaries: those built here, else those that came with the package.
 * @param {{ root?: string; cuda?: boolean }} [options]
 * @returns {Binaries | null}
 */
export function findBinaries({ root = packageRoot(), cuda = false } = {}) {
  const target = `${process.platform}-${process.arch}`;
  const build = commandFor(root, 'build', ...(cuda ? ['--cuda'] : []));
  return (
    describeBinaries(join(root, cuda ? 'build-cuda' : 'build', 'Release'), build) ??
    describeBinaries(join(root, 'prebuilds', cuda ? `${target}-cuda` : target), build)
  );
}

/** Whether an NVIDIA driver is loaded, natively or under WSL. */
export const hasCudaDriver = () => existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');

/**
 * Whether to use the CUDA build: as INTRACLASS_BUILD says (`cpu` or `cuda`), else where there are both a driver and
 * such a build.
 * @param {string} root
 */
export function wantsCuda(root) {
  const asked = process.env.INTRACLASS_BUILD;
  if (asked === 'cpu' || asked === 'cuda') return asked === 'cuda';
  if (asked) {
    throw new SetupError(
      `INTRACLASS_BUILD must be cpu or cuda, got ${JSON.stringify(asked)}. Type: unset INTRACLASS_BUILD`,
    );
  }
  return hasCudaDriver() && findBinaries({ root, cuda: true }) !== null;
}

/** "2.13" of "2.13.0+cpu". @param {string} version */
export const majorMinor = (version) => version.split('.', 2).join('.');

/**
 * Everything needed to load the addon, checked against one another.
 * @param {string} [root]
 * @returns {{ libtorch: LibTorch; binaries: Binaries; cuda: boolean }}
 * @throws {SetupError}
 */
export function locate(root = packageRoot()) {
  const cuda = wantsCuda(root);
  const where = isCheckout(root) ? root : 'your project';
  const type = (/** @type {'setup' | 'build'} */ script) =>
    `In ${where} type: ${commandFor(root, script, ...(cuda ? ['--cuda'] : []))}`;
  const binaries = findBinaries({ root, cuda });
  if (!binaries) {
    throw new SetupError(`the native addon has not been built. ${type('build')}`);
  }
  const libtorch = findLibtorch({ root, cuda });
  if (!libtorch) {
    throw new SetupError(
      `LibTorch ${majorMinor(binaries.info.torchVersion)} was not found. ${type('setup')}\n` +
        'or set LIBTORCH to a folder with an unpacked LibTorch.',
    );
  }
  if (majorMinor(libtorch.version) !== majorMinor(binaries.info.torchVersion)) {
    throw new SetupError(
      `LibTorch ${libtorch.version} was found (${libtorch.source}: ${libtorch.path}), but the native addon was built ` +
        `with ${binaries.info.torchBuild}. ${type('build')}\n` +
        `or ${libtorch.source === 'LIBTORCH' ? 'unset LIBTORCH, or set it' : 'set LIBTORCH'} to a folder with LibTorch ${majorMinor(binaries.info.torchVersion)}.`,
    );
  }
  return { libtorch, binaries, cuda };
}

/**
 * The libraries to open before the addon, in the order in which they depend on one another.
 * @param {LibTorch} libtorch
 * @param {Binaries} binaries
 */
export function librariesToOpen(libtorch, binaries) {
  const names = binaries.info.cuda ? ['c10', 'c10_cuda', 'torch_cpu', 'torch_cuda'] : ['c10', 'torch_cpu'];
  return [...names.map((name) => libraryPath(libtorch.path, name)), join(binaries.folder, 'intraclass.node')];
}
