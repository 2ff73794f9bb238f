/** Data sets and batches. */
export { type Augmentation, augmentations } from './augment.ts';
export { type CifarOptions, cifarPixels, loadCifar10, loadCifar100 } from './cifar.ts';
export { createLoader } from './create-loader.ts';
export {
  type AnyDataset,
  classCountsOf,
  type Dataset,
  datasetFromBytes,
  firstOf,
  type ImageFolder,
  imageShape,
  type LabelledImages,
  type Splits,
  sizeOf,
  splitOff,
  subset,
} from './dataset.ts';
export { type DrawnDigits, drawDigits } from './digits.ts';
export { loadDrawnDigits, loadDrawnTest } from './drawn.ts';
export { DataFileError, DataMissingError } from './errors.ts';
export { type IdxFile, parseIdx } from './idx.ts';
export {
  type ImageFolderOptions,
  imageNetPixels,
  loadImageFolder,
  loadImageFolderTest,
} from './image-folder.ts';
export { ImageFolderLoader, type ImageFolderLoaderOptions } from './image-folder-loader.ts';
export {
  type Batch,
  type Batches,
  DataLoader,
  type DataLoaderOptions,
  type Loader,
  type LoaderOptions,
} from './loader.ts';
export { type LongTailOptions, longTailCounts, longTailed, splitLongTailed } from './long-tail.ts';
export { type MixedBatch, Mixup, type MixupOptions } from './mixup.ts';
export { loadFashionMnist, loadFashionMnistTest, loadMnist, loadMnistTest } from './mnist.ts';
export {
  absoluteDataName,
  type DataName,
  dataNames,
  isDataName,
  isFolderName,
  loadNamed,
  loadNamedTest,
  type NamedOptions,
} from './named.ts';
export { type Sampler, samplers } from './sampler.ts';
export { dataDirectory, type LoadOptions } from './source.ts';
