import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../data/files.ts';

/** Writes `<out>/<name>.<ending>` for each content. @returns the paths */
export async function writeFiles(
  out: string,
  name: string,
  contents: Readonly<Record<string, string | Uint8Array>>,
): Promise<string[]> {
  await mkdir(out, { recursive: true });
  const paths: string[] = [];
  for (const [ending, content] of Object.entries(contents)) {
    const path = join(out, `${name}.${ending}`);
    await writeWhole(path, content);
    paths.push(path);
  }
  return paths;
}
