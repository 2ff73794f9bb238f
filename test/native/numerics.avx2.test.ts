import { describe, it } from 'vitest';

// Read when the library is loaded: before anything is imported.
process.env.ICU_SIMD = 'avx2';
const { operator } = await import('../../lib/tensor/index.ts');
const { numericsSuite } = await import('./numerics.ts');

const simd = operator('icu::simd')();
describe.skipIf(simd !== 'AVX2')('AVX2', () => numericsSuite('AVX2'));
if (simd !== 'AVX2') it.skip(`needs a processor with AVX2, this one has ${simd}`, () => {});
