import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download, md5 } from '../../lib/data/download.ts';
import {
  DataFileError,
  DataMissingError,
  dataDirectory,
  loadFashionMnist,
  loadMnist,
  sizeOf,
} from '../../lib/data/index.ts';
import { loadIdxFiles } from '../../lib/data/mnist.ts';
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
    expect(pixels.mean().item()).toBeCloseTo(train.mean as number, 3);
    expect(pixels.std().item()).toBeCloseTo(train.std as number, 3);
  });

  it('says which file is missing', async () => {
    const loading = loadMnist({ dataDir: folder, download: false });
    await expect(loading).rejects.toThrow(DataMissingError);
    await expect(loading).rejects.toThrow(
      `${join(folder, 'mnist', 'train-images-idx3-ubyte.gz')} is missing`,
    );
  });

  it('says which file is none', async () => {
    mkdirSync(join(folder, 'mnist', 'train-images-idx3-ubyte.gz'), { recursive: true });
    await expect(loadMnist({ dataDir: folder, download: false })).rejects.toThrow(
      /mnist\/train-images-idx3-ubyte\.gz: expected a file, got: EISDIR/,
    );
    // An empty directory setting is none.
    expect(dataDirectory('')).toBe(dataDirectory());
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

describe('a data set in the same files, such as Fashion-MNIST', () => {
  /** An idx file, gzipped. */
  const idx = (shape: number[], data: Uint8Array) =>
    gzipSync(Buffer.concat([Buffer.from([0, 0, 8, shape.length]), ...shape.map(bigEndian), data]));
  const bigEndian = (size: number) => Buffer.from([0, 0, size >> 8, size & 255]);
  const images = (count: number) => idx([count, 28, 28], new Uint8Array(count * 784).fill(count));
  const labels = (count: number) =>
    idx(
      [count],
      Uint8Array.from({ length: count }, (_, i) => i % 10),
    );
  const files = {
    'train-images-idx3-ubyte.gz': images(40),
    'train-labels-idx1-ubyte.gz': labels(40),
    't10k-images-idx3-ubyte.gz': images(20),
    't10k-labels-idx1-ubyte.gz': labels(20),
  };
  const [trainImages, trainLabels, testImages, testLabels] = Object.values(files).map(md5);
  const description = {
    name: 'shoes',
    mean: 0.5,
    std: 0.25,
    mirrors: [],
    checksums: { trainImages, trainLabels, testImages, testLabels } as Record<
      'trainImages' | 'trainLabels' | 'testImages' | 'testLabels',
      string
    >,
  };

  it('is read from its own folder', async () => {
    mkdirSync(join(folder, 'shoes'));
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, 'shoes', name), bytes);
    const splits = await loadIdxFiles(description, { dataDir: folder, download: false }, 10);
    const { train, validation, test } = splits;
    expect([train, validation, test].map(sizeOf)).toEqual([30, 10, 20]);
    expect(test.images.shape).toEqual([20, 1, 28, 28]);
    expect([train.name, train.mean, train.std]).toEqual(['shoes', 0.5, 0.25]);
    expect((validation.labels.toArray() as number[]).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const whole = await loadIdxFiles(description, { dataDir: folder, download: false, holdOut: false }, 10);
    expect([whole.train, whole.test].map(sizeOf)).toEqual([40, 20]);
    expect(whole.train.labels.toArray()).toEqual(Array.from({ length: 40 }, (_, i) => i % 10));
    expect(whole.validation).toBe(whole.test);
    const other = { ...description, checksums: { ...description.checksums, testLabels: 'x' } };
    await expect(loadIdxFiles(other, { dataDir: folder, download: false }, 10)).rejects.toThrow(
      /t10k-labels-idx1-ubyte\.gz: expected the official file with MD5 x/,
    );
  });

  it('Fashion-MNIST lies in fashion-mnist', async () => {
    await expect(loadFashionMnist({ dataDir: folder, download: false })).rejects.toThrow(
      `${join(folder, 'fashion-mnist', 'train-images-idx3-ubyte.gz')} is missing`,
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
