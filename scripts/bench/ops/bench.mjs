// @ts-check
// What a call of an operator costs beyond the operator's own work: tensors so small that the work hardly counts.
import { closeSides } from '../sides.mjs';

const PEER = 'PyTorch';

/** @type {import('../compare.mjs').Comparison[]} */
const comparisons = [
  { name: 'add, in scopes of 100', ours: 'add in scopes', peer: 'add', goal: 0.7, granule: 100 },
  { name: 'add, each disposed', ours: 'add, each disposed', peer: 'add', granule: 100 },
  { name: 'add, left to the collector', ours: 'add, left to the collector', peer: 'add', granule: 100 },
  { name: 'add as method or operator', ours: 'add as method', peer: 'add as operator', granule: 100 },
  {
    name: '10 operators and backward',
    ours: 'chain',
    peer: 'chain',
    goal: 0.7,
    /** @param {import('../sides.mjs').Sides} sides */
    async check({ ours, peer }) {
      const [a, b] = [await ours.ask('gradient'), await peer.ask('gradient')];
      const apart = Math.max(
        ...a.map((/** @type {number} */ value, /** @type {number} */ i) => Math.abs(value - b[i])),
      );
      if (!(a.length === b.length && apart <= 1e-6)) {
        throw new Error(`the sides do different work: gradient ${a} here, ${b} in PyTorch`);
      }
    },
  },
].map((entry) => ({ ...entry, peerName: PEER, unit: /** @type {const} */ ('µs') }));

/** @type {import('../main.mjs').Benchmark} */
export default {
  summary: 'what a call of an operator costs, on tensors of 4 elements',
  defaults: { threads: 1, repeats: 9 },
  async run({ selected, start, compare, note }) {
    const chosen = comparisons.filter(({ name }) => selected(name));
    if (chosen.length === 0) return { results: [] };
    const sides = await start();
    const results = [];
    for (const comparison of chosen) {
      const result = await compare(comparison, sides);
      note(`${result.case}: ours ${result.ours.toFixed(3)} µs, ${PEER} ${result.peer.toFixed(3)} µs`);
      results.push(result);
    }
    await closeSides(sides);
    return { results };
  },
};
