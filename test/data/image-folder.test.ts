import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  classCountsOf,
  createLoader,
  DataFileError,
  DataMissingError,
  type ImageFolder,
  ImageFolderLoader,
  type ImageFolderLoaderOptions,
  loadImageFolder,
  loadImageFolderTest,
  sizeOf,
  splitOff,
} from '../../lib/data/index.ts';
import { memory, type Tensor } from '../../lib/tensor/index.ts';
import { runModule } from '../support/child.ts';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeImage, put } from '../support/images.ts';
import { hasTorch, runPython } from '../support/python.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

const size = 32;
const hasPillow =
  hasTorch &&
  runPython<boolean>("import importlib.util; result = importlib.util.find_spec('PIL') is not None");

/** 8 images of cats and 4 of dogs to train, 2 and 2 to test, of different sizes and formats. */
beforeEach(async () => {
  let number = 0;
  for (const [name, count] of Object.entries({
    'train/cat': 8,
    'train/dog': 4,
    'val/cat': 2,
    'val/dog': 2,
  })) {
    for (let i = 0; i < count; i++) {
      number++;
      const format = number % 3 === 0 ? 'png' : 'jpeg';
      const image = await makeImage(number, 40 + 7 * number, 90 - 3 * number, format);
      put(folder, `${name}/${i}.${format === 'png' ? 'png' : 'JPEG'}`, image);
    }
  }
  put(folder, 'train/cat/notes.txt', 'no image');
});

const load = (more = {}) => loadImageFolder(folder, { size, ...more });
const values = ({ images }: { images: Tensor }) => [...(images.contiguous().toTypedArray() as Float32Array)];
const labelsOf = ({ labels }: { labels: Tensor }) =>
  Array.from(labels.toTypedArray() as BigInt64Array, Number);

async function run(dataset: ImageFolder, options: ImageFolderLoaderOptions, number = 1, from = 0) {
  const loader = new ImageFolderLoader(dataset, options);
  const epoch = loader.epoch(number);
  const batches = [];
  for (let i = from; i < loader.length; i++) batches.push(await epoch.batch(i));
  epoch.dispose();
  return batches;
}

describe('loadImageFolder', () => {
  it('takes images in folders below, and one mean and deviation for all channels', async () => {
    put(folder, 'train/dog/young/9.png', await makeImage(40, 50, 50, 'png'));
    put(folder, 'train/dog/.hidden/9.png', 'no image');
    const { test } = await load();
    const { train } = await load({ holdOut: false });
    expect(classCountsOf(train)).toEqual([8, 5]);
    expect(train.files.at(-1)).toBe(join(folder, 'train/dog/young/9.png'));
    const [one, three] = [
      { ...test, mean: 0.25, std: 0.5 },
      { ...test, mean: [0.25, 0.25, 0.25], std: [0.5, 0.5, 0.5] },
    ];
    const pixels = async (dataset: ImageFolder) => {
      const [first] = await run(dataset, { batchSize: 4 });
      return values(first!);
    };
    expect(await pixels(one!)).toEqual(await pixels(three!));
  });

  it('finds images and classes, and holds some out of those to train', async () => {
    const { train, validation, test } = await load();
    expect([train, validation, test].map(sizeOf)).toEqual([11, 1, 4]);
    expect(train.classes).toEqual(['cat', 'dog']);
    expect(train.files.some((file) => file.endsWith('notes.txt'))).toBe(false);
    // Neither a hidden folder nor a link that leads nowhere is a class.
    mkdirSync(join(folder, 'train', '.thumbs'));
    symlinkSync(join(folder, 'nothing'), join(folder, 'train', 'lost'));
    expect((await load()).train.classes).toEqual(['cat', 'dog']);
    expect(new Set([...train.files, ...validation.files]).size).toBe(12);
    for (const part of [train, validation, test]) {
      expect(labelsOf(part)).toEqual(part.files.map((file) => (file.includes('/cat/') ? 0 : 1)));
    }
    expect(labelsOf(await loadImageFolderTest(folder))).toEqual([0, 0, 1, 1]);
  });

  it('is split as images in memory are', async () => {
    const { train } = await load();
    const [rest, held] = splitOff(train, 3, 1);
    expect(rest.files.length + held.files.length).toBe(11);
    expect(classCountsOf(held)).toEqual([2, 1]);
  });

  it.each<[string, () => void, RegExp, new (...args: never[]) => Error]>([
    [
      'no val',
      () => rmSync(join(folder, 'val'), { recursive: true }),
      /val: expected a folder/,
      DataMissingError,
    ],
    [
      'no classes',
      () => {
        rmSync(join(folder, 'train'), { recursive: true });
        mkdirSync(join(folder, 'train'));
      },
      /train: expected a folder for each class, got none/,
      DataFileError,
    ],
    [
      'an empty class',
      () => mkdirSync(join(folder, 'train/emu')),
      /emu: there are no images in it/,
      DataFileError,
    ],
    [
      'a class that is not trained',
      () => put(folder, 'val/emu/1.jpg', 'x'),
      /val\/emu: expected a class of the training images, got string "emu"/,
      DataFileError,
    ],
  ])('says what is wrong where there is %s', async (_, change, message, kind) => {
    change();
    await expect(load()).rejects.toThrow(message);
    await expect(load()).rejects.toThrow(kind);
  });
});

describe('ImageFolderLoader', () => {
  it('gives normalised float32 images with their labels, the last batch smaller', async () => {
    const { train } = await load();
    const batches = await run(train, { batchSize: 4 });
    expect(batches.map(({ images }) => images.shape)).toEqual([
      [4, 3, size, size],
      [4, 3, size, size],
      [3, 3, size, size],
    ]);
    expect(batches[0]!.images.dtype).toBe('float32');
    expect(batches.flatMap(labelsOf)).toEqual(labelsOf(train));
    // As convolutions like it.
    expect(batches[0]!.images.strides).toEqual([3 * size * size, 1, 3 * size, 3]);
  });

  // Smaller than the images, and larger.
  it.skipIf(!hasPillow).each([32, 96])(
    'decodes, resizes and crops to %i pixels as Pillow does',
    async (size) => {
      const { test } = await load({ size });
      const [batch] = await run(test, { batchSize: 4 });
      const expected = runPython<number[]>(
        `
import numpy as np
from PIL import Image
result = []
for file in given["files"]:
    image = Image.open(file).convert("RGB")
    w, h = image.size
    shorter, size = given["shorter"], given["size"]
    w, h = (shorter, int(shorter * h / w)) if w <= h else (int(shorter * w / h), shorter)
    left, top = round((w - size) / 2), round((h - size) / 2)
    image = image.resize((w, h), Image.BILINEAR).crop((left, top, left + size, top + size))
    pixels = np.asarray(image).astype(float) / 255
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    result.extend(pixels.transpose(2, 0, 1).ravel().tolist())`,
        { files: test.files, shorter: Math.round(size / 0.875), size },
      );
      const ours = values(batch!);
      expect(ours).toHaveLength(expected.length);
      const differences = ours.map((value, i) => Math.abs(value - expected[i]!));
      // In units of a pixel's 256 levels, (1 / 255) / std: rounding, in a few of them.
      const level = 1 / (255 * 0.224);
      expect(Math.max(...differences)).toBeLessThan(1.05 * level);
      expect(differences.filter((difference) => difference > 0.5 * level).length).toBeLessThan(
        0.01 * ours.length,
      );
    },
  );

  it('gives the same batches with any number of threads, and wherever it begins', async () => {
    const { train } = await load();
    const options = { batchSize: 3, seed: 7, augment: 'resized-crop-flip' } as const;
    const batches = await run(train, { ...options, workers: 1, prefetch: 0 }, 2);
    const alone = batches.map(values);
    expect((await run(train, { ...options, workers: 3, prefetch: 3 }, 2)).map(values)).toEqual(alone);
    expect((await run(train, { ...options, workers: 2 }, 2, 2)).map(values)).toEqual(alone.slice(2));
    expect((await run(train, { ...options, workers: 2 }, 3)).map(values)).not.toEqual(alone);
    expect((await run(train, { ...options, workers: 2, seed: 8 }, 2)).map(values)).not.toEqual(alone);
    // In another order too, and one batch twice.
    const epoch = new ImageFolderLoader(train, { ...options, workers: 2 }).epoch(2);
    for (const i of [3, 0, 0, 2]) expect(values(await epoch.batch(i))).toEqual(alone[i]);
    // And without waiting.
    const together = await Promise.all([2, 0, 1, 1, 3].map((i) => epoch.batch(i)));
    expect(together.map(values)).toEqual([2, 0, 1, 1, 3].map((i) => alone[i]));
    epoch.dispose();
    // The images of an epoch are crops of the images, each once.
    expect(batches.flatMap(labelsOf).sort()).toEqual(labelsOf(train).sort());
  });

  it('mirrors and crops at random', async () => {
    const { train } = await load();
    const [plain] = await run(train, { batchSize: 11 });
    const [varied] = await run(train, { batchSize: 11, seed: 1, augment: 'resized-crop-flip' });
    expect(varied!.images.shape).toEqual(plain!.images.shape);
    expect(values(varied!)).not.toEqual(values(plain!));
    for (const value of values(varied!)) expect(Math.abs(value)).toBeLessThan(3);
  });

  it.each([
    ['grey', (image: Sharp) => image.greyscale().jpeg()],
    ['CMYK', (image: Sharp) => image.toColourspace('cmyk').jpeg()],
    ['transparent', (image: Sharp) => image.ensureAlpha(0.5).png()],
    ['of 16 bits', (image: Sharp) => image.toColourspace('rgb16').png()],
    ['of a palette', (image: Sharp) => image.png({ palette: true })],
  ])('turns images that are %s into RGB of 8 bits', async (name, convert) => {
    const plain = sharp({
      create: { width: 50, height: 40, channels: 3, background: { r: 90, g: 90, b: 90 } },
    });
    const bytes = await convert(plain).toBuffer();
    put(folder, 'val/cat/0.JPEG', bytes);
    const { test } = await load();
    const [batch] = await run(test, { batchSize: 4 });
    const pixels = batch!.images.select(0, 0);
    for (let c = 0; c < 3; c++) {
      const expected = (90 / 255 - [0.485, 0.456, 0.406][c]!) / [0.229, 0.224, 0.225][c]!;
      const error = pixels.select(0, c).sub(expected).abs().max().item();
      // Other colour spaces come back a little different.
      expect(error).toBeLessThan(name === 'CMYK' ? 0.3 : 0.05);
    }
  });

  it('decodes no more than `prefetch` batches ahead', async () => {
    const { train } = await load();
    const epoch = new ImageFolderLoader(train, { batchSize: 2, prefetch: 1, workers: 2 }).epoch(1);
    await epoch.batch(0);
    await new Promise((done) => setTimeout(done, 200));
    // Batch 1 is decoded by now, batch 2 is not.
    for (const file of train.files.slice(2, 6)) rmSync(file);
    expect((await epoch.batch(1)).labels.shape).toEqual([2]);
    await expect(epoch.batch(2)).rejects.toThrow(DataFileError);
    epoch.dispose();
  });

  it('leaves nothing behind, also where it ends early', async () => {
    const { train } = await load();
    const loader = new ImageFolderLoader(train, { batchSize: 2, seed: 0 });
    const before = memory.tensors;
    const epoch = loader.epoch(1);
    const batch = await epoch.batch(0);
    batch.images.dispose();
    batch.labels.dispose();
    const late = epoch.batch(1);
    epoch.dispose();
    await expect(late).rejects.toThrow('DataLoader: batch 1: the epoch has been disposed of');
    expect(memory.tensors).toBe(before);
  });

  it('lets the process end, whether or not the epoch has', () => {
    const code = (end: string) => `
      const { loadImageFolder, ImageFolderLoader } = await import(TENSOR.replace('/tensor/', '/data/'));
      const { train } = await loadImageFolder(${JSON.stringify(folder)}, { size: 32 });
      const epoch = new ImageFolderLoader(train, { batchSize: 2, seed: 0 }).epoch(1);
      const { labels } = await epoch.batch(0);
      console.log(labels.shape[0]);
      ${end}`;
    for (const end of ['epoch.dispose();', '', 'process.exit(0);']) {
      const { status, stdout, stderr } = runModule(code(end), 20_000);
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '2\n', stderr: '' });
    }
  });
});

describe('without sharp', () => {
  afterEach(() => {
    vi.doUnmock('sharp');
  });

  it('a batch says what to type', async () => {
    vi.doMock('sharp', () => {
      throw new Error('Cannot find package');
    });
    const { train } = await load();
    await expect(run(train, { batchSize: 4, workers: 1 })).rejects.toThrow(/type: npm install sharp/);
  });
});

describe('files that are no images', () => {
  const damaged = async () => {
    const cut = put(folder, 'train/cat/3.JPEG', await makeImage(99, 400, 300));
    truncateSync(cut, 9000);
    const nonsense = put(folder, 'train/dog/2.JPEG', 'no image at all');
    return { cut, nonsense };
  };

  it('are named by the error, always the same first', async () => {
    const { cut } = await damaged();
    const { train, validation } = await load();
    const all = validation.files.includes(cut) ? validation : train;
    for (const workers of [1, 2, 3]) {
      const running = run(all, { batchSize: 12, workers });
      await expect(running).rejects.toThrow(DataFileError);
      await expect(running).rejects.toThrow(`${cut}: cannot be decoded: `);
    }
  });

  it('are those too whose sides differ so much that one would be larger than memory', async () => {
    put(folder, 'val/dog/tall.png', await makeImage(5, 2, 400, 'png'));
    const { test } = await load();
    await expect(run(test, { batchSize: 5, workers: 1 })).rejects.toThrow(
      /tall\.png: cannot be decoded: expected sides that differ at most 100 times, got 2×400/,
    );
  });

  it('are left out where asked, counted, and the other images are as before', async () => {
    const before = await load();
    const options = { batchSize: 12, workers: 2, augment: 'resized-crop-flip', seed: 0 } as const;
    const [whole] = await run(before.train, options);
    const { cut, nonsense } = await damaged();
    const { train, test } = await load({ skipCorrupt: true });
    const [batch] = await run(train, options);
    expect([...train.skipped!.keys()].sort()).toEqual([cut, nonsense].sort());
    expect(train.skipped!.get(nonsense)).toMatch(/unsupported image format/);
    expect(batch!.labels.shape).toEqual([9]);
    expect(batch!.images.shape).toEqual([9, 3, size, size]);
    // All parts count together.
    expect(test.skipped).toBe(train.skipped);
    const rows = ({ images }: { images: Tensor }) =>
      Array.from({ length: images.shape[0]! }, (_, i) => String(values({ images: images.select(0, i) })));
    const same = rows(batch!).filter((row) => rows(whole!).includes(row));
    expect(same).toHaveLength(9);
  });

  it('may be a whole batch', async () => {
    const { nonsense } = await damaged();
    const { train } = await load({ skipCorrupt: true });
    const only = { ...train, files: [nonsense, nonsense], labels: train.labels.narrow(0, 0, 2) };
    const [batch] = await run(only, { batchSize: 2 });
    expect(batch!.images.shape).toEqual([0, 3, size, size]);
    expect(batch!.labels.shape).toEqual([0]);
    // On which nothing could be trained.
    await expect(run(only, { batchSize: 2, seed: 0 })).rejects.toThrow(
      `0 of 2 images of a batch could be decoded, too few to train on; ${nonsense} is one that could not`,
    );
  });

  it('a file that is gone is named too', async () => {
    const { train } = await load();
    rmSync(train.files[0]!);
    await expect(run(train, { batchSize: 4 })).rejects.toThrow(
      `${train.files[0]}: cannot be decoded: ENOENT`,
    );
  });
});

describe('arguments', () => {
  it.each<[Partial<ImageFolderLoaderOptions>, string | RegExp]>([
    [{ workers: 0 }, 'DataLoader: workers: expected an integer of at least 1, got number 0'],
    [{ workers: 1000 }, /workers: expected at most \d+, .* got 1000; .* UV_THREADPOOL_SIZE=1000/],
    [{ prefetch: -1 }, 'DataLoader: prefetch: expected an integer of at least 0, got number -1'],
    [
      { augment: 'crop-flip', seed: 0 },
      'DataLoader: augment: expected none or resized-crop-flip for images in files, got string "crop-flip"',
    ],
    [{ augment: 'resized-crop-flip' }, 'DataLoader: augment: expected a seed beside it, got none'],
    [{ batchSize: 0 }, 'DataLoader: batchSize: expected an integer of at least 1, got number 0'],
  ])('%o is refused', async (options, message) => {
    const { train } = await load();
    expect(() => createLoader(train, { batchSize: 4, ...options })).toThrow(message);
  });

  it('a batch that there is not is refused', async () => {
    const { train } = await load();
    const epoch = createLoader(train, { batchSize: 4 }).epoch(1);
    await expect(epoch.batch(3)).rejects.toThrow(
      'DataLoader: batch: expected an integer from 0 to 2, got number 3',
    );
    epoch.dispose();
    await expect(loadImageFolder(folder, { size: 0 })).rejects.toThrow(
      /size: expected an integer of at least 1/,
    );
    writeFileSync(join(folder, 'file'), '');
    await expect(loadImageFolder(join(folder, 'file'))).rejects.toThrow(DataMissingError);
  });
});
