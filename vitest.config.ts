import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Else a forgotten `.only` would pass for the whole file.
    allowOnly: false,
    // Each file in a process of its own: a crash in native code is then that file's failure, and one file's live
    // tensors, threads and random state are not seen by the next.
    pool: 'forks',
    maxWorkers: 2,
    // Two files at once on few cores: more threads in each would only wait for one another. Results do not depend on
    // the number of threads; a test that is about threads sets it itself.
    env: { OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
    // For the tests of memory.
    execArgv: ['--expose-gc'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
