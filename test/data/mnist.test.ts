import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download, md5 } from '../../lib/data/download.ts';
import { DataFileError, DataMissingError, dataDirectory, loadMnist, sizeOf } from '../../lib/data/index.ts';
import { useTemporaryFolder } from '../support/folder.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const here = existsSync(join(dataDirectory(), 'mnist', 'train-images-idx3-ubyte.gz'));

describe('loadMnist', () => {
  it.skipIf(!here)('reads the official files and holds 5,000 images out', async () => {
    const { train, validation, test } = await loadMnist({ download: false });
    expect([train, validation, test].map(sizeOf)).toEqual([55000, 5000, 10000]);
    const counts = (labels: BigInt64Array) =>
      Array.from({ length: 10 }, (_, k) => labels.filter((label) => label === BigInt(k)).length);
    // The published counts of the classes; the held-out part has a twelfth of each.
    const all = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    const [kept, held] = [train, validation].map(({ labels }) =>
      counts(labels.toTypedArray() as BigInt64Array),
    );
    expect(kept!.map((count, k) => count + held![k]!)).toEqual(all);
    held!.forEach((count, k) => {
      expect(Math.abs(count - all[k]! / 12)).toBeLessThan(1);
    });
    const pixels = train.images.to({ dtype: 'float32' }).div(255);
    expect(pixels.mean().item()).toBeCloseTo(train.mean, 3);
    expect(pixels.std().item()).toBeCloseTo(train.std, 3);
  });

  it('says which file is missing', async () => {
    const loading = loadMnist({ dataDir: folder, download: false });
    await expect(loading).rejects.toThrow(DataMissingError);
    await expect(loading).rejects.toThrow(
      `${join(folder, 'mnist', 'train-images-idx3-ubyte.gz')} is missing`,
    );
  });

  it('says which file is damaged, and does not go on without it', async () => {
    mkdirSync(join(folder, 'mnist'));
    writeFileSync(join(folder, 'mnist', 'train-images-idx3-ubyte.gz'), 'nonsense');
    const loading = loadMnist({ dataDir: folder, download: false });
    await expect(loading).rejects.toThrow(DataFileError);
    await expect(loading).rejects.toThrow(
      /train-images-idx3-ubyte\.gz: expected the official file .* got 8 bytes/,
    );
  });
});

describe('download', () => {
  const content = Buffer.from('the file');
  let server: Server;
  let base: string;
  beforeEach(async () => {
    server = createServer((request, response) => {
      if (request.url === '/missing') response.writeHead(404);
      response.end(request.url === '/other' ? 'something else' : content);
    });
    await new Promise<void>((listening) => {
      server.listen(0, '127.0.0.1', listening);
    });
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.close();
  });

  it('takes the first mirror whose file has the right checksum', async () => {
    const path = join(folder, 'deep', 'file');
    await download([`${base}/missing`, `${base}/other`, `${base}/file`], path, md5(content));
    expect(readdirSync(join(folder, 'deep'))).toEqual(['file']);
  });

  it('leaves nothing behind and says what every mirror answered', async () => {
    const path = join(folder, 'file');
    const loading = download(
      [`${base}/missing`, `${base}/other`, 'http://127.0.0.1:1/x'],
      path,
      md5(content),
    );
    await expect(loading).rejects.toThrow(/missing: HTTP 404\n.*other: MD5 expected .*\n.*:1\/x: /);
    expect(readdirSync(folder)).toEqual([]);
  });
});
