import { describe, expect, it } from 'vitest';
import { runModule } from '../support/child.ts';

/** The text that starts a worker whose body may use torch, tensor, memory, scope and parentPort. */
const worker = (body: string) => {
  const code = `import { parentPort, workerData } from 'node:worker_threads';
    const { torch, tensor, memory, scope } = await import(workerData); ${body}`;
  const address = `data:text/javascript,${encodeURIComponent(code)}`;
  return `new Worker(new URL(${JSON.stringify(address)}), { workerData: TENSOR })`;
};

const prelude = `
import { Worker } from 'node:worker_threads';
import { torch, tensor, memory, Tensor, setNumThreads, getNumThreads } from TENSOR;
const message = (worker) => new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
const exit = (worker) => new Promise((resolve) => worker.once('exit', resolve));
`;

describe('worker threads', () => {
  it('each have tensors of their own, several at once, again and again', () => {
    const { status, stdout, stderr } = runModule(`${prelude}
      const mine = torch.ones([3]);
      for (let round = 0; round < 3; round++) {
        const workers = Array.from({ length: 3 }, () => ${worker(
          `parentPort.postMessage(scope(() => tensor([1, 2]).mul(3).sum().item()) + 100 * memory.tensors);`,
        )});
        const exits = Promise.all(workers.map(exit));
        console.log((await Promise.all(workers.map(message))).join());
        await exits;
      }
      console.log(mine.sum().item());
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe('9,9,9\n9,9,9\n9,9,9\n3\n');
    expect(status).toBe(0);
  });

  it('are told when a tensor is not theirs', () => {
    const { stdout, status } = runModule(`${prelude}
      const mine = torch.ones([3]);
      const other = ${worker(`
        const foreign = tensor([1]);
        const { handle } = foreign;
        parentPort.postMessage({ handle });
        parentPort.once('message', () => process.exit(0));
      `)};
      const { handle } = await message(other);
      const pretended = Object.assign(Object.create(Tensor.prototype), { handle, owner: null });
      try { mine.add(pretended); } catch (error) { console.log(error.message); }
      try { mine.add(structuredClone(mine)); } catch (error) { console.log(error.message.split('\\n')[0]); }
      other.postMessage('end');
    `);
    expect(stdout).toContain("argument 'other': the tensor belongs to another worker thread");
    expect(stdout).toContain("argument 'other' expected Scalar or Tensor, got a clone of a Tensor");
    expect(status).toBe(0);
  });

  it('may load the addon before the main thread does, and end', () => {
    const { stdout, stderr, status } = runModule(`
      import { Worker } from 'node:worker_threads';
      const first = ${worker(`parentPort.postMessage(torch.ones([2]).sum().item());`)};
      await new Promise((resolve) => first.once('exit', resolve));
      const { torch } = await import(TENSOR);
      console.log(torch.ones([4]).sum().item());
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe('4\n');
    expect(status).toBe(0);
  });
});

describe('the process', () => {
  it('ends cleanly with tensors and graphs alive', () => {
    const { status, signal, stderr } = runModule(`
      import { torch, tensor, scope } from TENSOR;
      globalThis.kept = [tensor([1, 2], { requiresGrad: true })];
      for (let i = 0; i < 50; i++) globalThis.kept.push(globalThis.kept.at(-1).mul(2));
      globalThis.view = torch.ones([1000]).toTypedArray({ share: true });
      globalThis.kept.at(-1).sum().backward();
      scope(() => { torch.ones([3]); process.exit(3); });
    `);
    expect(stderr).toBe('');
    expect([status, signal]).toEqual([3, null]);
  });

  it('ends cleanly when a worker is terminated in the middle of backward passes', () => {
    const { status, signal, stderr } = runModule(`${prelude}
      const busy = ${worker(`
        const w = torch.randn([256, 256]).requiresGrad_(true);
        parentPort.postMessage('started');
        for (;;) scope(() => { w.matmul(w).matmul(w).sum().backward(); w.grad = null; });
      `)};
      await message(busy);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await busy.terminate();
      console.log(torch.ones([2]).sum().item());
    `);
    expect(stderr).toBe('');
    expect([status, signal]).toEqual([0, null]);
  });

  it('ends by itself when nothing is left to do', () => {
    const { status } = runModule(`import { torch } from TENSOR; torch.ones([3]).add(1);`, 20_000);
    expect(status).toBe(0);
  });

  it('counts the threads that operators may use', () => {
    const { stdout } = runModule(`
      import { setNumThreads, getNumThreads } from TENSOR;
      setNumThreads(1); console.log(getNumThreads());
      for (const bad of [0, -1, 1.5, 'two', NaN]) { try { setNumThreads(bad); console.log('no error'); } catch (error) { console.log(error.name); } }
    `);
    expect(stdout).toBe(`1\n${'TypeError\n'.repeat(5)}`);
  });
});
