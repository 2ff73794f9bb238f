import { describe, expect, it } from 'vitest';
import { runModule } from '../support/child.ts';

/**
 * Random arguments at the addon's own functions, in a process of its own so that a crash is seen as one. Seeded: a
 * failure names the seed and repeats.
 */
const fuzz = (seed: number, body: string) => `
  import { torch, tensor, Tensor, Generator, scope } from TENSOR;
  const { native } = await import(new URL('../native.js', TENSOR));
  let state = ${seed} >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const pick = (list) => list[Math.floor(random() * list.length)];
  const live = [tensor([1, 2, 3]).keep(), tensor([[1, 2], [3, 4]], { requiresGrad: true }), tensor([1n, 2n]), tensor([true]), torch.zeros([0, 3])];
  const dead = tensor([1]); const deadHandle = dead.handle; dead.dispose();
  const throwing = { get re() { throw new Error('getter'); }, get im() { return 1; }, get length() { throw new Error('length'); } };
  const proxy = new Proxy([], { get() { throw new Error('trap'); } });
  const holes = [1, , 3];
  const trapArray = [1, 2]; Object.defineProperty(trapArray, 0, { get() { throw new Error('element'); } });
  const shrinking = [1, 2, 3]; Object.defineProperty(shrinking, 0, { get() { shrinking.length = 0; return 1; } });
  const detached = new Float32Array(4); structuredClone(detached, { transfer: [detached.buffer] });
  const values = () => pick([
    undefined, null, true, false, 0, -0, 1, -1, 2, 3, 0.5, NaN, Infinity, -Infinity, 1e300, 2 ** 31, 2 ** 53, -(2 ** 53), 2 ** 40,
    10n, -1n, 2n ** 63n, 2n ** 200n, '', 'float32', 'int64', 'cpu', 'cuda:99', 'cuda:-1', 'strided', 'channels_last', 'x'.repeat(5000), '\\u0000', Symbol('s'),
    () => 1, class {}, {}, [], [1], [1, 2], [[1]], [-1, -1], [2 ** 40, 2 ** 40], [NaN], ['a'], [null], [undefined], holes, trapArray, shrinking,
    { re: 1, im: 2 }, { re: 'a', im: 2 }, throwing, proxy, new Proxy({}, {}), new Date(), /x/, new Map(), new Float32Array(3), new BigInt64Array(2), detached,
    new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), new SharedArrayBuffer(8), new Int32Array(new SharedArrayBuffer(8)),
    deadHandle, -1, 1 << 24, 127 << 24, 0x7fffffff, live[0].handle, live[1].handle, live[2].handle, live[3].handle, live[4].handle,
    [live[0].handle], [live[0].handle, live[1].handle], [deadHandle], [live[0].handle, null],
  ]);
  let calls = 0, thrown = 0;
  const attempt = (call) => {
    calls++;
    try { call(); } catch (error) {
      thrown++;
      if (!(error instanceof Error)) { console.log('thrown value is no Error:', String(error)); process.exit(1); }
    }
  };
  ${body}
  // Still in working order.
  if (tensor([1, 2]).add(1).sum().item() !== 5) { console.log('wrong afterwards'); process.exit(1); }
  console.log(JSON.stringify({ calls, thrown }));
`;

function expectErrorsOnly(code: string, leastCalls: number) {
  const { status, signal, stdout, stderr } = runModule(code, 120_000);
  expect([status, signal], `${stdout}\n${stderr}`).toEqual([0, null]);
  const { calls, thrown } = JSON.parse(stdout.trim().split('\n').at(-1)!);
  expect(calls).toBeGreaterThanOrEqual(leastCalls);
  expect(thrown).toBeGreaterThan(calls / 4);
}

describe('random arguments give errors, never a crash', () => {
  it.each([1, 2, 3])('at every function of the addon (seed %i)', (seed) => {
    expectErrorsOnly(
      fuzz(
        seed,
        `
        // Not these: they free or re-point the tensors that the others are given, which changes what is tested.
        const names = Object.keys(native).filter((name) => !['release', 'releaseMany', 'setNumThreads'].includes(name));
        for (let i = 0; i < 12000; i++) {
          const name = pick(names);
          const args = Array.from({ length: Math.floor(random() * 6) }, values);
          attempt(() => { const result = native[name](...args); if (name === 'fromTypedArray' || name === 'gradient') native.release(result); });
          if (i % 500 === 0) native.setGradEnabled(true);
        }
        native.setGradEnabled(true);
        `,
      ),
      12000,
    );
  });

  it('at the functions that free tensors', () => {
    expectErrorsOnly(
      fuzz(
        4,
        `
        for (let i = 0; i < 6000; i++) {
          const args = Array.from({ length: Math.floor(random() * 4) }, values);
          attempt(() => native[pick(['release', 'releaseMany', 'setNumThreads', 'track'])](...args));
        }
        `,
      ),
      6000,
    );
  });

  it.each([5, 6])('at operators, through the overload choice (seed %i)', (seed) => {
    expectErrorsOnly(
      fuzz(
        seed,
        `
        const names = ['add', 'mul', 'matmul', 'conv2d', 'sum', 'max', 'view', 'reshape', 'expand', 'zeros', 'full', 'arange', 'randn', 'stack', 'cat',
          'split', 'chunk', 'indexSelect', 'gather', 'where', 'clamp', 'softmax', 'logSoftmax', 'batchNorm', 'maxPool2d', 'linear', 'einsum', 'narrow',
          'asStrided', 'permute', 'transpose', 'squeeze', 'unsqueeze', 'pow', 'div', 'std', 'topk', 'sort', 'cumsum', 'embedding', 'nllLoss', 'pad',
          'linalgSolve', 'fftFft', 'tril', 'oneHot', 'bincount', 'histc', 'dropout', 'addmm', 'index', 'copy_', 'fill_', 'scatter', 'to'];
        const things = () => random() < 0.4 ? pick(live) : random() < 0.1 ? dead : random() < 0.1 ? [pick(live), pick(live)] : random() < 0.03 ? new Generator(1) : values();
        const modest = (value) => !(typeof value === 'number' && Math.abs(value) > 1e6 && Math.abs(value) < 2 ** 39);
        for (let i = 0; i < 12000; i++) {
          const name = pick(names);
          const args = Array.from({ length: Math.floor(random() * 5) }, things).filter(modest);
          attempt(() => scope(() => { torch[name](...args); }));
        }
        `,
      ),
      12000,
    );
  });

  it('at the loss of this package', () => {
    expectErrorsOnly(
      fuzz(
        7,
        `
        const id = native.describeOperator('icu::loss')[0].id;
        const distances = native.describeOperator('icu::distances')[0].id;
        for (let i = 0; i < 6000; i++) {
          const args = Array.from({ length: Math.floor(random() * 12) }, values);
          attempt(() => native.call(pick([id, distances]), ...args));
        }
        `,
      ),
      6000,
    );
  });

  it.each(['cpu', 'meta'])(
    'at its inner operators on %s, which refuse tensors of any other shape or dtype',
    (device) => {
      const { status, stdout, stderr } = runModule(`
      import { operator, torch } from TENSOR;
      const [N, K, D] = [4, 3, 2];
      const zeros = (shape, dtype = 'float32') => torch.zeros(shape, { dtype, device: '${device}' });
      const batch = { features: zeros([N, D]), labels: zeros([N], 'int64'), means: zeros([K, D]), logVariances: zeros([K]), logPrior: zeros([K]) };
      const { labels, logPrior, ...distance } = batch;
      const modes = [0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, -100];
      const constants = [1e-4, 1e-3, 0.1, 0.1, 0, -10, 10];
      const [, , , total, gaps, rows] = operator('icu::_loss_forward')(...Object.values(batch), modes, constants);
      const gradients = { classification: total, regularizer: total, total };
      const mask = [true, true, true];
      const operators = {
        _loss_forward: [batch, modes, constants],
        _loss_and_gradients: [batch, modes, constants, mask],
        _loss_backward: [{ ...gradients, ...batch, gaps, rows }, modes, constants, mask],
        _distances: [distance, 0, -10, 10, true],
        _distances_backward: [{ grad: zeros([N, K]), ...distance }, 0, -10, 10, true, mask],
      };
      const others = [[], [0], [1], [N], [K], [7], [N, 4], [N, D], [D, N], [K, D], [N, K], [K, N], [1, K], [0, D], [7, D], [1, 1, 1]]
        .flatMap((shape) => ['float32', 'float64', 'int64', 'bool'].map((dtype) => zeros(shape, dtype)));
      let refused = 0;
      for (const [name, [tensors, ...rest]] of Object.entries(operators)) {
        const call = operator('icu::' + name);
        call(...Object.values(tensors), ...rest);
        for (const [argument, right] of Object.entries(tensors)) {
          for (const other of others) {
            const alike = other.dtype === right.dtype || (argument === 'logPrior' && other.dtype === 'float64');
            if (String(other.shape) === String(right.shape) && alike) continue;
            // As many rows as one likes.
            if (name === '_distances' && argument === 'features' && alike && other.ndim === 2 && other.shape[1] === D) continue;
            try {
              call(...Object.values({ ...tensors, [argument]: other }), ...rest);
              console.log(name, argument, other.dtype, other.shape);
            } catch (error) {
              if (!(error instanceof Error)) throw error;
              refused++;
            }
          }
        }
      }
      console.log(refused);
    `);
      expect([stderr, status]).toEqual(['', 0]);
      // Nothing but the count: 27 tensors, 64 others for each of them but those that are like it.
      expect(stdout).toMatch(/^16\d\d\n$/);
    },
  );
});
