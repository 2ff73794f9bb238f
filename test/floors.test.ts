/** The floors of lib/: a file imports from its own folder or from floors below, never upward or sideways. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const lib = fileURLToPath(new URL('../lib', import.meta.url));

/** From the ground up; folders on one floor do not know each other. */
const floors = [
  ['native', 'native.ts', 'binding.ts'],
  ['tensor'],
  ['nn'],
  ['models', 'losses', 'data', 'optim', 'plot'],
  ['train'],
  ['experiments'],
  ['index.ts', 'cli'],
];

const floorOf = (place: string): number => floors.findIndex((folders) => folders.includes(place));
const placeOf = (path: string): string => relative(lib, path).split('/')[0]!;
const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|mjs)$/.test(name))
  .map((name) => join(lib, name));

describe('lib/', () => {
  it('has no folder that is on no floor', () => {
    expect(sources.map(placeOf).filter((place) => floorOf(place) < 0)).toEqual([]);
  });

  it('imports downward only', () => {
    const wrong = sources.flatMap((path) => {
      const imports = [...readFileSync(path, 'utf8').matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)];
      return imports
        .map((found) => placeOf(join(dirname(path), found[1]!)))
        .filter(
          (target) =>
            target !== placeOf(path) && floorOf(target) >= floorOf(placeOf(path)) && floorOf(target) > 0,
        )
        .map((target) => `${relative(lib, path)} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });
});
