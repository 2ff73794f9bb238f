// @ts-check
/** The tools that a build needs. Plain JavaScript, because the set-up scripts use it before anything is compiled. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What to type before the name of a package of the system. */
export const INSTALL = process.platform === 'darwin' ? 'brew install' : 'sudo apt-get install';

/** First line a command prints, or null where there is no such command. @param {string} command @param {string[]} args */
export function firstLine(command, args) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? (stdout.split('\n', 1)[0] ?? '') : null;
}

/** The C++ compiler: CXX, else the system's. */
export const cxx = () => process.env.CXX || 'c++';

/** What to type where it is missing. */
export const installCxx = () => (process.env.CXX ? 'unset CXX' : `${INSTALL} g++`);

/** The CUDA compiler: CUDACXX, on PATH, or in its usual place. */
export function nvcc() {
  if (process.env.CUDACXX) return process.env.CUDACXX;
  const usual = '/usr/local/cuda/bin/nvcc';
  return firstLine('nvcc', ['--version']) === null && existsSync(usual) ? usual : 'nvcc';
}
