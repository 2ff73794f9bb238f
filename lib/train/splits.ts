import {
  DataMissingError,
  type Dataset,
  firstOf,
  loadDrawnDigits,
  loadDrawnTest,
  loadMnist,
  loadMnistTest,
  type Splits,
} from '../data/index.ts';
import type { DataName, TrainConfig } from './config.ts';

/**
 * The data set of this name, its training part cut to `limitTrain` images.
 * @throws DataMissingError if MNIST is not there
 */
export async function loadSplits(
  { data, limitTrain }: Pick<TrainConfig, 'data' | 'limitTrain'>,
  dataDir?: string,
): Promise<Splits> {
  const splits = data === 'mnist' ? await loadMnist({ dataDir }) : loadDrawnDigits();
  return limitTrain === null ? splits : { ...splits, train: firstOf(splits.train, limitTrain) };
}

/**
 * The test images alone.
 * @throws DataMissingError if MNIST is not there
 */
export const loadTest = async (data: DataName, dataDir?: string): Promise<Dataset> =>
  data === 'mnist' ? loadMnistTest({ dataDir }) : loadDrawnTest();

/**
 * MNIST where it is there or can be downloaded, else the digits that this package draws.
 * @param tell is told when MNIST could not be had, and why
 */
export async function findSplits(
  limitTrain: number | null,
  dataDir: string | undefined,
  tell: (message: string) => void,
): Promise<{ data: DataName; splits: Splits }> {
  try {
    return { data: 'mnist', splits: await loadSplits({ data: 'mnist', limitTrain }, dataDir) };
  } catch (error) {
    if (!(error instanceof DataMissingError)) throw error;
    tell(
      `MNIST is not here: ${error.message}\n` +
        'Training on drawn digits instead, which this package makes itself. Their accuracies are no MNIST accuracies.\n' +
        'For MNIST, put its four idx.gz files into <data-dir>/mnist and name that folder with --data-dir.',
    );
    return { data: 'drawn-digits', splits: await loadSplits({ data: 'drawn-digits', limitTrain }) };
  }
}
