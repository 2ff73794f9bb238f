import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file so that its name always stands for a whole one: the old one, then the new one. It is on the disk before
 * it gets its name, so that this holds if the machine stops, too.
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}.part`;
  try {
    const file = await open(partial, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
