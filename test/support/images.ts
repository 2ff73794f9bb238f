import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { Generator, torch } from '../../lib/tensor/index.ts';

/** A picture of smooth colours with some noise, decided by its number. */
export async function makeImage(
  number: number,
  width: number,
  height: number,
  format: 'jpeg' | 'png' = 'jpeg',
): Promise<Buffer> {
  const generator = new Generator(number);
  const coarse = torch.rand([1, 3, 4, 5], { generator });
  const smooth = torch.upsampleBilinear2d(coarse, [height, width], true);
  const noise = torch.rand([1, 3, height, width], { generator }).mul(0.1);
  const pixels = smooth.mul(0.9).add(noise).mul(255).to({ dtype: 'uint8' });
  const bytes = pixels.select(0, 0).permute([1, 2, 0]).contiguous().toTypedArray() as Uint8Array;
  const image = sharp(bytes, { raw: { width, height, channels: 3 } });
  return format === 'png' ? image.png().toBuffer() : image.jpeg({ quality: 90 }).toBuffer();
}

/** Writes a file and the folders that it lies in. @returns its path */
export function put(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
