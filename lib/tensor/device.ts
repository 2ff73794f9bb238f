import { native } from '../native.ts';

/**
 * Sets how many threads one operator may use on the CPU; the setting holds for the whole process.
 * @throws TypeError unless `threads` is an integer from 1 to 4096
 */
export function setNumThreads(threads: number): void {
  native.setNumThreads(threads);
}

export function getNumThreads(): number {
  return native.numThreads();
}

/**
 * Whether operators on the CPU take denormal numbers, in float32 those below 1.2e-38, for zero, as
 * torch.set_flush_denormal; for the whole process, and for tensors only: JavaScript's own numbers are as ever. A processor
 * is tens of times slower on denormal numbers, and the gradients of images that are classified rightly beyond doubt are
 * such. Default false; `train.fit` sets it while it trains.
 * @returns false where the processor cannot
 */
export function setFlushDenormal(flush: boolean): boolean {
  return native.setFlushDenormal(flush);
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
