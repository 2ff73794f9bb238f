/** ImageNet-style folders: <dir>/train/<class>/*.jpg and <dir>/val/<class>/*.jpg. */
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, resolve, sep } from 'node:path';
import { describeValue, scope } from '../tensor/index.ts';
import { type ImageFolder, placesOf, type Splits, sizeOf, splitsOf } from './dataset.ts';
import { DataFileError, DataMissingError } from './errors.ts';

/** The mean and standard deviation of each channel that networks for ImageNet are used to. */
export const imageNetPixels = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

const extensions = new Set(['.jpg', '.jpeg', '.png', '.webp']);

/** The share of the training images that is held out. */
const heldOutShare = 1 / 20;

export interface ImageFolderOptions {
  /** Height and width of an image in a batch. Default 224. */
  size?: number;
  /** Leave out files that cannot be decoded, and count them, instead of stopping at the first. Default false. */
  skipCorrupt?: boolean;
  /** Of the choice of the held-out images. Default 0. */
  splitSeed?: number;
  /** See `LoadOptions`. Default true. */
  holdOut?: boolean;
  /** Threads that decode. Default: one for each core, as far as Node.js's thread pool goes. */
  workers?: number | null;
}

/**
 * Images in folders named for their classes: of `train` a twentieth is held out with each class's share, and `val` is
 * the test set, as papers use ImageNet's. Only names are read here; images are decoded when a batch is made.
 *
 * @param path the folder that has `train` and `val`
 * @throws DataMissingError if there is no such folder; DataFileError naming a folder that has no images, or is no class
 *   of the training images
 */
export async function loadImageFolder(
  path: string,
  options: ImageFolderOptions = {},
): Promise<Splits<ImageFolder>> {
  const skipped = skippedFiles(options);
  const all = await readPart(path, 'train', options, skipped);
  const test = await readPart(path, 'val', options, skipped, all.classes);
  const count = Math.max(1, Math.round(heldOutShare * sizeOf(all)));
  return splitsOf(all, test, count, options);
}

/** The images of `val` alone. Their classes are those of `train`, whose images are not looked at. */
export async function loadImageFolderTest(
  path: string,
  options: ImageFolderOptions = {},
): Promise<ImageFolder> {
  const classes = await foldersIn(join(path, 'train'));
  return readPart(path, 'val', options, skippedFiles(options), classes);
}

const skippedFiles = ({ skipCorrupt = false }: ImageFolderOptions): Map<string, string> | null =>
  skipCorrupt ? new Map() : null;

async function readPart(
  path: string,
  part: 'train' | 'val',
  { size = 224, workers = null }: ImageFolderOptions,
  skipped: Map<string, string> | null,
  known?: readonly string[],
): Promise<ImageFolder> {
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new TypeError(
      `loadImageFolder: size: expected an integer of at least 1, got ${describeValue(size)}`,
    );
  }
  const folder = join(path, part);
  const found = await foldersIn(folder);
  if (found.length === 0) throw new DataFileError(`${folder}: expected a folder for each class, got none`);
  const classes = known ?? found;
  const files: string[] = [];
  const labels: number[] = [];
  for (const name of found) {
    const label = classes.indexOf(name);
    if (label < 0) {
      throw new DataFileError(
        `${join(folder, name)}: expected a class of the training images, got ${describeValue(name)}`,
      );
    }
    const images = await imagesIn(join(folder, name));
    if (images.length === 0) throw new DataFileError(`${join(folder, name)}: there are no images in it`);
    for (const file of images) {
      files.push(file);
      labels.push(label);
    }
  }
  return {
    name: basename(resolve(path)),
    files,
    labels: scope(() => placesOf(labels)).keep(),
    classes,
    numClasses: classes.length,
    size,
    skipped,
    workers,
    ...imageNetPixels,
    augment: 'resized-crop-flip',
  };
}

/** By code units, so that the order is the same everywhere. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
    // Links count as what they lead to; one that leads nowhere is no folder.
    const kinds = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
    return names.filter((_, i) => kinds[i]?.isDirectory()).sort(byName);
  } catch (error) {
    throw new DataMissingError(
      `${folder}: expected a folder with a folder for each class: ${(error as Error).message}`,
    );
  }
}

async function imagesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const isHidden = (name: string) => name.split(sep).some((part) => part.startsWith('.'));
  return names
    .filter((name) => extensions.has(extname(name).toLowerCase()) && !isHidden(name))
    .sort(byName)
    .map((name) => join(folder, name));
}
