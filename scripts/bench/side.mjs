// @ts-check
// One side of a comparison: a process that is told what to run, line by line in JSON, and answers likewise.
//   → {"id": 1, "do": "prepare", "bench": "ops", "case": "add", "settings": {…}}   ← {"id": 1, "result": …}
//   → {"id": 2, "do": "run", "iterations": 1000}         ← {"id": 2, "result": {"seconds": …, "cpuSeconds": …}}
//   → {"id": 3, "do": "ask", "method": "…", "argument": …}                          ← {"id": 3, "result": …}
// An answer may also be {"id", "error": text}; before it {"id", "progress": share of the work done} may come.
// Answered by ours.mjs in Node.js and by peer.py in Python. A side ends when its standard input does.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SetupError } from '../setup/steps.mjs';

/** @typedef {{ seconds: number; cpuSeconds: number }} Timing wall clock and processor time of one run */

/** @type {Set<Side>} */
const running = new Set();

/** Ends every side at once. They keep nothing that would need a farewell. */
export function killSides() {
  for (const side of running) side.kill();
}

export class Side {
  /** @type {import('node:child_process').ChildProcess} */
  #child;
  /** @type {Map<number, { resolve: (value: any) => void; reject: (error: Error) => void; progress: ((share: number) => void) | undefined }>} */
  #waiting = new Map();
  #last = 0;
  #ended = '';

  /**
   * @param {string} name for messages
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} env added to this process's own
   */
  constructor(name, command, args, env) {
    this.name = name;
    this.#child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    running.add(this);
    this.#child.on('error', (error) => this.#end(`could not be started: ${error.message}`));
    this.#child.on('close', (code, signal) =>
      this.#end(`ended ${signal ? `by ${signal}` : `with exit code ${code}`}`),
    );
    // Writing to a process that has just ended: its end is reported by 'close'.
    this.#child.stdin?.on('error', () => {});
    const { stdout } = this.#child;
    if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => this.#receive(line));
  }

  /** @param {string} line */
  #receive(line) {
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      return this.#end(`answered what is no JSON: ${line.slice(0, 200)}`);
    }
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    if ('progress' in answer) return waiting.progress?.(answer.progress);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting.reject(new SetupError(`${this.name}: ${answer.error}`));
    else waiting.resolve(answer.result);
  }

  /** @param {string} why */
  #end(why) {
    running.delete(this);
    this.#ended ||= why;
    for (const { reject } of this.#waiting.values())
      reject(new SetupError(`${this.name}: the process ${this.#ended}`));
    this.#waiting.clear();
  }

  /**
   * @param {Record<string, unknown>} request
   * @param {(share: number) => void} [progress]
   * @returns {Promise<any>}
   */
  request(request, progress) {
    if (this.#ended) return Promise.reject(new SetupError(`${this.name}: the process ${this.#ended}`));
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, progress });
      this.#child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  /** Sets up a case of a benchmark; it stays until the next. @param {string} bench @param {string} name @param {object} settings */
  prepare(bench, name, settings) {
    return this.request({ do: 'prepare', bench, case: name, settings });
  }

  /** @param {number} iterations @returns {Promise<Timing>} */
  run(iterations) {
    return this.request({ do: 'run', iterations });
  }

  /** Calls a method of the case. @param {string} method @param {unknown} [argument] @param {(share: number) => void} [progress] */
  ask(method, argument = null, progress = undefined) {
    return this.request({ do: 'ask', method, argument }, progress);
  }

  /** Lets the process end by itself. @returns {Promise<void>} */
  close() {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#child.once('close', () => resolve());
      this.#child.stdin?.end();
    });
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}
