// @ts-check
// Which GPU is here, and which versions of what it takes to use it.
import { spawnSync } from 'node:child_process';
import { nvcc } from '../../lib/native/tools.mjs';
import { pythonWith } from '../python.mjs';
import { firstLine } from '../setup/steps.mjs';

/** @typedef {{ name: string; driver: string; memory: string; count: number }} Gpu */

/**
 * The first GPU of `nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader`, and how many there are.
 * @param {string} output
 * @returns {Gpu | null}
 */
export function parseGpus(output) {
  const lines = output
    .split('\n')
    .map((line) => line.split(',').map((part) => part.trim()))
    .filter((parts) => parts.length === 3 && parts.every((part) => part !== ''));
  const [name, driver, memory] = lines[0] ?? [];
  return name && driver && memory ? { name, driver, memory, count: lines.length } : null;
}

/** @returns {Gpu | null} */
export function findGpu() {
  const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  return status === 0 ? parseGpus(stdout) : null;
}

/** A Python whose torch sees a GPU, or null. */
export const cudaPython = () => pythonWith('import torch; assert torch.cuda.is_available()');

/** @param {string} python @param {string} expression */
const ask = (python, expression) =>
  firstLine(python, ['-c', `import torch; print(${expression})`]) ?? 'unknown';

/** @returns {Record<string, string>} */
export function versions() {
  const python = cudaPython();
  const compiler = spawnSync(nvcc(), ['--version'], { encoding: 'utf8' });
  return {
    nvcc: /release ([\d.]+)/.exec(compiler.stdout ?? '')?.[1] ?? 'none',
    PyTorch: python === null ? 'none' : ask(python, 'torch.__version__'),
    'its CUDA': python === null ? 'none' : ask(python, 'torch.version.cuda'),
    'Node.js': process.versions.node,
  };
}
