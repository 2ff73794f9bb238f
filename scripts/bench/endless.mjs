// @ts-check

/**
 * The batches of one epoch after the other; each belongs to whoever asks for it.
 * @template T
 * @param {{ length: number; epoch(number: number): { batch(i: number): T; dispose(): void } }} loader
 */
export function endless(loader) {
  let number = 1;
  let epoch = loader.epoch(number);
  let i = 0;
  return {
    next() {
      if (i === loader.length) {
        epoch.dispose();
        epoch = loader.epoch(++number);
        i = 0;
      }
      return epoch.batch(i++);
    },
    dispose: () => epoch.dispose(),
  };
}
