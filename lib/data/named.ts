/** Data sets by name, as the command line has them. */
import { resolve } from 'node:path';
import { cifar10, cifar100, loadCifar, loadCifarPart, loadLongTailedCifar } from './cifar.ts';
import type { AnyDataset, Splits } from './dataset.ts';
import { loadDrawnDigits, loadDrawnTest } from './drawn.ts';
import { loadImageFolder, loadImageFolderTest } from './image-folder.ts';
import { loadFashionMnist, loadFashionMnistTest, loadMnist, loadMnistTest } from './mnist.ts';
import type { LoadOptions } from './source.ts';

const plain = ['mnist', 'fashion-mnist', 'cifar-10', 'cifar-100', 'drawn-digits'] as const;

/** `cifar-10-lt-100`: long-tailed, the largest class 100 times the smallest; `folder:images`: an ImageNet-style folder */
export type DataName = (typeof plain)[number] | `cifar-${10 | 100}-lt-${number}` | `folder:${string}`;

const folderPrefix = 'folder:';

/** The names, as a person would be told them. */
export const dataNames = [...plain, 'cifar-10-lt-<ratio>', 'cifar-100-lt-<ratio>', 'folder:<path>'] as const;

export interface NamedOptions extends Omit<LoadOptions, 'splitSeed'> {
  /** Of what is chosen at random: the held-out images, the images of a long-tailed subset. Default 0. */
  seed?: number;
  /** Of image folders: leave out files that cannot be decoded. Default false. */
  skipCorrupt?: boolean;
  /** Of image folders: threads that decode. Default: one for each core, as far as Node.js's thread pool goes. */
  workers?: number | null;
}

interface Parsed {
  load: (options: LoadOptions & NamedOptions) => Promise<Splits<AnyDataset>> | Splits<AnyDataset>;
  loadTest: (options: LoadOptions & NamedOptions) => Promise<AnyDataset> | AnyDataset;
}

function parse(name: unknown): Parsed | null {
  if (typeof name !== 'string') return null;
  if (name.startsWith(folderPrefix) && name !== folderPrefix) {
    const path = name.slice(folderPrefix.length);
    return {
      load: (options) => loadImageFolder(path, options),
      loadTest: (options) => loadImageFolderTest(path, options),
    };
  }
  const tail = /^cifar-(10|100)-lt-(\d+(?:\.\d+)?)$/.exec(name);
  if (tail !== null) {
    const files = tail[1] === '10' ? cifar10 : cifar100;
    const ratio = Number(tail[2]);
    if (!(ratio >= 1)) return null;
    return {
      load: (options) => loadLongTailedCifar(files, { ratio, seed: options.seed }, options),
      loadTest: (options) => loadCifarPart(files, 'test', options),
    };
  }
  switch (name) {
    case 'mnist':
      return { load: loadMnist, loadTest: loadMnistTest };
    case 'fashion-mnist':
      return { load: loadFashionMnist, loadTest: loadFashionMnistTest };
    case 'cifar-10':
    case 'cifar-100': {
      const files = name === 'cifar-10' ? cifar10 : cifar100;
      return {
        load: (options) => loadCifar(files, options),
        loadTest: (options) => loadCifarPart(files, 'test', options),
      };
    }
    case 'drawn-digits':
      return { load: loadDrawnDigits, loadTest: loadDrawnTest };
    default:
      return null;
  }
}

/** Whether it is the name of a data set. Whether the data set is there is another question. */
export const isDataName = (name: unknown): name is DataName => parse(name) !== null;

/** Whether it names an image folder, whose images are files to decode. */
export const isFolderName = (name: DataName): boolean => name.startsWith(folderPrefix);

/** The name with the path of an image folder made absolute, which holds from any working directory. */
export const absoluteDataName = (name: DataName): DataName =>
  isFolderName(name) ? `folder:${resolve(name.slice(folderPrefix.length))}` : name;

function parsed(name: unknown): Parsed {
  const result = parse(name);
  if (result === null)
    throw new TypeError(`data: expected one of ${dataNames.join(', ')}, got ${String(name)}`);
  return result;
}

/**
 * The data set of this name.
 * @throws TypeError if there is none; DataMissingError if its files are missing and not to be had; DataFileError if one
 *   is damaged
 */
export const loadNamed = async (name: DataName, options: NamedOptions = {}): Promise<Splits<AnyDataset>> =>
  parsed(name).load({ ...options, splitSeed: options.seed });

/** Its test images alone. Throws as `loadNamed`. */
export const loadNamedTest = async (name: DataName, options: NamedOptions = {}): Promise<AnyDataset> =>
  parsed(name).loadTest({ ...options, splitSeed: options.seed });
