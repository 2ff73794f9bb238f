import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { libtorch, native } from '../../lib/native.ts';
import { Tensor, torch } from '../../lib/tensor/index.ts';
import { isPublic } from '../../lib/tensor/public.mjs';
import { generateOperators } from '../../scripts/operators/generate.mjs';

const version = libtorch.version.replace(/\+.*/, '');
const read = (name: string) =>
  readFileSync(new URL(`../../lib/tensor/generated/${name}.ts`, import.meta.url), 'utf8');
const checkedIn = { functions: read('functions'), methods: read('methods') };
const generatedFrom = /LibTorch ([\d.]+)/.exec(checkedIn.functions)![1]!;

describe('generated operator signatures', () => {
  it.skipIf(version !== generatedFrom)(
    `equal what LibTorch ${generatedFrom} reports (npm run generate)`,
    () => {
      expect(generateOperators(native, version)).toEqual(checkedIn);
    },
  );

  it('let each option be undefined, for those who compile with exactOptionalPropertyTypes', () => {
    const options = Object.values(checkedIn).flatMap((text) => [...text.matchAll(/{ (.*?) }/g)]);
    const optional = options.flatMap(([, members]) =>
      members!.split('; ').filter((one) => /^\w+\?:/.test(one)),
    );
    expect(optional.length).toBeGreaterThan(1000);
    expect(optional.filter((one) => !one.endsWith(' | undefined'))).toEqual([]);
  });

  it('cover the public surface', () => {
    const names = Object.keys(native.operatorNames()).filter(isPublic);
    expect(names.length).toBeGreaterThan(900);
  });

  // Another LibTorch lacks a few: 2.14 has dropped cholesky.
  it.skipIf(version !== generatedFrom)('name only functions and methods that exist', () => {
    const declared = (text: string) =>
      new Set([...text.matchAll(/^ {2}(\w+)\(/gm)].map((match) => match[1]!));
    for (const name of declared(checkedIn.functions)) {
      expect(typeof (torch as unknown as Record<string, unknown>)[name], name).toBe('function');
    }
    for (const name of declared(checkedIn.methods)) {
      expect(typeof (Tensor.prototype as unknown as Record<string, unknown>)[name], name).toBe('function');
    }
  });
});
