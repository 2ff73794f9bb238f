import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../data/files.ts';

/**
 * Makes the folder that files are to be written to, before the work that they are made of.
 * @throws Error naming the option where that cannot be
 */
export async function makeOut(out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
  } catch (error) {
    throw new Error(
      `reproduce: out: expected a folder, or a name for a new one, got '${out}': ${(error as Error).message}`,
    );
  }
}

/**
 * Writes `<out>/<name>.<ending>` for each content, to a folder that is there. One that is null is deleted: what an
 * earlier call wrote there does not belong to the others any more.
 *
 * @returns the paths of what was written
 */
export async function writeFiles(
  out: string,
  name: string,
  contents: Readonly<Record<string, string | Uint8Array | null>>,
): Promise<string[]> {
  const paths: string[] = [];
  for (const [ending, content] of Object.entries(contents)) {
    const path = join(out, `${name}.${ending}`);
    if (content === null) {
      await rm(path, { force: true });
    } else {
      await writeWhole(path, content);
      paths.push(path);
    }
  }
  return paths;
}
