import { type Dataset, datasetFromBytes, type Splits } from './dataset.ts';
import { type DrawnDigits, drawDigits } from './digits.ts';
import { heldOut, mnistPixels } from './mnist.ts';
import type { LoadOptions } from './source.ts';

/**
 * Digits that this package draws itself, in MNIST's numbers: 55,000 to train, 5,000 held out, 10,000 to test. They
 * stand in where MNIST cannot be had, and are the same on every machine; accuracies on them are no MNIST accuracies.
 */
export function loadDrawnDigits({ holdOut = true }: Pick<LoadOptions, 'holdOut'> = {}): Splits<Dataset> {
  const [first, second] = [drawDigits(55000, 1), drawDigits(heldOut, 2)];
  const test = loadDrawnTest();
  if (!holdOut) return { train: datasetOf(joined(first, second)), validation: test, test };
  return { train: datasetOf(first), validation: datasetOf(second), test };
}

/** Their test images alone. */
export const loadDrawnTest = (): Dataset => datasetOf(drawDigits(10000, 3));

const joined = (a: DrawnDigits, b: DrawnDigits): DrawnDigits => ({
  images: Buffer.concat([a.images, b.images]),
  labels: Buffer.concat([a.labels, b.labels]),
});

const datasetOf = (drawn: DrawnDigits): Dataset =>
  datasetFromBytes(drawn, { name: 'drawn-digits', numClasses: 10, shape: [1, 28, 28], ...mnistPixels });
