import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** Gives each test of the file an empty folder of its own, which is gone afterwards. */
export function useTemporaryFolder(use: (path: string) => void): void {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'intraclass-'));
    use(path);
  });
  afterEach(() => {
    rmSync(path, { recursive: true, force: true });
  });
}
