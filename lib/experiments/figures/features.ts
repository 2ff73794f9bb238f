import { basename } from 'node:path';
import { type FeatureColumn, featureGrid } from '../../plot/index.ts';
import { evaluate, evaluateRun, type RunEvaluation } from '../../train/index.ts';
import { featurePanels } from '../../train/pictures.ts';
import { loadSplits } from '../../train/splits.ts';
import { checkRuns, type Figure, type FigureEvents, type LabelledRun } from './figure.ts';

export interface FeatureFigureOptions extends FigureEvents {
  /** Default: `INTRACLASS_DATA`, else `data`. */
  dataDir?: string;
  /** Default: each run's. */
  device?: string;
  /** CPU threads. Default: each run's. */
  threads?: number | null;
  /** Default: none. */
  title?: string;
  /** The most points of a class in a panel. Default: so many that the picture stays below 2 MB, at most 120. */
  pointsPerClass?: number;
}

/**
 * Fig. 2: what runs of a two-dimensional network have made of the images they trained on and of the test images, side by
 * side, each run in its own column and scale.
 *
 * @param runs finished runs, on the same data set
 * @throws TypeError for runs that do not fit; Error if a folder is no run's; the signal's reason once it is aborted
 */
export async function featureFigure(
  runs: readonly LabelledRun[],
  options: FeatureFigureOptions = {},
): Promise<Figure[]> {
  checkRuns('featureFigure', runs);
  const { dataDir, device, threads, title: above, pointsPerClass, signal, onMessage } = options;
  const columns: FeatureColumn[] = [];
  const data: object[] = [];
  let first: RunEvaluation | undefined;
  for (const { title, run } of runs) {
    onMessage?.(`${title}: the features of ${run}`);
    const evaluated = await evaluateRun(run, { dataDir, device, threads, features: true, signal });
    const { config, classifier, test, epoch, result } = evaluated;
    if (result === null) {
      throw new Error(`featureFigure: ${run}: expected a finished run, got one without a result`);
    }
    const { featureDim } = classifier.model;
    if (featureDim !== 2) {
      throw new TypeError(
        `featureFigure: ${run}: expected a network with two features, got ${config.model} with ${featureDim}`,
      );
    }
    first ??= evaluated;
    if (config.data !== first.config.data) {
      throw new TypeError(
        `featureFigure: ${run}: expected a run on ${first.config.data} like ${first.run}, got one on ${config.data}`,
      );
    }
    const { train: images } = await loadSplits(config, dataDir);
    const train = await evaluate(classifier, images, { device: config.device, features: true, signal });
    const panels = featurePanels(classifier, { train, test: { ...test, features: test.features! } });
    columns.push({ title, panels });
    const { loss, lossOptions, seed, epochs, selectOn } = config;
    const parts = { trainAccuracy: train.accuracy, testAccuracy: test.accuracy };
    const { means, sigmas } = panels[0]!;
    const learned = means && sigmas && { means: Array.from(means), sigmas: Array.from(sigmas) };
    data.push({
      title,
      run: basename(run),
      loss,
      lossOptions,
      seed,
      epochs,
      selectOn,
      epoch,
      ...parts,
      ...learned,
    });
  }
  const classes = Array.from({ length: first!.test.confusion.length }, (_, k) => String(k));
  const svg = await featureGrid({ columns, classes, title: above, pointsPerClass });
  return [{ name: 'fig2', svg, data: { data: first!.config.data, runs: data } }];
}
