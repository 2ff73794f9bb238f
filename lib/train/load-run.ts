import { Normalization } from '../data/normalize.ts';
import { checkOptions } from '../tensor/check.ts';
import { describeValue, scope, Tensor } from '../tensor/index.ts';
import { loadWeights } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import type { Classifier } from './evaluate.ts';
import { type RunData, RunFolder } from './run-folder.ts';
import { createClassifier } from './setup.ts';

/** A trained network and what else it takes to predict with it. */
export interface LoadedRun extends Classifier, Omit<RunData, 'name'> {
  run: string;
  config: TrainConfig;
  /** Whose weights these are */
  epoch: number;
  /**
   * Pixels as the network was trained on them, (x / 255 − mean) / std: (N, C, H, W) uint8 → float32, on the device of
   * the pixels.
   * @throws TypeError if they are no uint8 Tensor of this shape
   */
  normalize: (pixels: Tensor) => Tensor;
}

/**
 * The network of a run and its loss in evaluation mode, with the weights of the chosen epoch; the data set need not be
 * there. `loss.predict(model.forward(normalize(pixels)))` is the classes of images, `loss.logits(…)` their logits.
 *
 * @param path the run's folder
 * @param options.device default: the run's
 * @param options.threads default: the run's
 * @throws Error if it is no run's folder, or one of an older version, which did not write down what this needs;
 *   CheckpointError if it has no weights yet, or damaged ones
 */
export async function loadRun(
  path: string,
  options: { device?: string; threads?: number | null } = {},
): Promise<LoadedRun> {
  const folder = new RunFolder(path);
  checkOptions('loadRun', options, ['device', 'threads']);
  const config = await folder.readConfig(options);
  const { numClasses, classes, mean, std } = await folder.readData();
  const { model, loss } = createClassifier(config, numClasses);
  const { epoch } = await loadWeights(folder.weights, { model, loss });
  model.eval();
  loss.eval();
  const shape = model.inputShape;
  const normalize = (pixels: Tensor): Tensor => {
    const fits =
      pixels instanceof Tensor && pixels.dtype === 'uint8' && String(pixels.shape.slice(1)) === String(shape);
    if (!fits) {
      const got =
        pixels instanceof Tensor ? `${pixels.dtype} of [${pixels.shape.join(', ')}]` : describeValue(pixels);
      throw new TypeError(
        `normalize: pixels: expected a uint8 Tensor of [N, ${shape.join(', ')}], got ${got}`,
      );
    }
    const normalization = new Normalization({ mean, std }, pixels.device);
    try {
      return scope(() => normalization.apply(pixels));
    } finally {
      normalization.dispose();
    }
  };
  return { run: path, config, epoch: Number(epoch), model, loss, numClasses, classes, mean, std, normalize };
}
