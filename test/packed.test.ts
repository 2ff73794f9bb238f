/** What goes into the package that npm publishes. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../lib/native/locate.mjs';

const root = packageRoot();

/** The relative addresses that a page of Markdown links to or shows, without what is in code. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, address]) => address!.replace(/#.*/, ''))
    .filter((address) => address !== '' && !/^[a-z]+:/.test(address));
}

it('holds every page and picture that its pages link to', () => {
  const args = ['pack', '--dry-run', '--ignore-scripts', '--json'];
  const [{ files }] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }));
  const packed: string[] = files.map(({ path }: { path: string }) => path);
  const isPacked = (path: string) =>
    packed.includes(path) || packed.some((name) => name.startsWith(`${path.replace(/\/$/, '')}/`));
  const pages = packed.filter((path) => path.endsWith('.md'));
  expect(pages).toContain('docs/results/README.md');
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter((link) => !isPacked(normalize(join(dirname(page), link))))
      .map((link) => `${page} links to ${link}`),
  );
  expect(broken).toEqual([]);
});
