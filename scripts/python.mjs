// @ts-check
// The Python that results and times are compared with.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { firstLine, root } from './setup/steps.mjs';

/**
 * The Python that INTRACLASS_PYTHON names; else the first of the project's own and python3 that can do what is asked of
 * it. Null where none can.
 * @param {string} code that fails where the Python will not do, such as `import torch`
 */
export function pythonWith(code) {
  const own = join(root, '.venv', 'bin', 'python');
  const named = process.env.INTRACLASS_PYTHON;
  const candidates = named ? [named] : [...(existsSync(own) ? [own] : []), 'python3'];
  return candidates.find((python) => firstLine(python, ['-c', code]) !== null) ?? null;
}
