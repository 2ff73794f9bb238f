import { expect, it } from 'vitest';
import { crc32, crc32ByTable } from '../../scripts/setup/crc32.mjs';

it.each([crc32, crc32ByTable])('crc32 is that of the standard, in one piece or in several', (sum) => {
  const data = Buffer.from('123456789');
  expect(sum(data)).toBe(0xcbf43926);
  expect(sum(data.subarray(4), sum(data.subarray(0, 4)))).toBe(0xcbf43926);
  expect(sum(Buffer.alloc(0))).toBe(0);
});
