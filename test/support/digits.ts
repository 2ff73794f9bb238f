import { type Dataset, datasetFromBytes, drawDigits } from '../../lib/data/index.ts';

/** A few drawn digits as a data set. */
export const digits = (count: number, seed: number): Dataset =>
  datasetFromBytes(drawDigits(count, seed), {
    name: 'digits',
    numClasses: 10,
    shape: [1, 28, 28],
    mean: 0.13,
    std: 0.31,
  });
