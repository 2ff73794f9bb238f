import { native } from '../native.ts';

/** What lives in this thread's tensors right now. */
export const memory = {
  /** The number of tensors that have not been freed. */
  get tensors(): number {
    return native.memoryUse()[0];
  },
  /**
   * The bytes of main memory that this thread's data take, whether a tensor, an autograd graph or a shared typed array
   * holds them, each once; and about half a kilobyte for the bookkeeping of each tensor.
   */
  get bytes(): number {
    return native.memoryUse()[1];
  },
  /** The bytes of GPUs' memory that this thread's tensors hold, each storage once, without what autograd has saved. */
  get deviceBytes(): number {
    return native.memoryUse()[2];
  },
  /** The bytes of freed CPU memory that wait to be used again; at most 1 GiB. */
  get cachedBytes(): number {
    return native.cachedBytes();
  },
  /** Gives that memory back to the system. */
  emptyCache(): void {
    native.emptyCache();
  },
};

// Outside scopes a tensor is freed once its JavaScript object has been collected. The addon looks for such objects
// while new tensors are made; a program that has stopped making any is served by this sentinel, which V8 finalises
// after a collection and which is then set up anew.
const collections = new FinalizationRegistry<undefined>(() => {
  native.sweep();
  watch();
});

function watch(): void {
  collections.register({}, undefined);
}

watch();
