// @ts-check
// Our cases of the memory benchmark; peer.py has the same.
import { memory, tensor, torch } from 'intraclass/tensor';

/**
 * @typedef {{ count: number; every: number }} Request
 * @typedef {(share: number) => void} Progress
 */

/**
 * Calls `work` `count` times in one synchronous go, with resident memory before and after each `every` of them.
 * @param {Request} request
 * @param {Progress} progress
 * @param {() => void} work
 */
function sample({ count, every }, progress, work) {
  const resident = [process.memoryUsage.rss()];
  for (let i = 0; i < count; i += every) {
    for (let j = 0; j < every; j++) work();
    resident.push(process.memoryUsage.rss());
    if (resident.length % 20 === 0) progress((i + every) / count);
  }
  return resident;
}

/** The number of tensors alive once the collector has been through; node --expose-gc. */
async function liveTensors() {
  for (let i = 0; i < 3; i++) {
    /** @type {() => void} */ (globalThis.gc)();
    await new Promise((done) => setTimeout(done, 10));
  }
  return memory.tensors;
}

/** @param {Request} request @param {Progress} progress @param {() => void} work */
async function measured(request, progress, work) {
  work();
  const before = await liveTensors();
  const resident = sample(request, progress, work);
  return { resident, live: { before, after: await liveTensors() } };
}

/** @typedef {{ measure(request: Request, progress: Progress): unknown }} Case */

export const cases = {
  /** No scope, no dispose, and no turn of the event loop, in which finalisers would run. @returns {Case} */
  undisposed() {
    const [a, b] = [tensor([1, 2, 3, 4]), tensor([5, 6, 7, 8])];
    return { measure: (request, progress) => measured(request, progress, () => torch.add(a, b)) };
  },

  /** @param {import('../step/ours.mjs').Settings} settings @returns {Promise<Case>} */
  async steps(settings) {
    const { train } = await import('../step/ours.mjs');
    const training = await train(settings);
    return { measure: (request, progress) => measured(request, progress, () => training.run(1)) };
  },
};
