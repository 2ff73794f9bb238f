import { describe, it } from 'vitest';

// Read when the library is loaded: before anything is imported.
process.env.ICU_SIMD = 'baseline';
const { operator } = await import('../../lib/tensor/index.ts');
const { numericsSuite } = await import('./numerics.ts');

const simd = operator('icu::simd')();
describe.skipIf(simd !== 'baseline')('baseline', () => numericsSuite('baseline'));
if (simd !== 'baseline') it.skip(`needs a processor with baseline, this one has ${simd}`, () => {});
