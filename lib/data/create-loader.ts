import type { AnyDataset, Dataset, ImageFolder } from './dataset.ts';
import { ImageFolderLoader, type ImageFolderLoaderOptions } from './image-folder-loader.ts';
import { DataLoader, type Loader, type LoaderOptions } from './loader.ts';

/**
 * The loader of a data set: a DataLoader for images in memory, an ImageFolderLoader for images in files.
 * @param options `workers` and `prefetch` are of use to the latter only
 * @throws TypeError for an option that is not valid
 */
export function createLoader(dataset: Dataset, options: LoaderOptions): DataLoader;
export function createLoader(dataset: ImageFolder, options: ImageFolderLoaderOptions): ImageFolderLoader;
export function createLoader(dataset: AnyDataset, options: ImageFolderLoaderOptions): Loader;
export function createLoader(dataset: AnyDataset, options: ImageFolderLoaderOptions): Loader {
  return 'images' in dataset ? new DataLoader(dataset, options) : new ImageFolderLoader(dataset, options);
}
