import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { describeValue } from '../tensor/index.ts';
import type { Answer, Job } from './decode-worker.mjs';

/** Seconds that idle threads wait for another epoch. */
const patience = 5;

/**
 * How many images can be decoded at once: sharp decodes in the threads of Node.js's pool, of which there are four unless
 * `UV_THREADPOOL_SIZE` says otherwise when the process starts.
 */
const poolThreads = (): number => Number(process.env.UV_THREADPOOL_SIZE) || 4;

/**
 * The number of workers asked for, else one for each core as far as the thread pool goes.
 * @throws TypeError if it is not an integer of at least 1; RangeError if the thread pool is smaller
 */
export function resolveWorkers(workers?: number | null): number {
  if (workers === undefined || workers === null) return Math.min(availableParallelism(), poolThreads());
  if (!(Number.isInteger(workers) && workers >= 1)) {
    throw new TypeError(
      `DataLoader: workers: expected an integer of at least 1, got ${describeValue(workers)}`,
    );
  }
  if (workers > poolThreads()) {
    throw new RangeError(
      `DataLoader: workers: expected at most ${poolThreads()}, the threads of Node.js's pool, got ${workers}; ` +
        `to have more, start with UV_THREADPOOL_SIZE=${workers} in the environment`,
    );
  }
  return workers;
}

interface Running {
  /** How many workers have not answered yet */
  waiting: number;
  failures: Answer['failures'];
  resolve: (failures: Answer['failures']) => void;
  reject: (error: Error) => void;
}

/**
 * Decoding threads. They keep the process alive only while they have something to do, and end after a few seconds
 * without.
 */
export class DecodePool {
  readonly #workers: Worker[];
  readonly #running = new Map<number, Running>();
  #lastId = 0;
  #users = 0;
  #failed: Error | null = null;
  #end: NodeJS.Timeout | undefined;

  private constructor(workers: number) {
    this.#workers = Array.from({ length: workers }, () => {
      // Without the flags of this process, some of which are for its own main module.
      const worker = new Worker(new URL('./decode-worker.mjs', import.meta.url), { execArgv: [] });
      worker.unref();
      worker.on('message', (answer: Answer) => this.#receive(answer));
      worker.on('error', (error) => this.#fail(new Error(`a decoding thread failed: ${error.message}`)));
      worker.on('exit', (code) => this.#fail(new Error(`a decoding thread ended with exit code ${code}`)));
      return worker;
    });
  }

  static readonly #pools = new Map<number, DecodePool>();

  /**
   * The pool of so many threads, started if there is none. Whoever takes it gives it back with `release`.
   * @throws Error if sharp is not installed
   */
  static async take(workers: number): Promise<DecodePool> {
    // Loaded here too: where a thread is the only one to have loaded a library, its end would unload it.
    await import('sharp').catch((error: Error) => {
      throw new Error(
        `images in files are read with sharp, which is not to be had; type: npm install sharp`,
        {
          cause: error,
        },
      );
    });
    const pool = DecodePool.#pools.get(workers) ?? new DecodePool(workers);
    DecodePool.#pools.set(workers, pool);
    pool.#users++;
    clearTimeout(pool.#end);
    return pool;
  }

  release(): void {
    if (--this.#users > 0) return;
    this.#end = setTimeout(() => this.#fail(new Error('the decoding threads have ended')), 1000 * patience);
    this.#end.unref();
  }

  /** Has a batch decoded. @returns the images that could not be, in no order */
  decode(job: Omit<Job, 'id'>): Promise<Answer['failures']> {
    if (this.#failed !== null) return Promise.reject(this.#failed);
    const id = ++this.#lastId;
    if (this.#running.size === 0) for (const worker of this.#workers) worker.ref();
    return new Promise((resolve, reject) => {
      this.#running.set(id, { waiting: this.#workers.length, failures: [], resolve, reject });
      for (const worker of this.#workers) worker.postMessage({ ...job, id });
    });
  }

  #receive({ id, failures }: Answer): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    running.failures.push(...failures);
    if (--running.waiting > 0) return;
    this.#running.delete(id);
    if (this.#running.size === 0) for (const worker of this.#workers) worker.unref();
    running.resolve(running.failures);
  }

  /** Ends the pool. Where it had something to do, that fails. */
  #fail(error: Error): void {
    if (this.#failed !== null) return;
    this.#failed = error;
    for (const [workers, pool] of DecodePool.#pools) if (pool === this) DecodePool.#pools.delete(workers);
    for (const { reject } of this.#running.values()) reject(error);
    this.#running.clear();
    for (const worker of this.#workers) void worker.terminate();
  }
}
