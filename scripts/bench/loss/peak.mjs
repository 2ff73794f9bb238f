// @ts-check
// The processor's peak of float32 multiply-adds, measured by a few lines of C++ that are compiled for it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cxx } from '../../../lib/native/tools.mjs';

/**
 * @param {number} threads
 * @param {string} folder for the program
 * @returns {number | null} GFLOP/s; null where there is no compiler
 */
export function fmaPeak(threads, folder) {
  const program = join(folder, 'peak');
  const source = fileURLToPath(new URL('peak.cpp', import.meta.url));
  try {
    execFileSync(
      cxx(),
      ['-std=c++20', '-O3', '-march=native', '-ffp-contract=fast', '-pthread', source, '-o', program],
      { stdio: 'ignore' },
    );
    return Number(execFileSync(program, [String(threads)], { encoding: 'utf8' }));
  } catch {
    return null;
  }
}
