import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeNew, writeWhole } from '../../lib/data/files.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});
const path = () => join(folder, 'file');
const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(100_000));

describe('writeWhole', () => {
  it('of several at once leaves one, whole, and nothing beside it', async () => {
    await Promise.all(texts.map((text) => writeWhole(path(), text)));
    expect(texts).toContain(readFileSync(path(), 'utf8'));
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('writeNew', () => {
  it('writes what is not there, for one of several that want to', async () => {
    const wrote = await Promise.all(texts.map((text) => writeNew(path(), text)));
    expect(wrote.filter(Boolean)).toHaveLength(1);
    expect(readFileSync(path(), 'utf8')).toBe(texts[wrote.indexOf(true)]);
    expect(await writeNew(path(), 'later')).toBe(false);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('says what stands in its way', async () => {
    await expect(writeNew(join(folder, 'nowhere', 'file'), '')).rejects.toThrow(/ENOENT/);
  });
});
