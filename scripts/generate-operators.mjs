// Rewrites lib/tensor/generated from the operators of the LibTorch in use: npm run generate
import { writeFileSync } from 'node:fs';
import { libtorch, native } from '../dist/native.js';
import { generateOperators } from './operators/generate.mjs';

const texts = generateOperators(native, libtorch.version.replace(/\+.*/, ''));
for (const [name, text] of Object.entries(texts)) {
  const path = new URL(`../lib/tensor/generated/${name}.ts`, import.meta.url);
  writeFileSync(path, text);
  console.log(`lib/tensor/generated/${name}.ts: ${text.split('\n').length} lines`);
}
