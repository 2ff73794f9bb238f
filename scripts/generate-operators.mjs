// @ts-check
// Rewrites lib/tensor/generated from the operators of the LibTorch in use: npm run generate
import { writeFileSync } from 'node:fs';
import { libtorch, native } from '../lib/native/load.mjs';
import { generateOperators } from './operators/generate.mjs';

/** @typedef {import('../lib/binding.ts').NativeBinding} Binding */

const texts = generateOperators(/** @type {Binding} */ (native), libtorch.version.replace(/\+.*/, ''));
for (const [name, text] of Object.entries(texts)) {
  const path = new URL(`../lib/tensor/generated/${name}.ts`, import.meta.url);
  writeFileSync(path, text);
  console.log(`lib/tensor/generated/${name}.ts: ${text.split('\n').length} lines`);
}
