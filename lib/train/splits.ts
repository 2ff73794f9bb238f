import {
  type AnyDataset,
  DataMissingError,
  type DataName,
  firstOf,
  loadNamed,
  loadNamedTest,
  type NamedOptions,
  type Splits,
  splitOff,
} from '../data/index.ts';
import type { TrainConfig } from './config.ts';

/** The settings that decide which images there are. */
export type DataConfig = Pick<TrainConfig, 'data' | 'limitTrain'> &
  Partial<Pick<TrainConfig, 'dataSeed' | 'skipCorrupt' | 'workers' | 'selectOn'>>;

const optionsOf = (
  { dataSeed: seed, skipCorrupt, workers, selectOn }: Omit<DataConfig, 'data' | 'limitTrain'>,
  dataDir?: string,
): NamedOptions => ({ dataDir, seed, skipCorrupt, workers, holdOut: selectOn !== 'test' });

/**
 * The data set of this name, its training part cut to `limitTrain` images. Where the test set chooses the epoch, nothing
 * is held out, and `validation` is `test`.
 * @throws DataMissingError if it is not there
 */
export async function loadSplits(config: DataConfig, dataDir?: string): Promise<Splits<AnyDataset>> {
  const splits = await loadNamed(config.data, optionsOf(config, dataDir));
  return config.limitTrain === null ? splits : { ...splits, train: cut(splits.train, config.limitTrain) };
}

/** The first images; of a folder, where they lie class by class, each class's share. */
const cut = (train: AnyDataset, count: number): AnyDataset =>
  'images' in train || count >= train.files.length ? firstOf(train, count) : splitOff(train, count, 0)[1];

/**
 * The test images alone.
 * @throws DataMissingError if they are not there
 */
export const loadTest = (
  data: DataName,
  dataDir?: string,
  config: Omit<DataConfig, 'data' | 'limitTrain'> = {},
): Promise<AnyDataset> => loadNamedTest(data, optionsOf(config, dataDir));

/**
 * MNIST where it is there or can be downloaded, else the digits that this package draws.
 * @param tell is told when MNIST could not be had, and why
 */
export async function findSplits(
  config: Omit<DataConfig, 'data'>,
  dataDir: string | undefined,
  tell: (message: string) => void,
): Promise<{ data: DataName; splits: Splits<AnyDataset> }> {
  try {
    return { data: 'mnist', splits: await loadSplits({ ...config, data: 'mnist' }, dataDir) };
  } catch (error) {
    if (!(error instanceof DataMissingError)) throw error;
    tell(
      `MNIST is not here: ${error.message}\n` +
        'Training on drawn digits instead, which this package makes itself. Their accuracies are no MNIST accuracies.\n' +
        'For MNIST, put its four idx.gz files into <data-dir>/mnist and name that folder with --data-dir.',
    );
    return { data: 'drawn-digits', splits: await loadSplits({ ...config, data: 'drawn-digits' }) };
  }
}
