/** Where the files of data sets come from. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { download, md5 } from './download.ts';
import { DataFileError, DataMissingError } from './errors.ts';

/** What loading a data set can be told. */
export interface LoadOptions {
  /** The data directory. Default: `INTRACLASS_DATA`, else `data`. Each data set has a folder in it. */
  dataDir?: string;
  /** Whether missing files may be downloaded. Default true. */
  download?: boolean;
  /** Of the choice of the held-out images. Default 0: the same for every run, whatever its seed. */
  splitSeed?: number;
  /**
   * Hold images out of the training images, to choose the epoch with. Default true. Without, all of them are to train
   * on and `validation` is `test`, the same object: what much published code does, whose figures such a choice flatters.
   */
  holdOut?: boolean;
}

/** The data directory: the argument, else `INTRACLASS_DATA`, else `data` in the working directory. */
export const dataDirectory = (given?: string): string => given || process.env.INTRACLASS_DATA || 'data';

export interface LoadedFile {
  path: string;
  bytes: Uint8Array;
}

/**
 * Downloads a file unless it is there.
 * @param source `seconds`: the time limit of each address, if not that of `download`
 * @throws DataMissingError if it is not to be had
 */
export async function ensureFile(
  path: string,
  source: { urls: readonly string[]; checksum: string; mayDownload: boolean; seconds?: number },
): Promise<void> {
  if (existsSync(path)) return;
  if (!source.mayDownload) throw new DataMissingError(`${path} is missing`);
  try {
    await download(source.urls, path, source.checksum, source.seconds);
  } catch (error) {
    throw new DataMissingError((error as Error).message);
  }
}

/** @throws DataFileError naming it if it is a folder or the like; the system's error if it cannot be opened */
export async function readData(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    // What goes wrong after a file is open is told without its path.
    if ((error as NodeJS.ErrnoException).path !== undefined) throw error;
    throw new DataFileError(`${path}: expected a file, got: ${(error as Error).message}`);
  }
}

/**
 * Reads a file whose MD5 sum is known.
 * @throws DataFileError if it has another
 */
export async function readOfficial(path: string, checksum: string): Promise<LoadedFile> {
  const bytes = await readData(path);
  const sum = md5(bytes);
  if (sum === checksum) return { path, bytes };
  throw new DataFileError(
    `${path}: expected the official file with MD5 ${checksum}, got ${bytes.length} bytes with ${sum}; ` +
      'delete it to download it again',
  );
}
