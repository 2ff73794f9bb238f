import { native } from '../native.ts';

/**
 * Sets how many threads one operator may use on the CPU; the setting holds for the whole process.
 * @throws TypeError unless `threads` is an integer from 1 to 4096
 */
export function setNumThreads(threads: number): void {
  native.setNumThreads(threads);
}

/** How many threads one operator may use on the CPU. */
export function getNumThreads(): number {
  return native.numThreads();
}

/**
 * Whether operators on the CPU take denormal numbers, in float32 those below 1.2e-38, for zero, as
 * torch.set_flush_denormal; for the whole process, and for tensors only: JavaScript's own numbers are as ever. A processor
 * is many times slower on denormal numbers, and the gradients of images that are classified rightly beyond doubt are
 * such. Default false; `train.fit` sets it while it trains.
 * @throws TypeError unless `flush` is a boolean
 * @returns false where the processor cannot
 */
export function setFlushDenormal(flush: boolean): boolean {
  const can = native.setFlushDenormal(flush);
  asked = flush;
  if (at > 0) native.setFlushDenormal(true);
  return can;
}

/** What `setFlushDenormal` was told last, and how many pieces of work are going on that set it for themselves. */
let asked = false;
let at = 0;

/** Does `work` with denormal numbers as zero. Several at once may end in any order; then it is as it was asked for. */
export async function flushingDenormals<T>(work: () => Promise<T>): Promise<T> {
  at++;
  native.setFlushDenormal(true);
  try {
    return await work();
  } finally {
    if (--at === 0) native.setFlushDenormal(asked);
  }
}

/** Whether `setFlushDenormal` is on. */
export function getFlushDenormal(): boolean {
  return native.flushesDenormals();
}

/** CUDA as this process sees it. */
export const cuda = {
  /** True where the addon and LibTorch have CUDA and a GPU is there. */
  isAvailable: (): boolean => native.cudaDevices() > 0,
  deviceCount: (): number => native.cudaDevices(),
  /** Waits until everything queued on the device is done. */
  synchronize: (device = 'cuda'): void => native.synchronize(device),
};
