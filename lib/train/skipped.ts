import { existsSync } from 'node:fs';
import type { AnyDataset, Splits } from '../data/index.ts';
import type { RunFolder } from './run-folder.ts';

const fileName = 'skipped.json';

/** The files of the data set that could not be decoded so far, with the reason; null where such a file is an error. */
export const skippedOf = (dataset: AnyDataset): Map<string, string> | null =>
  'files' in dataset ? dataset.skipped : null;

/** Takes up the count of files left out where an interrupted run had left it. */
export async function recallSkipped(folder: RunFolder, { train }: Splits<AnyDataset>): Promise<void> {
  const skipped = skippedOf(train);
  if (skipped === null || !existsSync(folder.file(fileName))) return;
  const before = (await folder.readJson(fileName)) as Record<string, string>;
  for (const [file, reason] of Object.entries(before)) skipped.set(file, reason);
}

/** Writes down which files have been left out. @returns how many */
export async function noteSkipped(folder: RunFolder, { train }: Splits<AnyDataset>): Promise<number> {
  const skipped = skippedOf(train);
  if (skipped === null || skipped.size === 0) return 0;
  await folder.writeJson(fileName, Object.fromEntries([...skipped].sort(([a], [b]) => (a < b ? -1 : 1))));
  return skipped.size;
}
