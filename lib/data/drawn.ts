import { type Dataset, datasetFromBytes, type Splits } from './dataset.ts';
import { drawDigits } from './digits.ts';
import { heldOut, mnistPixels } from './mnist.ts';

/**
 * Digits that this package draws itself, in MNIST's numbers: 55,000 to train, 5,000 held out, 10,000 to test. They
 * stand in where MNIST cannot be had, and are the same on every machine; accuracies on them are no MNIST accuracies.
 */
export const loadDrawnDigits = (): Splits<Dataset> => ({
  train: part(55000, 1),
  validation: part(heldOut, 2),
  test: loadDrawnTest(),
});

/** Their test images alone. */
export const loadDrawnTest = (): Dataset => part(10000, 3);

const part = (count: number, seed: number): Dataset =>
  datasetFromBytes(drawDigits(count, seed), {
    name: 'drawn-digits',
    numClasses: 10,
    shape: [1, 28, 28],
    ...mnistPixels,
  });
