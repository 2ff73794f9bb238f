/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) in their official binary version: records of one label byte (CIFAR-100: the
 * coarse one, then the fine one) and 3,072 pixels, the red plane, the green, the blue, row by row.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { scope, tensor, torch } from '../tensor/index.ts';
import { type Dataset, dispose, type Splits, sizeOf, splitsOf } from './dataset.ts';
import { md5 } from './download.ts';
import { DataFileError } from './errors.ts';
import { gunzip } from './gzip.ts';
import { type LongTailOptions, longTailed, splitLongTailed } from './long-tail.ts';
import { dataDirectory, ensureFile, type LoadedFile, type LoadOptions, readData } from './source.ts';
import { readTar } from './tar.ts';

interface BinaryFile {
  name: string;
  records: number;
  /** Where it is known */
  md5?: string;
}

/** The files of a data set in this format. */
export interface CifarFiles {
  /** Also that of its folder in the data directory */
  name: string;
  /** As it lies in the archive */
  folder: string;
  archive: string;
  archiveMd5: string;
  train: readonly BinaryFile[];
  test: readonly BinaryFile[];
  /** The label bytes of a record, and how many classes each has */
  labels: readonly { name: string; classes: number }[];
}

export const cifar10: CifarFiles = {
  name: 'cifar-10',
  folder: 'cifar-10-batches-bin',
  archive: 'cifar-10-binary.tar.gz',
  archiveMd5: 'c32a1d4ab5d03f1284b67883e8d87530',
  train: [
    { name: 'data_batch_1.bin', records: 10_000, md5: '5dd7e06a14cb22eb9f671a540d1b7c25' },
    { name: 'data_batch_2.bin', records: 10_000, md5: '5ea93a67294ea407fff1d09f752e9692' },
    { name: 'data_batch_3.bin', records: 10_000, md5: '942cd6a4bcdd0dd3c604fbe906cb4421' },
    { name: 'data_batch_4.bin', records: 10_000, md5: 'ae636b3ba5c66a11e91e8cb52e771fcb' },
    { name: 'data_batch_5.bin', records: 10_000, md5: '53f37980c15c3d472c316c40844f3f0d' },
  ],
  test: [{ name: 'test_batch.bin', records: 10_000, md5: '803d5f7f4d78ea53de84dbe85f74fb6d' }],
  labels: [{ name: 'label', classes: 10 }],
};

export const cifar100: CifarFiles = {
  name: 'cifar-100',
  folder: 'cifar-100-binary',
  archive: 'cifar-100-binary.tar.gz',
  archiveMd5: '03b5dce01913d631647c71ecec9e9cb8',
  train: [{ name: 'train.bin', records: 50_000 }],
  test: [{ name: 'test.bin', records: 10_000 }],
  labels: [
    { name: 'coarse label', classes: 20 },
    { name: 'fine label', classes: 100 },
  ],
};

const mirror = 'https://www.cs.toronto.edu/~kriz/';

/**
 * The mean and standard deviation of each channel that the recipes for both data sets use (kuangliu/pytorch-cifar). The
 * deviations are means of those within an image; over all pixels of CIFAR-10 they are 0.2470, 0.2435 and 0.2616.
 */
export const cifarPixels = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] } as const;

const pixels = 3 * 32 * 32;

/** The share of the training images that is held out: 5,000 of 50,000. */
const heldOutShare = 1 / 10;

/** The same beside a long-tailed subset, of each class of the whole: 200 of 5,000, or 20 of 500. */
const heldOutBesideTail = 1 / 25;

export interface CifarOptions extends LoadOptions {
  /** CIFAR-100's 100 fine or 20 coarse classes. Default 'fine'. */
  classes?: 'fine' | 'coarse';
}

/**
 * CIFAR-10: 45,000 training images, 5,000 held out with each class's share, 10,000 test images. Read from the folder
 * `cifar-10` of the data directory: from `cifar-10-batches-bin`, from files that lie there without it, or from
 * `cifar-10-binary.tar.gz` as it is.
 *
 * @throws DataMissingError if files are missing and not to be had; DataFileError if one is damaged
 */
export const loadCifar10 = (options: LoadOptions = {}): Promise<Splits<Dataset>> =>
  loadCifar(cifar10, options);

/** CIFAR-100, likewise. */
export const loadCifar100 = (options: CifarOptions = {}): Promise<Splits<Dataset>> =>
  loadCifar(cifar100, options);

/** The official training images, all of them, or the test images alone. Throws as `loadCifar10`. */
export async function loadCifarPart(
  files: CifarFiles,
  which: 'train' | 'test',
  options: CifarOptions = {},
): Promise<Dataset> {
  return readPart(files, which, await openFiles(files, options), options);
}

export async function loadCifar(files: CifarFiles, options: CifarOptions = {}): Promise<Splits<Dataset>> {
  const reader = await openFiles(files, options);
  const all = await readPart(files, 'train', reader, options);
  const test = await readPart(files, 'test', reader, options);
  return splitsOf(all, test, Math.round(heldOutShare * sizeOf(all)), options);
}

/**
 * A long-tailed subset of the training images, held-out images beside it (see `splitLongTailed`), and all test images.
 * Without held-out images it is the published subset, all of it.
 * Throws as `loadCifar10` and `longTailed`.
 */
export async function loadLongTailedCifar(
  files: CifarFiles,
  tail: LongTailOptions,
  options: CifarOptions = {},
): Promise<Splits<Dataset>> {
  const reader = await openFiles(files, options);
  const all = await readPart(files, 'train', reader, options);
  const test = await readPart(files, 'test', reader, options);
  const named = (part: Dataset): Dataset => ({ ...part, name: `${files.name}-lt-${tail.ratio}` });
  if (options.holdOut === false) {
    const train = longTailed(all, { ...tail, sorted: true });
    dispose(all);
    return { train: named(train), validation: test, test };
  }
  const heldOut = Math.round((heldOutBesideTail * sizeOf(all)) / all.numClasses);
  const { train, validation } = splitLongTailed(all, heldOut, tail);
  dispose(all);
  return { train: named(train), validation: named(validation), test };
}

/** Reads a file of the data set, wherever it lies. */
type Reader = (name: string) => Promise<LoadedFile> | LoadedFile;

/** The files, unpacked where they lie so, else in the archive, which is downloaded where neither is there. */
async function openFiles(files: CifarFiles, options: CifarOptions): Promise<Reader> {
  const own = join(dataDirectory(options.dataDir), files.name);
  const folder = [join(own, files.folder), own].find((path) => existsSync(join(path, files.test[0]!.name)));
  if (folder !== undefined) {
    return async (name) => {
      const path = join(folder, name);
      if (!existsSync(path)) throw new DataFileError(`${path} is missing beside ${files.test[0]!.name}`);
      return { path, bytes: await readData(path) };
    };
  }
  const archive = join(own, files.archive);
  await ensureFile(archive, {
    urls: [mirror + files.archive],
    checksum: files.archiveMd5,
    mayDownload: options.download ?? true,
    // 170 MB
    seconds: 1800,
  });
  const members = readTar(gunzip(await readData(archive), archive), archive);
  return (name) => {
    const path = `${files.folder}/${name}`;
    const bytes = members.get(path);
    if (bytes === undefined) throw new DataFileError(`${archive}: there is no ${path} in it`);
    return { path: `${archive}: ${path}`, bytes };
  };
}

async function readPart(
  files: CifarFiles,
  which: 'train' | 'test',
  read: Reader,
  options: CifarOptions,
): Promise<Dataset> {
  const parts: Uint8Array[] = [];
  for (const file of files[which]) {
    const loaded = await read(file.name);
    checkRecords(loaded, file, files.labels);
    parts.push(loaded.bytes);
  }
  const ahead = files.labels.length;
  // Of two labels the fine one comes last.
  const label = options.classes === 'coarse' ? 0 : ahead - 1;
  return scope(() => {
    const records = parts.map((bytes) =>
      tensor(bytes, { shape: [bytes.length / (ahead + pixels), ahead + pixels] }),
    );
    const columns = (start: number, length: number) =>
      torch.cat(records.map((part) => part.narrow(1, start, length)));
    return {
      name: files.name,
      images: columns(ahead, pixels).reshape([-1, 3, 32, 32]).keep(),
      labels: columns(label, 1).reshape([-1]).to({ dtype: 'int64' }).keep(),
      numClasses: files.labels[label]!.classes,
      ...cifarPixels,
      augment: 'crop-flip',
    };
  });
}

function checkRecords(
  { path, bytes }: LoadedFile,
  { records, md5: checksum }: BinaryFile,
  labels: CifarFiles['labels'],
): void {
  const size = labels.length + pixels;
  if (bytes.length !== records * size) {
    const at = Math.min(bytes.length, records * size);
    throw new DataFileError(
      `${path}: at offset ${at}: expected ${records} records of ${size} bytes, got ${bytes.length} bytes`,
    );
  }
  for (let at = 0; at < bytes.length; at += size) {
    labels.forEach(({ name, classes }, i) => {
      const value = bytes[at + i]!;
      if (value < classes) return;
      throw new DataFileError(
        `${path}: at offset ${at + i}, record ${at / size}: expected a ${name} from 0 to ${classes - 1}, got ${value}`,
      );
    });
  }
  if (checksum !== undefined && md5(bytes) !== checksum) {
    throw new DataFileError(
      `${path}: expected the official file with MD5 ${checksum}, got one with ${md5(bytes)}`,
    );
  }
}
