import { describe, it } from 'vitest';

// Read when the library is loaded: before anything is imported.
process.env.ICU_SIMD = 'avx512';
const { operator } = await import('../../lib/tensor/index.ts');
const { numericsSuite } = await import('./numerics.ts');

const simd = operator('icu::simd')();
describe.skipIf(simd !== 'AVX-512')('AVX-512', () => numericsSuite('AVX-512'));
if (simd !== 'AVX-512') it.skip(`needs a processor with AVX-512, this one has ${simd}`, () => {});
