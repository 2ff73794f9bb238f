import { join } from 'node:path';
import { type Dataset, datasetFromBytes, type Splits, splitsOf } from './dataset.ts';
import { DataFileError } from './errors.ts';
import { parseIdx } from './idx.ts';
import { dataDirectory, ensureFile, type LoadedFile, type LoadOptions, readOfficial } from './source.ts';

/** A data set in the four idx files of MNIST: 28×28 pixels, ten classes. */
export interface IdxFiles {
  /** Also that of its folder in the data directory */
  name: string;
  mean: number;
  std: number;
  /** Where the files lie, each address with its slash */
  mirrors: readonly string[];
  /** MD5 sums of the files */
  checksums: Record<'trainImages' | 'trainLabels' | 'testImages' | 'testLabels', string>;
}

const fileNames = {
  trainImages: 'train-images-idx3-ubyte.gz',
  trainLabels: 'train-labels-idx1-ubyte.gz',
  testImages: 't10k-images-idx3-ubyte.gz',
  testLabels: 't10k-labels-idx1-ubyte.gz',
} as const;

/** The mean and standard deviation of MNIST's training pixels. */
export const mnistPixels = { mean: 0.1307, std: 0.3081 } as const;

/** The official files (LeCun, Cortes and Burges). */
const mnist: IdxFiles = {
  name: 'mnist',
  ...mnistPixels,
  mirrors: [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
  ],
  checksums: {
    trainImages: 'f68b3c2dcbeaaa9fbdd348bbdeb94873',
    trainLabels: 'd53e105ee54ea40749a09fcbcd1e9432',
    testImages: '9fb629c4189551a2d022fa330f9573f3',
    testLabels: 'ec29112dd5afa0611ce80d1b7f02629c',
  },
};

/** The official files (Xiao, Rasul and Vollgraf, 2017), with the moments of the training pixels. */
const fashionMnist: IdxFiles = {
  name: 'fashion-mnist',
  mean: 0.286,
  std: 0.353,
  mirrors: [
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
  ],
  checksums: {
    trainImages: '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
    trainLabels: '25c81989df183df01b3e8a0aad5dffbe',
    testImages: 'bef4ecab320f06d8554ea6380940ec79',
    testLabels: 'bb300cfdad3c16e7a12a480ee83cd310',
  },
};

/** How many training images are held out to choose the epoch. */
export const heldOut = 5000;

/**
 * MNIST: 55,000 training images, 5,000 held out with each class's share, 10,000 test images.
 *
 * @throws DataMissingError if files are missing and not to be had; DataFileError if one is damaged
 */
export const loadMnist = (options: LoadOptions = {}): Promise<Splits<Dataset>> =>
  loadIdxFiles(mnist, options);

/** MNIST's test images alone, 10,000. Throws as `loadMnist`. */
export const loadMnistTest = (options: LoadOptions = {}): Promise<Dataset> =>
  loadIdxPart(mnist, 'test', options);

/** Fashion-MNIST, in MNIST's numbers. Throws as `loadMnist`. */
export const loadFashionMnist = (options: LoadOptions = {}): Promise<Splits<Dataset>> =>
  loadIdxFiles(fashionMnist, options);

/** Fashion-MNIST's test images alone, 10,000. Throws as `loadMnist`. */
export const loadFashionMnistTest = (options: LoadOptions = {}): Promise<Dataset> =>
  loadIdxPart(fashionMnist, 'test', options);

/** @param count how many training images are held out */
export async function loadIdxFiles(
  files: IdxFiles,
  options: LoadOptions = {},
  count = heldOut,
): Promise<Splits<Dataset>> {
  const all = await loadIdxPart(files, 'train', options);
  const test = await loadIdxPart(files, 'test', options);
  return splitsOf(all, test, count, options);
}

async function loadIdxPart(
  description: IdxFiles,
  which: 'train' | 'test',
  options: LoadOptions,
): Promise<Dataset> {
  const load = async (file: keyof typeof fileNames): Promise<LoadedFile> => {
    const path = join(dataDirectory(options.dataDir), description.name, fileNames[file]);
    const checksum = description.checksums[file];
    const urls = description.mirrors.map((mirror) => mirror + fileNames[file]);
    await ensureFile(path, { urls, checksum, mayDownload: options.download ?? true });
    return readOfficial(path, checksum);
  };
  return idxPart(description, await load(`${which}Images`), await load(`${which}Labels`));
}

function idxPart({ name, mean, std }: IdxFiles, imagesFile: LoadedFile, labelsFile: LoadedFile): Dataset {
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
    { name, numClasses: 10, shape: [1, 28, 28], mean, std },
  );
}
