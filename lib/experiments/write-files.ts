import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../data/files.ts';

/**
 * Writes `<out>/<name>.<ending>` for each content. One that is null is deleted: what an earlier call wrote there does not
 * belong to the others any more.
 *
 * @returns the paths of what was written
 */
export async function writeFiles(
  out: string,
  name: string,
  contents: Readonly<Record<string, string | Uint8Array | null>>,
): Promise<string[]> {
  await mkdir(out, { recursive: true });
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
