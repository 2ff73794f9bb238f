/**
 * `intraclass doctor`: what this package needs, what of it was found, and what to type for each missing part.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
// Not by the index, which loads the addon.
import { dataDirectory } from '../data/source.ts';
import {
  commandFor,
  findBinaries,
  findLibtorch,
  hasCudaDriver,
  isCheckout,
  isSupported,
  libtorchVersion,
  locate,
  majorMinor,
  packageRoot,
  pythonTorch,
  SetupError,
  SUPPORTED,
} from '../native/locate.mjs';
import { cxx, firstLine, INSTALL, installCxx, nvcc } from '../native/tools.mjs';

const execute = promisify(execFile);

export interface Finding {
  name: string;
  /** `missing` is needed to train; `absent` is needed only to build, to test, or for what `detail` says. */
  state: 'found' | 'missing' | 'absent';
  detail: string;
  /** What to type, for a part that was not found, unless `detail` says it. */
  fix?: string;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a command prints, or null where it is missing or fails. */
async function output(command: string, ...args: string[]): Promise<string | null> {
  try {
    return (await execute(command, args)).stdout;
  } catch {
    return null;
  }
}

function tool(name: string, command: string, use: string, fix: string): Finding {
  const detail = firstLine(command, ['--version']);
  return detail === null
    ? { name, state: 'absent', detail: `${command} not found; ${use}`, fix }
    : { name, state: 'found', detail };
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > 20 || (major === 20 && minor >= 9);
  return fits
    ? { name: 'Node.js', state: 'found', detail: process.version }
    : {
        name: 'Node.js',
        state: 'missing',
        detail: `${process.version} is too old`,
        fix: 'install Node.js 20.9 or newer (nodejs.org)',
      };
}

/** What is found, where looking for it may throw a SetupError, which says what to type itself. */
function orWhatToType(name: string, state: 'missing' | 'absent', look: () => Finding): Finding {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { name, state, detail: error.message };
  }
}

const cudaOption = (cuda: boolean): string[] => (cuda ? ['--cuda'] : []);

function libtorch(root: string, cuda: boolean): Finding {
  const name = cuda ? 'LibTorch for CUDA' : 'LibTorch';
  const state = cuda ? 'absent' : 'missing';
  return orWhatToType(name, state, () => {
    const setup = (...options: string[]) => commandFor(root, 'setup', ...cudaOption(cuda), ...options);
    const found = findLibtorch({ root, cuda });
    if (!found) {
      const built = findBinaries({ root, cuda })?.info.torchVersion;
      const wanted = built ? `no ${majorMinor(built)}, with which the addon was built,` : 'not';
      const detail = `${wanted} in LIBTORCH, the package or an installed Python torch`;
      return { name, state, detail, fix: setup() };
    }
    const detail = `${found.version}${found.cuda ? ' with CUDA' : ''} in ${found.path} (${found.source})`;
    if (isSupported(found.version)) return { name, state: 'found', detail };
    return {
      name,
      state,
      detail: `${detail}: only ${SUPPORTED.first} to ${SUPPORTED.last} are supported`,
      // What is found is kept otherwise.
      fix: found.source === 'LIBTORCH' ? `unset LIBTORCH && ${setup()}` : setup('--force'),
    };
  });
}

function addon(root: string, cuda: boolean): Finding {
  const name = cuda ? 'addon for CUDA' : 'addon';
  const state = cuda ? 'absent' : 'missing';
  return orWhatToType(name, state, () => {
    const found = findBinaries({ root, cuda });
    if (!found) {
      return { name, state, detail: 'not built', fix: commandFor(root, 'build', ...cudaOption(cuda)) };
    }
    const { info, folder } = found;
    const built = `LibTorch ${info.torchBuild}${info.cuda ? `, CUDA ${info.cuda}` : ''}, ${info.compiler}`;
    return { name, state: 'found', detail: `built with ${built} in ${folder}` };
  });
}

async function loading(root: string): Promise<Finding> {
  const name = 'addon loads';
  let located: ReturnType<typeof locate>;
  try {
    located = locate(root);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { name, state: 'missing', detail: error.message };
  }
  return load(root, name, located);
}

/** Loads the addon in a child process, so that a crash is a line of the report and not its end. */
async function load(
  root: string,
  name: string,
  { libtorch, cuda }: ReturnType<typeof locate>,
): Promise<Finding> {
  const build = commandFor(root, 'build', ...cudaOption(cuda));
  const entry = join(root, 'dist', 'native.js');
  if (!existsSync(entry)) return { name, state: 'missing', detail: `${entry} is missing`, fix: build };
  const code =
    `const { libtorch } = await import(${JSON.stringify(pathToFileURL(entry).href)});` +
    'process.stdout.write(libtorch.version + (libtorch.cuda ? " with CUDA" : ""));';
  try {
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', code]);
    return { name, state: 'found', detail: `with LibTorch ${stdout}` };
  } catch (error) {
    const { stderr = '', signal } = error as { stderr?: string; signal?: string | null };
    const reason = signal
      ? `the process ended with ${signal}`
      : (/^.*Error: (.*)$/m.exec(stderr)?.[1] ?? messageOf(error));
    // It would be taken all the same.
    const unset = libtorch.source === 'LIBTORCH' ? 'unset LIBTORCH && ' : '';
    const setup = commandFor(root, 'setup', ...cudaOption(cuda), '--force');
    return { name, state: 'missing', detail: reason, fix: `${unset}${setup} && ${build}` };
  }
}

async function driver(): Promise<Finding> {
  const name = 'CUDA driver';
  if (!hasCudaDriver()) {
    return {
      name,
      state: 'absent',
      detail: 'no NVIDIA driver; needed to train on a GPU',
      fix: 'install it (nvidia.com/drivers)',
    };
  }
  const gpu = await output('nvidia-smi', '--query-gpu=driver_version,name', '--format=csv,noheader');
  return { name, state: 'found', detail: gpu === null ? 'loaded' : gpu.trim().replaceAll('\n', '; ') };
}

async function cudaCompiler(root: string): Promise<Finding> {
  const name = 'nvcc';
  const command = nvcc();
  const printed = await output(command, '--version');
  const release = printed && /release [\d.]+/.exec(printed)?.[0];
  if (release) return { name, state: 'found', detail: release };
  return {
    name,
    state: 'absent',
    detail: `${command} not found; needed for ${commandFor(root, 'build', '--cuda')}`,
    fix: process.env.CUDACXX
      ? 'unset CUDACXX'
      : 'install the CUDA toolkit (developer.nvidia.com/cuda-downloads) and put nvcc on PATH',
  };
}

function pythonPackage(root: string): Finding {
  const name = 'Python torch';
  const folder = pythonTorch(root);
  const stated = folder && libtorchVersion(folder);
  if (stated) return { name, state: 'found', detail: `${stated} in ${folder}` };
  return {
    name,
    state: 'absent',
    detail: 'not found; the tests and benchmarks that compare with PyTorch are left out',
    fix: commandFor(root, 'setup', '--python'),
  };
}

function mnist(dataDir: string): Finding {
  const name = 'MNIST';
  const file = 'train-images-idx3-ubyte.gz';
  const folder = join(dataDir, 'mnist');
  if (existsSync(join(folder, file))) return { name, state: 'found', detail: `in ${folder}` };
  return {
    name,
    state: 'absent',
    detail: `no ${file} in ${dataDir}/mnist; training downloads it, or draws digits of its own`,
    fix: 'set INTRACLASS_DATA to a folder that has mnist/ with the four idx.gz files',
  };
}

/**
 * Looks for everything the package needs or can use.
 * @param options.dataDir the folder with the data sets. Default: INTRACLASS_DATA, else `data`.
 * @param options.root the folder of this package
 */
export async function diagnose({
  dataDir,
  root = packageRoot(),
}: {
  dataDir?: string;
  root?: string;
} = {}): Promise<Finding[]> {
  return Promise.all([
    nodeVersion(),
    libtorch(root, false),
    addon(root, false),
    loading(root),
    tool('CMake', 'cmake', 'needed to build', `${INSTALL} cmake`),
    tool('C++ compiler', cxx(), 'needed to build', installCxx()),
    driver(),
    cudaCompiler(root),
    libtorch(root, true),
    addon(root, true),
    // Only for the tests and benchmarks, which an installed package does not have.
    ...(isCheckout(root) ? [pythonPackage(root)] : []),
    mnist(dataDirectory(dataDir)),
  ]);
}

/** The findings as lines of text, in columns. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const indent = ' '.repeat(width + 11);
  const lines = findings.flatMap(({ name, state, detail, fix }) => [
    `${state.padEnd(7)}  ${name.padEnd(width)}  ${detail.replaceAll('\n', `\n${indent}`)}`,
    ...(fix ? [`${indent}→ ${fix}`] : []),
  ]);
  return lines.join('\n');
}

/**
 * Prints the report, as text or (`json`) as one JSON array.
 * @returns whether everything needed to train was found
 */
export async function doctor({
  json = false,
  dataDir,
  print = console.log,
}: {
  json?: boolean;
  dataDir?: string;
  print?: (text: string) => void;
} = {}): Promise<boolean> {
  const findings = await diagnose(dataDir === undefined ? {} : { dataDir });
  print(json ? JSON.stringify(findings) : formatFindings(findings));
  return findings.every(({ state }) => state !== 'missing');
}
