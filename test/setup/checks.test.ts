import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cppSources } from '../../scripts/setup/checks.mjs';
import { root } from '../../scripts/setup/steps.mjs';
import config from '../../vitest.config.ts';

it('the layout of every C++ source is checked', () => {
  const sources = cppSources();
  for (const name of ['native/bridge/handles.h', 'test/native/cuda/run.cpp', 'scripts/bench/loss/peak.cpp']) {
    expect(sources).toContain(name);
  }
});

it('a test that runs alone fails, and does not hide the others', () => {
  expect(config.test?.allowOnly).toBe(false);
});

it('every script is checked, with a comment that asks for it or without', () => {
  const { checkJs } = JSON.parse(readFileSync(join(root, 'tsconfig.check.json'), 'utf8')).compilerOptions;
  expect(checkJs).toBe(true);
});
