import { gunzipSync } from 'node:zlib';
import { DataFileError } from './errors.ts';

/**
 * The content of a gzip file; of any other file the bytes as they are.
 * @param name named in errors
 * @throws DataFileError if the stream is cut off or damaged
 */
export function gunzip(bytes: Uint8Array, name: string): Uint8Array {
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new DataFileError(
      `${name}: the gzip stream of ${bytes.length} bytes is damaged: ${(error as Error).message}`,
    );
  }
}
