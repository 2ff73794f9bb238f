import { expect, it } from 'vitest';
import { native } from '../../lib/native.ts';
import { camelCase } from '../../lib/tensor/camel-case.mjs';
// Not index.ts, which makes methods of the operators.
import { Tensor } from '../../lib/tensor/tensor.ts';
import { hiddenOperators } from '../../scripts/operators/generate.mjs';

it('no member of Tensor hides an operator but the few that are meant to', () => {
  const operators = Object.keys(native.operatorNames())
    .filter((name) => name.startsWith('aten::'))
    .map((name) => camelCase(name.slice('aten::'.length)));
  const instance = new Tensor(native.fromTypedArray(new Float32Array(1), 'float32', [1]));
  expect('relu' in instance).toBe(false);
  expect(operators.filter((name) => name in instance).sort()).toEqual([...hiddenOperators].sort());
});
