import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const tensorModule = new URL('../../dist/tensor/index.js', import.meta.url);

export interface ChildResult {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs an ES module in a Node process of its own, to see how that process ends. In the code `TENSOR` stands for the
 * address of the compiled tensor floor: `import { torch } from TENSOR;`
 */
export function runModule(code: string, timeout = 60_000): ChildResult {
  if (!existsSync(tensorModule)) throw new Error('dist/ is missing; type: npm run build');
  const text = code.replaceAll('TENSOR', JSON.stringify(tensorModule.href));
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', text],
    { encoding: 'utf8', timeout },
  );
  return { status, signal, stdout, stderr };
}
