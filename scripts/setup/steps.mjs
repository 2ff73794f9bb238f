// @ts-check
// What every set-up step uses: one line of log, running a command, and "is it still up to date?".
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandFor, packageRoot, SetupError } from '../../lib/native/locate.mjs';
import { firstLine } from '../../lib/native/tools.mjs';
import { exitOnSignals } from './cleanup.mjs';
import { endWithThis, isEnding } from './commands.mjs';

export { firstLine, SetupError };

export const root = packageRoot(dirname(fileURLToPath(import.meta.url)));

/** What to type for a script of this package. @param {'setup' | 'build'} script @param {string[]} options */
export const command = (script, ...options) => commandFor(root, script, ...options);

/** Log lines go to standard error, so that standard output stays the job's own. @param {string} line */
export const log = (line) => process.stderr.write(`${line}\n`);

/** @param {number} started from Date.now() */
export const seconds = (started) => `${((Date.now() - started) / 1000).toFixed(1)} s`;

/**
 * Starts a command in the project's folder. Where this process is ended before it, the command is ended first, with all
 * that it has started.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env: Record<string, string>; streams: ['pipe' | number, 'pipe' | number] }} options `streams`: where its
 *   standard output and standard error go
 * @param {(code: number | null, signal: NodeJS.Signals | null) => void} onClose not called where it is being ended:
 *   whoever waits for it would go on, or tell of a failure
 */
export function start(command, args, { env, streams }, onClose) {
  const takeBack = exitOnSignals();
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', ...streams],
  });
  endWithThis(child);
  child.on('close', (code, signal) => {
    if (isEnding()) return;
    takeBack();
    onClose(code, signal);
  });
  return child;
}

/** @type {Record<'show' | 'on failure' | 'stdout', ['pipe' | number, 'pipe' | number]>} */
const STREAMS = { show: [2, 2], 'on failure': ['pipe', 'pipe'], stdout: [1, 2] };

/**
 * Runs a command to its end, with its output on standard error (`show`) or standard output (`stdout`), or kept and shown
 * only when it fails. It ends as by `start`.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string>; output?: keyof typeof STREAMS; hint?: string }} [options]
 * @returns {Promise<void>}
 * @throws {SetupError} naming the command, with `hint` as what to do about it
 */
export function run(command, args, { env = {}, output = 'on failure', hint = '' } = {}) {
  return new Promise((done, failed) => {
    const child = start(command, args, { env, streams: STREAMS[output] }, (code, signal) => {
      if (code === 0) done();
      else fail(signal ? `was ended by ${signal}` : `failed with exit code ${code}`);
    });
    const kept = /** @type {Buffer[]} */ ([]);
    child.stdout?.on('data', (chunk) => kept.push(chunk));
    child.stderr?.on('data', (chunk) => kept.push(chunk));
    const fail = (/** @type {string} */ why) => {
      if (kept.length > 0) log(Buffer.concat(kept).toString().trimEnd());
      failed(new SetupError(`${[command, ...args].join(' ')}\n${why}${hint ? `\n${hint}` : ''}`));
    };
    child.on('error', (error) => fail(`could not be started: ${error.message}`));
  });
}

/** Every file below a folder, or the file itself, sorted, without hidden ones; none where there is no such path. @param {string} path @returns {string[]} */
function filesBelow(path) {
  const absolute = join(root, path);
  try {
    return readdirSync(absolute, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) =>
        entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)],
      );
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'ENOTDIR') return [path];
    if (code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * A hash of the contents of files and folders (relative to the project) and of plain values.
 * @param {string[]} paths
 * @param {unknown} [values]
 */
export function hashOf(paths, values = null) {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const file of paths.flatMap(filesBelow)) {
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

export const stampPath = (/** @type {string} */ name) => join(root, 'build', '.stamps', name);

/** Whether the step last finished with this hash. @param {string} name @param {string} hash */
function isUpToDate(name, hash) {
  try {
    return readFileSync(stampPath(name), 'utf8') === hash;
  } catch {
    return false;
  }
}

/**
 * Does the work of a step unless it last finished with this hash. While it is at it there is no stamp: work that is
 * interrupted or fails has half replaced what an earlier hash stood for.
 * @param {string} name
 * @param {string} hash of all that the work depends on
 * @param {() => Promise<void>} work
 * @param {{ there?: boolean }} [options] `there`: whether the result of last time is still in its place
 */
export async function step(name, hash, work, { there = true } = {}) {
  if (there && isUpToDate(name, hash)) return;
  const stamp = stampPath(name);
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

/** Path as a person would type it. @param {string} path */
export function shown(path) {
  const short = relative(root, path);
  return short === '' ? '.' : short.startsWith('..') ? path : short;
}

/** Whether an option was typed that is none. @param {unknown} error */
const isWrongOption = (error) =>
  error instanceof TypeError && String(Object(error).code).startsWith('ERR_PARSE_ARGS');

/** Whether the system refused something: a file that is not there or not to be read, a full disk. @param {unknown} error */
const isRefusal = (error) => error instanceof Error && typeof Object(error).syscall === 'string';

/**
 * Runs a script's main function. A SetupError, a wrong option or what the system refuses is shown as its message alone;
 * with its stack as well where INTRACLASS_DEBUG is set.
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    const isUsers = error instanceof SetupError || isWrongOption(error) || isRefusal(error);
    if (!isUsers || process.env.INTRACLASS_DEBUG) throw error;
    log(`\nerror: ${Object(error).message}${isWrongOption(error) ? '\nTo see the options, add --help' : ''}`);
    process.exitCode = 1;
  }
}
