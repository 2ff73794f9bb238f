import { spawnSync } from 'node:child_process';
import { pythonWith } from '../../scripts/python.mjs';
import { root } from '../../scripts/setup/steps.mjs';

const python = pythonWith('import torch');

/** Whether tests can compare with PyTorch itself; tests that do are skipped without it. */
export const hasTorch = python !== null;
if (!hasTorch) {
  console.warn(
    'skipping the comparison with PyTorch: no Python with torch; to have one, type: npm run setup -- --python',
  );
}

/**
 * Runs Python code that finds `given` as a variable and leaves its answer in `result`; both cross as JSON, in which
 * float64 keep all their digits.
 */
export function runPython<Result>(code: string, given: unknown = null): Result {
  const program = [
    'import json, sys, torch',
    'torch.set_num_threads(1)',
    'given = json.load(sys.stdin)',
    code,
    'print(json.dumps(result))',
  ].join('\n');
  const { status, stdout, stderr } = spawnSync(python!, ['-c', program], {
    input: JSON.stringify(given),
    encoding: 'utf8',
    cwd: root,
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`Python failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Result;
}
