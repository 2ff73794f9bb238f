import { expect, it } from 'vitest';
import { camelCase } from '../../lib/tensor/camel-case.mjs';

it.each([
  ['log_softmax', 'logSoftmax'],
  ['add_', 'add_'],
  ['linalg__powsum', 'linalgPowsum'],
  ['_foreach_add_', '_foreachAdd_'],
  ['special_i0e', 'specialI0e'],
  ['numpy_T', 'numpy_T'],
])('writes %s as %s', (name, expected) => {
  expect(camelCase(name)).toBe(expected);
});
