// @ts-check
// LibTorch: found where there is one, else fetched through pip or taken from a folder or an archive.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  findBinaries,
  findLibtorch,
  isSupported,
  libtorchVersion,
  SUPPORTED,
} from '../../lib/native/locate.mjs';
import { removeFolder, withCleanUp, withTemporaryFolder } from './cleanup.mjs';
import { fetchWheel, installInto } from './pip.mjs';
import { command, log, root, SetupError, seconds, shown } from './steps.mjs';
import { unzip } from './zip.mjs';

/** @typedef {import('../../lib/native/locate.mjs').LibTorch} LibTorch */

/** The version that is fetched where no binaries ask for another. */
const PINNED = { cpu: '2.13.0', cuda: '2.14.1' };

/** Where it is unpacked. A CUDA LibTorch finds NVIDIA's libraries two folders above its own: .libtorch-cuda/nvidia. */
const FOLDER = { cpu: join(root, '.libtorch'), cuda: join(root, '.libtorch-cuda', 'torch') };

// Libraries for Python and for PyTorch's own tests, which nothing here uses.
const UNUSED = /^lib(torch_python|aoti_custom_ops|backend_with_compiler|jitbackend_test|torchbind_test|onnx)/;

/**
 * Where a file of a wheel (torch/…), a LibTorch archive (libtorch/…) or a folder of either goes below .libtorch, null
 * for one that is not needed.
 * @param {string} name
 */
function place(name) {
  const path = name.replace(/^(lib)?torch\//, '');
  // Wheels for ARM keep OpenMP and BLAS in a folder of their own; LibTorch looks beside itself as well.
  const bundled = /^torch\.libs\/([^/]+)$/.exec(name);
  if (bundled) return `lib/${bundled[1]}`;
  if (/^torch-[^/]+\.dist-info\/METADATA$/.test(name)) return 'METADATA';
  if (path === 'version.py' || path === 'build-version') return path;
  if (/^include\/.*\.(h|hpp|cuh|inl|inc)$/.test(path)) return path;
  const library = /^lib\/([^/]+)$/.exec(path)?.[1];
  return library && /\.(so|dylib)/.test(library) && !UNUSED.test(library) ? path : null;
}

/**
 * Puts the needed parts of an archive or folder into `target`, which appears complete or not at all.
 * @param {string} source
 * @param {string} target
 */
export function unpack(source, target) {
  const partial = `${target}.partial`;
  removeFolder(partial); // of a process that was killed
  return withCleanUp(
    async () => {
      await copyParts(source, partial);
      rmSync(target, { recursive: true, force: true });
      renameSync(partial, target);
    },
    () => removeFolder(partial),
  );
}

/** @param {string} source @param {string} target */
async function copyParts(source, target) {
  if (statSync(source).isDirectory()) {
    const inner = ['torch', 'libtorch']
      .map((name) => join(source, name))
      .find((folder) => existsSync(join(folder, 'lib')));
    const folder = inner ?? source;
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = place(file);
      if (path && statSync(join(folder, file)).isFile()) await cp(join(folder, file), join(target, path));
    }
  } else {
    await unzip(source, (name) => {
      const path = place(name);
      return path && join(target, path);
    });
  }
  if (!existsSync(join(target, 'include', 'ATen', 'ATen.h')) || libtorchVersion(target) === null) {
    throw new SetupError(
      `${source} holds no LibTorch: expected lib/, include/ and version.py or build-version, below torch/, libtorch/ or at its top`,
    );
  }
}

/**
 * Replaces the project's own LibTorch.
 * @param {{ cuda?: boolean; from?: string; version?: string }} options `from`: a folder, zip or wheel; `version`: the
 *   one to fetch
 */
export async function installLibtorch({ cuda = false, from, version = PINNED[cuda ? 'cuda' : 'cpu'] }) {
  const kind = cuda ? 'cuda' : 'cpu';
  const started = Date.now();
  const unpackFrom = async (/** @type {string} */ source) => {
    log(`LibTorch: unpacking ${basename(source)} into ${shown(FOLDER[kind])}`);
    await unpack(source, FOLDER[kind]);
  };
  if (from === undefined) {
    log(`LibTorch: fetching torch ${version} (${cuda ? 'CUDA, 600 MB' : 'CPU, 200 MB'}) with pip`);
    await withTemporaryFolder(async (folder) => unpackFrom(await fetchWheel(version, { cuda, folder })));
  } else if (existsSync(from)) {
    await unpackFrom(resolve(from));
  } else {
    throw new SetupError(
      `--from: expected a folder, a zip archive or a torch wheel, and there is none at ${JSON.stringify(from)}`,
    );
  }
  log(`LibTorch: ready (${seconds(started)})`);
}

/**
 * NVIDIA's libraries in the versions that the fetched CUDA LibTorch names, beside it. Without them it links but does
 * not load. An installed Python torch has its own; other LibTorch folders use those of the system.
 */
async function ensureNvidiaLibraries() {
  const folder = dirname(FOLDER.cuda);
  const metadata = join(FOLDER.cuda, 'METADATA');
  if (existsSync(join(folder, 'nvidia')) || !existsSync(metadata)) return;
  const started = Date.now();
  const requirements = readFileSync(metadata, 'utf8')
    .split('\n')
    .map((line) => /^Requires-Dist: *((?:nvidia|cuda-toolkit)[^;]*)/.exec(line)?.[1]?.trim())
    .filter((requirement) => requirement !== undefined);
  log("LibTorch: fetching NVIDIA's libraries for it (2 GB) with pip");
  await installInto(folder, requirements);
  log(`LibTorch: NVIDIA's libraries are ready (${seconds(started)})`);
}

/**
 * @param {{ cuda?: boolean; runtime?: boolean }} [options] `runtime`: with NVIDIA's libraries
 * @returns {Promise<LibTorch>}
 */
export async function ensureLibtorch({ cuda = false, runtime = cuda } = {}) {
  if (!findLibtorch({ root, cuda })) {
    // The one that the binaries were built with, so that they need not be built again.
    const version = findBinaries({ root, cuda })?.info.torchVersion;
    await installLibtorch({ cuda, ...(version && { version }) });
  }
  const libtorch = findLibtorch({ root, cuda });
  if (!libtorch)
    throw new SetupError(`LibTorch was unpacked but is not complete. Type: ${command('setup', '--help')}`);
  if (runtime && libtorch.source === '.libtorch-cuda') await ensureNvidiaLibraries();
  if (!isSupported(libtorch.version)) {
    log(
      `warning: LibTorch ${libtorch.version} is outside the supported range ${SUPPORTED.first} to ${SUPPORTED.last}`,
    );
  }
  return libtorch;
}
