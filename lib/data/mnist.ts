import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, datasetFromBytes, type Splits, splitOff } from './dataset.ts';
import { download, md5 } from './download.ts';
import { DataFileError, parseIdx } from './idx.ts';

/** The official files (LeCun, Cortes and Burges) with their MD5 sums. */
const files = {
  trainImages: ['train-images-idx3-ubyte.gz', 'f68b3c2dcbeaaa9fbdd348bbdeb94873'],
  trainLabels: ['train-labels-idx1-ubyte.gz', 'd53e105ee54ea40749a09fcbcd1e9432'],
  testImages: ['t10k-images-idx3-ubyte.gz', '9fb629c4189551a2d022fa330f9573f3'],
  testLabels: ['t10k-labels-idx1-ubyte.gz', 'ec29112dd5afa0611ce80d1b7f02629c'],
} as const;

const mirrors = [
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
];

/** MNIST was neither found nor could it be downloaded. */
export class DataMissingError extends Error {
  override readonly name = 'DataMissingError';
}

/** The mean and standard deviation of MNIST's training pixels. */
export const mnistPixels = { mean: 0.1307, std: 0.3081 } as const;

/** The data directory: the argument, else `INTRACLASS_DATA`, else `data` in the working directory. */
export const dataDirectory = (given?: string): string => given ?? (process.env.INTRACLASS_DATA || 'data');

/** How many training images are held out to choose the epoch. */
export const heldOut = 5000;

export interface MnistOptions {
  /** Default: `INTRACLASS_DATA`, else `data`. The files lie in its folder `mnist`. */
  dataDir?: string;
  /** Whether missing files may be downloaded. Default true. */
  download?: boolean;
  /** Of the choice of the held-out images. Default 0: the same for every run, whatever its seed. */
  splitSeed?: number;
}

/**
 * MNIST: 55,000 training images, 5,000 held out with each class's share, 10,000 test images.
 *
 * @throws DataMissingError if files are missing and not to be had; DataFileError if one is damaged
 */
export async function loadMnist(options: MnistOptions = {}): Promise<Splits> {
  const all = await loadPart('train', options);
  const test = await loadMnistTest(options);
  const [train, validation] = splitOff(all, heldOut, options.splitSeed ?? 0);
  all.images.dispose();
  all.labels.dispose();
  return { train, validation, test };
}

/** MNIST's test images alone, 10,000. Throws as `loadMnist`. */
export const loadMnistTest = (options: Omit<MnistOptions, 'splitSeed'> = {}): Promise<Dataset> =>
  loadPart('test', options);

async function loadPart(which: 'train' | 'test', options: MnistOptions): Promise<Dataset> {
  const folder = join(dataDirectory(options.dataDir), 'mnist');
  const imagesFile = await load(folder, files[`${which}Images`], options.download ?? true);
  const labelsFile = await load(folder, files[`${which}Labels`], options.download ?? true);
  return mnistPart(imagesFile, labelsFile);
}

interface LoadedFile {
  path: string;
  bytes: Uint8Array;
}

function mnistPart(imagesFile: LoadedFile, labelsFile: LoadedFile): Dataset {
  const images = parseIdx(imagesFile.bytes, imagesFile.path);
  const labels = parseIdx(labelsFile.bytes, labelsFile.path);
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== 28 || width !== 28) {
    throw new DataFileError(`${imagesFile.path}: expected images of 28×28, got ${images.shape.join('×')}`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new DataFileError(`${labelsFile.path}: expected ${count} labels, got ${labels.shape.join('×')}`);
  }
  const bad = labels.data.findIndex((label) => label > 9);
  if (bad >= 0) {
    throw new DataFileError(
      `${labelsFile.path}: at offset ${8 + bad}: expected a label from 0 to 9, got ${labels.data[bad]}`,
    );
  }
  return datasetFromBytes(
    { images: images.data, labels: labels.data },
    { name: 'mnist', numClasses: 10, shape: [1, 28, 28], ...mnistPixels },
  );
}

async function load(
  folder: string,
  [name, checksum]: readonly [string, string],
  mayDownload: boolean,
): Promise<LoadedFile> {
  const path = join(folder, name);
  if (!existsSync(path)) {
    if (!mayDownload) throw new DataMissingError(`${path} is missing`);
    try {
      await download(
        mirrors.map((mirror) => mirror + name),
        path,
        checksum,
      );
    } catch (error) {
      throw new DataMissingError((error as Error).message);
    }
  }
  const bytes = await readFile(path);
  if (md5(bytes) !== checksum) {
    throw new DataFileError(
      `${path}: expected the official file with MD5 ${checksum}, got ${bytes.length} bytes with ${md5(bytes)}; ` +
        'delete it to download it again',
    );
  }
  return { path, bytes };
}
