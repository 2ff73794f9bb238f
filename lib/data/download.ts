import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeWhole } from './files.ts';

export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/**
 * Fetches a file from the first of the addresses that has it with the right checksum. It appears under its name only
 * when it is whole.
 *
 * @param seconds the time limit of each address. Default 60.
 * @throws Error with what each address answered
 */
export async function download(
  urls: readonly string[],
  path: string,
  checksum: string,
  seconds = 60,
): Promise<void> {
  const problems: string[] = [];
  for (const url of urls) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1000 * seconds) });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (md5(bytes) !== checksum) throw new Error(`MD5 expected ${checksum}, got ${md5(bytes)}`);
      await mkdir(dirname(path), { recursive: true });
      await writeWhole(path, bytes);
      return;
    } catch (error) {
      const { message, cause } = error as Error;
      problems.push(`${url}: ${cause instanceof Error ? cause.message : message}`);
    }
  }
  throw new Error(`could not download ${path}\n  ${problems.join('\n  ')}`);
}
