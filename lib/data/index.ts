/** Data sets and batches. */
export {
  classCountsOf,
  type Dataset,
  datasetFromBytes,
  firstOf,
  type Splits,
  sizeOf,
  splitOff,
  subset,
} from './dataset.ts';
export { type DrawnDigits, drawDigits } from './digits.ts';
export { loadDrawnDigits, loadDrawnTest } from './drawn.ts';
export { DataFileError, type IdxFile, parseIdx } from './idx.ts';
export { type Batch, DataLoader, type DataLoaderOptions } from './loader.ts';
export { type MixedBatch, Mixup, type MixupOptions } from './mixup.ts';
export { DataMissingError, dataDirectory, loadMnist, loadMnistTest, type MnistOptions } from './mnist.ts';
