import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { writeNew, writeWhole } from '../data/files.ts';
import { type DataName, isFolderName, type LabelledImages } from '../data/index.ts';
import { describeValue } from '../tensor/index.ts';
import { resolveConfig, type TrainConfig } from './config.ts';
import type { Evaluation } from './evaluate.ts';
import type { EpochMetrics } from './fit.ts';
import type { Calibration } from './metrics.ts';
import { shellWord } from './shell-word.ts';

/** What a finished run came to; `result.json`. */
export interface RunResult {
  run: string;
  config: TrainConfig;
  /** Numbers of trained values */
  parameters: { network: number; loss: number };
  /** The epoch with the highest validation accuracy, whose weights are in model.safetensors */
  epoch: number;
  validationAccuracy: number;
  /** Of that epoch. The test set had no part in choosing it, unless the configuration's `selectOn` is 'test'. */
  testAccuracy: number;
  /** Of the last epoch, to compare */
  lastTestAccuracy: number;
  /** Of that epoch, by class; null where the test set has no images of a class */
  testAccuracyByClass: (number | null)[];
  /** More about that epoch on the test set, see `Evaluation` */
  test: Pick<Evaluation, 'top5' | 'shots' | 'featureNorm' | 'icu'> & Pick<Calibration, 'ece' | 'mce'>;
  /** The name of the processor of the machine that finished it; runs of older versions have none */
  machine?: string;
  /** Of training and validation */
  seconds: number;
  /** How many files could not be decoded and were left out, in all parts of the data set */
  skipped: number;
}

/** What a run was trained on, as far as its network needs it without the images; `data.json`. */
export interface RunData {
  /** The data set's: 'mnist' */
  name: string;
  /** K */
  numClasses: number;
  /** (K) names; null where the data set has none */
  classes: readonly string[] | null;
  /** Of a pixel from 0 to 1, of each channel or of all: the network takes (pixel / 255 − mean) / std */
  mean: number | readonly number[];
  std: number | readonly number[];
}

/** Where a run computes: it may be elsewhere than where it was begun. */
export interface RunPlace {
  /** 'cpu' or 'cuda:0'. Default: the run's. */
  device?: string;
  /** CPU threads of an operator. Default: the run's. */
  threads?: number | null;
  /** `folder:<path>`: where the image folder of the run is now. Default: where it was. */
  data?: DataName;
}

/** A run's folder and the files in it, each written by one function. */
export class RunFolder {
  readonly path: string;

  /** @throws TypeError if the path is no string, or empty */
  constructor(path: string) {
    if (typeof path !== 'string' || path === '') {
      throw new TypeError(`run: path: expected a run's folder, got ${describeValue(path)}`);
    }
    this.path = path;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The weights of the chosen epoch. */
  get weights(): string {
    return this.file('model.safetensors');
  }

  /** Those of an epoch better than all before it, until `last` says so too: see `takeNextWeights`. */
  get nextWeights(): string {
    return this.file('model.next.safetensors');
  }

  /** All that is needed to go on. */
  get last(): string {
    return this.file('last.safetensors');
  }

  /** Which process is at work on the run, see `takeLock`. */
  get lock(): string {
    return this.file('lock');
  }

  get exists(): boolean {
    return existsSync(this.file('config.json'));
  }

  /** @returns false where another run has this folder: of several that want it at the same time one gets it */
  async create(config: TrainConfig): Promise<boolean> {
    await mkdir(this.path, { recursive: true });
    return writeNew(this.file('config.json'), jsonOf(config));
  }

  /**
   * @param where on which it computes otherwise than the run did, where given
   * @throws Error if it is no run's folder; TypeError if its configuration is not valid, or `data` and the run's data set
   *   are not both image folders
   */
  async readConfig(where: RunPlace = {}): Promise<TrainConfig> {
    const stored = resolveConfig((await this.readJson('config.json')) as Partial<TrainConfig>);
    const { data = stored.data } = where;
    if (data !== stored.data && !(isFolderName(stored.data) && isFolderName(data))) {
      throw new TypeError(
        `${this.path}: data: expected the run's, ${stored.data}, or where an image folder is now, got ${describeValue(data)}`,
      );
    }
    return resolveConfig({
      ...stored,
      data,
      device: where.device ?? stored.device,
      threads: where.threads ?? stored.threads,
    });
  }

  /** @throws Error if it is missing, as in runs of older versions, or no JSON */
  async readData(): Promise<RunData> {
    if (!existsSync(this.file('data.json'))) {
      throw new Error(
        `${this.path} has no data.json, which says what classes and pixels it was trained on: a run of an older ` +
          `version. \`npx intraclass train --resume ${shellWord(this.path)}\` writes it, from the data set`,
      );
    }
    return (await this.readJson('data.json')) as RunData;
  }

  /**
   * Throws unless the data are like those that the run was trained on: classes by other names, or in another order, would
   * be taken for its own. A run of an older version has nothing to compare with.
   */
  async checkData({ numClasses, classes, mean, std }: LabelledImages): Promise<void> {
    if (!existsSync(this.file('data.json'))) return;
    const known = await this.readData();
    for (const [name, value] of Object.entries({ numClasses, classes: classes ?? null, mean, std })) {
      const [was, is] = [known[name as keyof RunData], value].map((one) => JSON.stringify(one));
      if (was !== is) {
        throw new Error(`${this.path}: ${name}: the run was trained with ${was}, the data have ${is}`);
      }
    }
  }

  async writeData({ name, numClasses, classes, mean, std }: LabelledImages): Promise<void> {
    const data: RunData = { name, numClasses, classes: classes ?? null, mean, std };
    await this.writeJson('data.json', data);
  }

  async readResult(): Promise<RunResult | null> {
    return existsSync(this.file('result.json')) ? ((await this.readJson('result.json')) as RunResult) : null;
  }

  /** The metrics of epochs 1, 2, …; none where training has not come so far. */
  async readMetrics(): Promise<EpochMetrics[]> {
    const path = this.file('metrics.jsonl');
    if (!existsSync(path)) return [];
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
    return lines.map((line, i) => {
      try {
        return JSON.parse(line) as EpochMetrics;
      } catch (error) {
        throw new Error(`${path}: line ${i + 1} is no JSON: ${(error as Error).message}`);
      }
    });
  }

  /**
   * `nextWeights` become `weights`. Only once `last` knows of that epoch: a run that was cut off in between goes on without
   * it, and may not find it better than all others again.
   */
  async takeNextWeights(): Promise<void> {
    await rename(this.nextWeights, this.weights);
  }

  async writeMetrics(metrics: readonly EpochMetrics[]): Promise<void> {
    await this.write('metrics.jsonl', metrics.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await this.write(name, jsonOf(value));
  }

  /** @throws Error if it is missing, or no JSON */
  async readJson(name: string): Promise<unknown> {
    const path = this.file(name);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      throw new Error(`${this.path} is no run's folder: ${(error as Error).message}`);
    }
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`${path} is no JSON: ${(error as Error).message}`);
    }
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await writeWhole(this.file(name), content);
  }
}

const jsonOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** `mnist-2d-icu-seed0`, then `mnist-2d-icu-seed0-2`, …: the first name in `runsDir` that is free. */
export function freeRunName(runsDir: string, { model, loss, seed }: TrainConfig): string {
  const name = `${model}-${loss}-seed${seed}`;
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? name : `${name}-${i}`;
    if (!existsSync(join(runsDir, candidate))) return candidate;
  }
}
