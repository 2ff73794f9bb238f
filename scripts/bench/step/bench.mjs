// @ts-check
// A full training step: assembling the batch from the images in memory, forward, loss, backward, optimiser.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { closeSides } from '../sides.mjs';

const PEER = 'PyTorch';
const BATCH = 128;

// How far the first two losses may be apart, in shares of them. Adam's first step goes by the signs of the gradients alone:
// in a deep network many of these are rounding.
const SHALLOW = [1e-4, 1e-3];
const DEEP = [1e-4, 1e-2];
/** Three digits are all that it has. */
const BFLOAT16 = [1e-2, 5e-2];

/** @type {{ model: string; loss: string; autocast?: 'bfloat16'; name: string; tolerances?: number[] }[]} */
const cases = [
  { model: 'mnist-2d', loss: 'ce', name: 'mnist-2d, cross-entropy' },
  { model: 'mnist-2d', loss: 'icu', name: 'mnist-2d, ICU' },
  { model: 'mnist-100d', loss: 'ce', name: 'mnist-100d, cross-entropy' },
  { model: 'mnist-100d', loss: 'icu', name: 'mnist-100d, ICU' },
  {
    model: 'mnist-100d',
    loss: 'icu',
    autocast: 'bfloat16',
    name: 'mnist-100d, ICU, bfloat16',
    tolerances: BFLOAT16,
  },
  { model: 'resnet32', loss: 'ce', name: 'resnet32, cross-entropy', tolerances: DEEP },
  { model: 'resnet32', loss: 'icu', name: 'resnet32, ICU', tolerances: DEEP },
];

/**
 * Both sides start from the same weights and take the same two batches: the first loss checks network and loss, the
 * second, after a step, gradients and optimiser too.
 * @param {import('../sides.mjs').Sides} sides
 * @param {number[]} tolerances of the two
 * @returns {Promise<number>} the first loss
 */
export async function checkSameWork({ ours, peer }, tolerances = SHALLOW) {
  const [a, b] = [await ours.ask('firstLosses'), await peer.ask('firstLosses')];
  for (const [i, tolerance] of tolerances.entries()) {
    if (!(Math.abs(a[i] - b[i]) <= tolerance * Math.max(1, Math.abs(b[i])))) {
      throw new Error(
        `the sides do different work: the loss of step ${i + 1} is ${a[i]} here, ${b[i]} in PyTorch`,
      );
    }
  }
  return /** @type {number} */ (a[0]);
}

/** @type {import('../main.mjs').Benchmark} */
export default {
  summary: 'a training step of the MNIST networks and of ResNet-32 on CIFAR-10, batch 128, Adam',
  defaults: { threads: availableParallelism(), repeats: 9 },
  async run({ selected, start, compare, temporaryFolder, progress, note }) {
    const chosen = cases.filter(({ name }) => selected(name));
    if (chosen.length === 0) return { results: [] };
    const folder = temporaryFolder();
    const sides = await start();
    const results = [];
    for (const { model, loss, autocast, name, tolerances } of chosen) {
      const result = await compare(
        {
          name,
          ours: 'train',
          peer: 'train',
          peerName: PEER,
          settings: { model, loss, autocast, batch: BATCH, folder: join(folder, model) },
          unit: 'ms',
          goal: 1,
          async check(prepared) {
            progress(`${name}: comparing the first losses`);
            const { images } = await prepared.ours.ask('about');
            const first = await checkSameWork(prepared, tolerances);
            note(`${name}: on ${images}; both sides start with loss ${first.toFixed(5)}`);
          },
        },
        sides,
        { target: 1 },
      );
      const [ours, peer] = [result.ours, result.peer].map((ms) => Math.round((1000 * BATCH) / ms));
      const remark = `${ours} images/s, ${PEER} ${peer}`;
      note(`${name}: ${remark}`);
      results.push({ ...result, imagesPerSecond: { ours, peer }, remark });
    }
    await closeSides(sides);
    return { results };
  },
};
