import { randomUUID } from 'node:crypto';
import { link, open, rename, rm, writeFile } from 'node:fs/promises';

/**
 * Writes a file so that its name always stands for a whole one: the old one, then the new one. It is on the disk before
 * it gets its name, so that this holds if the machine stops, too.
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await withWhole(path, content, (whole) => rename(whole, path));
}

/**
 * The same for a file that must not be there yet: of several that want to write it at the same time one does.
 * @returns whether it did
 */
export async function writeNew(path: string, content: string | Uint8Array): Promise<boolean> {
  return withWhole(path, content, async (whole) => {
    try {
      await link(whole, path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') throw error;
        // A file system without links.
        return writeFile(path, content, { flag: 'wx' });
      });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  });
}

/** What `use` makes of a file with this content beside `path`, which is gone afterwards. */
async function withWhole<T>(
  path: string,
  content: string | Uint8Array,
  use: (whole: string) => Promise<T>,
): Promise<T> {
  const whole = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(whole, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    return await use(whole);
  } finally {
    await rm(whole, { force: true });
  }
}
