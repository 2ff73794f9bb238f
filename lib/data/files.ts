import { rename, rm, writeFile } from 'node:fs/promises';

/** Writes a file so that its name always stands for a whole one: the old one, then the new one. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}.part`;
  try {
    await writeFile(partial, content);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
