import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../scripts/setup/steps.mjs';

/** Writes a file, in folders that are made for it. */
export function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What looks like a LibTorch of this version, without anything in it. */
export function makeTorch(path: string, version: string): string {
  write(join(path, 'lib', 'libtorch_cpu.so'), '');
  write(join(path, 'lib', 'libtorch_cpu.dylib'), '');
  write(join(path, 'version.py'), `__version__ = '${version}'\n`);
  return path;
}

/** Makes a command that logs its arguments and then does what `script` says. @returns its path */
export function writeCommand(path: string, log: string, script: string): string {
  write(path, `#!/bin/sh\necho "$@" >> ${log}\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A copy of this package's scripts, to run them where they may fetch and write; beside it commands that stand in. */
export class PackageCopy {
  readonly root: string;
  readonly #folder: string;

  /** @param folder a temporary one @param path of the copy in it */
  constructor(folder: string, path: string) {
    this.#folder = folder;
    this.root = join(folder, path);
    for (const part of [
      'package.json',
      'scripts/setup.mjs',
      'scripts/build.mjs',
      'scripts/start.mjs',
      'scripts/prebuilds.mjs',
      'scripts/check.mjs',
      'scripts/setup',
      'lib/native',
    ]) {
      cpSync(join(root, part), join(this.root, part), { recursive: true });
    }
  }

  /** Makes a command that logs its arguments and then does what `script` says. @returns its path */
  command(name: string, script: string): string {
    return writeCommand(join(this.#folder, 'bin', name), join(this.#folder, 'log'), script);
  }

  /** The arguments of all the commands so far. */
  log(): string {
    const path = join(this.#folder, 'log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Runs a script to its end. */
  type(script: string, args: string[], env: Record<string, string>) {
    return spawnSync(process.execPath, [join(this.root, 'scripts', script), ...args], {
      encoding: 'utf8',
      env: this.#env(env),
    });
  }

  start(script: string, args: string[], env: Record<string, string>): ChildProcess {
    return spawn(process.execPath, [join(this.root, 'scripts', script), ...args], {
      stdio: 'ignore',
      env: this.#env(env),
    });
  }

  #env(env: Record<string, string>) {
    const path = `${join(this.#folder, 'bin')}:${process.env.PATH}`;
    return { ...process.env, LIBTORCH: '', PATH: path, ...env };
  }
}
