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

/** CUDA as this process sees it. */
export const cuda = {
  /** True where the addon and LibTorch have CUDA and a GPU is there. */
  isAvailable: (): boolean => native.cudaDevices() > 0,
  deviceCount: (): number => native.cudaDevices(),
  /** Waits until everything queued on the device is done. */
  synchronize: (device = 'cuda'): void => native.synchronize(device),
};
