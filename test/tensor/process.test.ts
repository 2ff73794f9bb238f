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
      const pretended = torch.zeros([1]);
      pretended.handle = handle;
      try { mine.add(pretended); } catch (error) { console.log(error.message); }
      try { mine.add(structuredClone(mine)); } catch (error) { console.log(error.message.split('\\n')[0]); }
      other.postMessage('end');
    `);
    expect(stdout).toContain("argument 'other': the tensor belongs to another worker thread");
    expect(stdout).toContain("argument 'other' expected Scalar or Tensor, got a clone of a Tensor");
    expect(status).toBe(0);
  });

  it('can be terminated in the middle of a call', () => {
    const { status, stdout, stderr } = runModule(`${prelude}
      for (let i = 0; i < 12; i++) {
        const busy = ${worker('const t = torch.zeros([2, 3]); parentPort.postMessage(0); for (;;) t.shape;')};
        await message(busy);
        await new Promise((resolve) => setTimeout(resolve, 1 + (i % 3)));
        await busy.terminate();
      }
      console.log('ended');
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe('ended\n');
    expect(status).toBe(0);
  });

  it('may set what the kernels read of the environment, which they have read by then', () => {
    const simd = (set: string) =>
      runModule(`import { operator } from TENSOR; ${set} console.log(operator('icu::simd')());`).stdout;
    expect(simd("process.env.ICU_SIMD = 'baseline';")).toBe(simd(''));
  });

  it('may compute losses while the main thread changes the environment', () => {
    const { status, stdout } = runModule(`${prelude}
      const busy = ${worker(`
        const { operator } = await import(workerData);
        const [x, means, s, labels] = [torch.randn([40, 3]), torch.randn([30, 3]), torch.zeros([30]), torch.zeros([40], { dtype: 'int64' })];
        const loss = operator('icu::loss');
        parentPort.postMessage('ready');
        const end = Date.now() + 1500;
        while (Date.now() < end) scope(() => { loss(x, labels, means, s, { memory: 'store' }); });
        parentPort.postMessage('done');
      `)};
      await message(busy);
      const done = message(busy);
      let over = false;
      done.then(() => { over = true; });
      for (let i = 0; !over; i++) {
        process.env['KEY' + i] = 'x'.repeat(100);
        if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      console.log(await done);
    `);
    expect(stdout).toBe('done\n');
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

  it('shares one memory as often as it is asked to', () => {
    const { status, signal, stderr } = runModule(`${prelude}
      const shared = torch.zeros([4]);
      for (let i = 0; i < 300_000; i++) shared.toTypedArray({ share: true });
      shared.dispose();
    `);
    expect(stderr).toBe('');
    expect([status, signal]).toEqual([0, null]);
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

describe('arguments that run JavaScript as they are read', () => {
  it('may call operators in the middle of a call', () => {
    const { status, stdout, stderr } = runModule(`${prelude}
      const held = [];
      const number = (re) => ({ get re() { for (let i = 0; i < 3000; i++) held.push(torch.ones([2])); return re; }, im: 0 });
      const list = (values) => Object.defineProperty([...values], 0, { get() { torch.zeros([5]); return values[0]; } });
      console.log(String(torch.full([2], number(3))));
      console.log(String(tensor([1, 2]).mul(number(2))));
      console.log(String(torch.conv2d(torch.ones([1, 1, 3, 3]), torch.ones([1, 1, 2, 2]), null, list([1, 1])).flatten()));
      console.log(String(tensor([1, 2, 3, 4]).view(list([2, 2]))));
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe(
      'tensor([3.+0.j, 3.+0.j])\ntensor([2.+0.j, 4.+0.j])\ntensor([4., 4., 4., 4.])\ntensor([[1., 2.],\n        [3., 4.]])\n',
    );
    expect(status).toBe(0);
  });

  it('cannot take away the data that a tensor is made of', () => {
    const { stdout } = runModule(`${prelude}
      const data = new Float32Array(1 << 20).fill(1);
      let reads = 0;
      const shape = [0];
      Object.defineProperty(shape, 0, { get() {
        if (++reads === 2) structuredClone(data.buffer, { transfer: [data.buffer] });
        return 1 << 20;
      } });
      try { console.log(tensor(data, { shape }).sum().item()); } catch (error) { console.log(error.message); }
    `);
    // As many times as it is read: either the data are there, or the error says that they are not.
    expect(stdout).toMatch(
      /^(1048576|fromTypedArray: argument 'shape' asks for 4194304 bytes, data has 0)\n$/,
    );
  });
});

it('throws where there is no memory for a typed array', () => {
  // A limit on what a process may map is not to be had everywhere; so many bytes are not to be had anywhere.
  const { status, stdout } = runModule(`${prelude}
    const t = torch.zeros([1], { dtype: 'uint8' }).expand([2 ** 45]);
    try { t.toTypedArray(); } catch (error) { console.log(error.name, error.message); }
  `);
  expect(stdout).toMatch(/\S/);
  expect(status).toBe(0);
});

it('says nothing where a processor lacks what NNPACK needs', () => {
  // On one thread a convolution of one small image is what LibTorch would give to it.
  const { status, stdout, stderr } = runModule(`${prelude}
    setNumThreads(1);
    const weight = torch.ones([4, 1, 3, 3]);
    console.log(torch.conv2d(torch.ones([1, 1, 28, 28]), weight).sum().item());
  `);
  expect(stderr).toBe('');
  expect(stdout).toBe('24336\n');
  expect(status).toBe(0);
});
