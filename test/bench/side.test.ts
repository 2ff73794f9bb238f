import { describe, expect, test } from 'vitest';
import { cuda } from '../../lib/tensor/index.ts';
import { Side } from '../../scripts/bench/side.mjs';
import { checkSameLibtorch, startOurs } from '../../scripts/bench/sides.mjs';

/** A side that runs `code` for each request, which may `write` answers. */
const sideOf = (code: string) =>
  new Side(
    'fake',
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { createInterface } from 'node:readline';
       const write = (answer) => process.stdout.write(JSON.stringify(answer) + '\\n');
       for await (const line of createInterface({ input: process.stdin })) {
         const request = JSON.parse(line);
         ${code}
       }`,
    ],
    {},
  );

describe('a side', () => {
  test('answers requests, in any order, and ends when it is closed', async () => {
    const side = sideOf(`
      globalThis.kept ??= [];
      kept.push(request);
      if (kept.length === 2) for (const { id, iterations } of kept.reverse()) write({ id, result: iterations });
    `);
    expect(await Promise.all([side.run(3), side.run(4)])).toEqual([3, 4]);
    await side.close();
    await expect(side.run(1)).rejects.toThrow('fake: the process ended');
  });

  test('tells its progress', async () => {
    const side = sideOf(`
      write({ id: request.id, progress: 0.5 });
      write({ id: request.id, result: request.method });
    `);
    const shares: number[] = [];
    expect(await side.ask('measure', {}, (share) => shares.push(share))).toBe('measure');
    expect(shares).toEqual([0.5]);
    await side.close();
  });

  test('passes errors on, with its name', async () => {
    const side = sideOf(`write({ id: request.id, error: 'no such case' });`);
    await expect(side.prepare('ops', 'nothing', {})).rejects.toThrow('fake: no such case');
    await side.close();
  });

  test('that dies, or talks nonsense, fails what waits for it', async () => {
    await expect(sideOf('process.exit(3);').run(1)).rejects.toThrow('exit code 3');
    const babbling = sideOf(`process.stdout.write('hello\\n');`);
    await expect(babbling.run(1)).rejects.toThrow('no JSON: hello');
    babbling.kill();
  });

  test.skipIf(cuda.isAvailable())('of ours says what a user did wrong, without a stack', async () => {
    const side = startOurs(1, []);
    const settings = { shape: [4, 3, 2], covariance: 'isotropic', state: 'dense', device: 'cuda' };
    await expect(side.prepare('loss', 'loss', settings)).rejects.toThrow(
      /^ours: --device cuda: no GPU can be used here\. To see what is missing, type: npx intraclass doctor$/,
    );
    await expect(side.prepare('loss', 'none', settings)).rejects.toThrow(/not a function\n +at /);
    await side.close();
  });

  test('that cannot be started says so', async () => {
    await expect(new Side('ghost', '/nonexistent/python', [], {}).run(1)).rejects.toThrow('ghost');
  });
});

describe('the same LibTorch', () => {
  const ours = { libtorch: '2.13.0+cpu', commit: 'a'.repeat(40) };

  test('is the same version and the same commit', () => {
    expect(() => checkSameLibtorch(ours, { ...ours })).not.toThrow();
    // A CUDA build of the same commit has the same CPU kernels.
    expect(() => checkSameLibtorch(ours, { ...ours, libtorch: '2.13.0+cu130' })).not.toThrow();
    expect(() => checkSameLibtorch({ ...ours, commit: null }, ours)).not.toThrow();
  });

  test('is neither another version nor another build of it', () => {
    expect(() => checkSameLibtorch(ours, { ...ours, libtorch: '2.12.1+cpu' })).toThrow('2.12.1+cpu');
    expect(() => checkSameLibtorch(ours, { ...ours, commit: 'b'.repeat(40) })).toThrow('same LibTorch');
  });
});
