// @ts-check
// What is fetched through pip: LibTorch (inside the torch wheel), NVIDIA's libraries, and a Python for the parity tests.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withTemporaryFolder } from './cleanup.mjs';
import { command, firstLine, log, root, run, SetupError, seconds } from './steps.mjs';

// PyTorch's own index of CPU builds: for x64 Linux the default index has CUDA builds only.
const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';
const QUIET = ['-q', '--disable-pip-version-check', '--no-input', '--retries', '1'];

const FROM = command('setup', '--from <folder, zip or wheel>');

/** A Python 3 with pip. */
function python() {
  const candidates = [process.env.PYTHON, 'python3', 'python'];
  for (const name of candidates) {
    if (name && firstLine(name, ['-m', 'pip', '--version']) !== null) return name;
  }
  throw new SetupError(
    'LibTorch is fetched with pip, and no Python 3 with pip was found. Type: sudo apt-get install python3-pip\n' +
      `or download LibTorch yourself from pytorch.org and type: ${FROM}`,
  );
}

/**
 * Runs pip, with its temporary files in a folder that is gone afterwards: where a signal ends it, it leaves them.
 * @param {string} python
 * @param {string[]} args
 * @param {string} [hint]
 */
const pip = (python, args, hint = '') =>
  withTemporaryFolder((folder) => run(python, ['-m', 'pip', ...args], { env: { TMPDIR: folder }, hint }));

const OFFLINE =
  'Where pip reaches no package index, download the torch wheel or the LibTorch archive elsewhere and type:\n' +
  `  ${FROM}`;

// Where PyTorch's default builds are for CUDA.
const hasCpuIndex = process.platform === 'linux' && process.arch === 'x64';

/**
 * pip with the index as configured, then, for a CPU build on x64 Linux, with PyTorch's index of them added.
 * @param {string} version
 * @param {boolean} cuda
 * @param {(requirement: string, extra: string[]) => Promise<void>} attempt
 */
async function withTorch(version, cuda, attempt) {
  if (cuda || !hasCpuIndex) return attempt(`torch==${version}`, []);
  try {
    await attempt(`torch==${version}+cpu`, []);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    await attempt(`torch==${version}+cpu`, ['--extra-index-url', CPU_INDEX]);
  }
}

/**
 * Downloads the torch wheel; the libraries in it are the same for each version of Python.
 * @param {string} version
 * @param {{ cuda: boolean; folder: string }} options
 * @returns {Promise<string>} its path
 */
export async function fetchWheel(version, { cuda, folder }) {
  const args = [
    'download',
    ...QUIET,
    '--no-deps',
    '--only-binary=:all:',
    '--python-version',
    '3.11',
    '-d',
    folder,
  ];
  await withTorch(version, cuda, (requirement, extra) =>
    pip(python(), [...args, ...extra, requirement], OFFLINE),
  );
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new SetupError(`pip downloaded no wheel for torch ${version}. ${OFFLINE}`);
  return join(folder, wheel);
}

/** @param {string} folder @param {string[]} requirements */
export async function installInto(folder, requirements) {
  const args = ['install', ...QUIET, '--only-binary=:all:', '--target', folder, ...requirements];
  await pip(python(), args, OFFLINE);
}

/**
 * `.venv` with torch and numpy, against which the parity tests and the benchmarks compare; and with torchvision and
 * safetensors, without which a few of them are skipped.
 * @param {string} version
 */
export async function ensurePython(version) {
  const folder = join(root, '.venv');
  const own = join(folder, 'bin', 'python');
  const found = existsSync(own)
    ? firstLine(own, ['-c', 'import torch, numpy; print(torch.__version__)'])
    : null;
  const started = Date.now();
  if (!found?.startsWith(version)) {
    log(`Python: making .venv with torch ${version} and numpy for the parity tests`);
    await run(python(), ['-m', 'venv', folder], { hint: 'Type: sudo apt-get install python3-venv' });
    await withTorch(version, false, (requirement, extra) =>
      pip(own, ['install', ...QUIET, ...extra, requirement, 'numpy'], OFFLINE),
    );
  } else if (firstLine(own, ['-c', HAS_PEERS]) !== null) return;
  await addPeers(own, version);
  log(`Python: ready (${seconds(started)})`);
}

const PEERS = ['torchvision', 'safetensors'];
// By their metadata: torchvision for CUDA beside torch for the CPU cannot be imported as it is.
const HAS_PEERS = `import importlib.metadata as m; print(*map(m.version, ${JSON.stringify(PEERS)}))`;

/** Adds PEERS, of versions that go with this torch. @param {string} own @param {string} version */
async function addPeers(own, version) {
  log(`Python: adding ${PEERS.join(' and ')}`);
  const index = hasCpuIndex ? ['--extra-index-url', CPU_INDEX] : [];
  // Naming torch keeps pip from replacing it to suit a newer torchvision.
  const torch = `torch==${version}${hasCpuIndex ? '+cpu' : ''}`;
  try {
    await pip(own, ['install', ...QUIET, ...index, torch, ...PEERS]);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    log('Python: they could not be had; the tests that need them are skipped');
  }
}
