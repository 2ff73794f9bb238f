import type { AnyDataset } from '../data/index.ts';
import { GaussianLoss } from '../losses/index.ts';
import {
  type CurvesPanel,
  curvesPlot,
  type FeaturePanel,
  featurePlot,
  sigmaPlot,
  svgToPng,
} from '../plot/index.ts';
import { noGrad, scope } from '../tensor/index.ts';
import type { TrainConfig } from './config.ts';
import { type Classifier, type Evaluation, evaluate } from './evaluate.ts';
import type { EpochMetrics } from './fit.ts';
import type { RunFolder } from './run-folder.ts';

async function write(folder: RunFolder, name: string, svg: string): Promise<void> {
  await folder.write(`${name}.svg`, svg);
  await folder.write(`${name}.png`, svgToPng(svg));
}

/**
 * Loss, accuracy and, where the loss has them, its classes' σ over the epochs.
 * @param selectOn whose accuracy the metrics' `validationAccuracy` is
 */
export async function drawCurves(
  folder: RunFolder,
  metrics: readonly EpochMetrics[],
  title: string,
  selectOn: TrainConfig['selectOn'],
): Promise<void> {
  const curve = (name: string, key: string) => ({ name, values: metrics.map((line) => line[key] ?? null) });
  const panels: CurvesPanel[] = [
    { title: 'loss', curves: [curve('train', 'loss')], log: true },
    {
      title: 'accuracy',
      curves: [curve('train', 'accuracy'), curve(selectOn, 'validationAccuracy')],
      percent: true,
    },
  ];
  if (metrics.some((line) => line.sigmaMean !== undefined)) {
    const sigmas = [curve('mean', 'sigmaMean'), curve('least', 'sigmaMin'), curve('greatest', 'sigmaMax')];
    panels.push({ title: 'σ of the classes', curves: sigmas });
  }
  await write(folder, 'curves', await curvesPlot({ panels, title }));
}

/** σ of each class of the ICU loss against its number of training images, unless a class has none. */
export async function drawSigmas(
  folder: RunFolder,
  { icu }: Pick<Evaluation, 'icu'>,
  title: string,
): Promise<void> {
  if (!icu?.sizes?.every(({ size }) => size > 0)) return;
  const series = [{ name: 'σ', sizes: icu.sizes, correlation: icu.sizeCorrelation }];
  await write(folder, 'sigmas', await sigmaPlot({ series, title }));
}

type EvaluationWithFeatures = Evaluation & { features: Float32Array };

/** The 2-D features of train and test with the classes' means and σ contours, as the paper's Fig. 2. */
export async function drawFeatures(
  folder: RunFolder,
  classifier: Classifier,
  parts: { train: AnyDataset; test: EvaluationWithFeatures },
  title: string,
  options: { device?: string; signal?: AbortSignal } = {},
): Promise<void> {
  const train = await evaluate(classifier, parts.train, { ...options, features: true });
  const classes = Array.from({ length: parts.train.numClasses }, (_, k) => String(k));
  const panels = featurePanels(classifier, { train, test: parts.test });
  await write(folder, 'features', await featurePlot({ panels, classes, title }));
}

/** A panel for the images that were trained on and one for the test images, with what the loss has learned of its classes. */
export function featurePanels(
  { loss }: Pick<Classifier, 'loss'>,
  parts: Readonly<Record<'train' | 'test', EvaluationWithFeatures>>,
): FeaturePanel[] {
  const gaussians = loss instanceof GaussianLoss ? gaussiansOf(loss) : {};
  return (['train', 'test'] as const).map((title) => {
    const { features, labels, accuracy } = parts[title];
    return { title, features, labels, accuracy, ...gaussians };
  });
}

/** What a loss has learned of its classes, for a plot: μ (K, 2) and σ, (K) or (K, 2). */
export const gaussiansOf = (loss: GaussianLoss): { means: Float64Array; sigmas: Float64Array } =>
  noGrad(() =>
    scope(() => ({
      means: loss.means.to({ device: 'cpu', dtype: 'float64' }).toTypedArray() as Float64Array,
      sigmas: loss.variances().sqrt().to({ device: 'cpu' }).toTypedArray() as Float64Array,
    })),
  );
