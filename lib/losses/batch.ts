import { isAutocastEnabled, isFloatingPoint, Tensor } from '../tensor/index.ts';
import { shown } from './check.ts';
import type { ClassificationLoss } from './loss.ts';
import { ignoreIndex } from './rows.ts';

/** What a loss is given. LibTorch would take much that is wrong, or speak of matrices and of an index. */

const fail = (loss: ClassificationLoss, name: string, expected: string, got: string): never => {
  throw new TypeError(`${loss.constructor.name}: ${name}: expected ${expected}, got ${got}`);
};

const shapeOf = ({ shape }: Tensor): string => `[${shape.join(', ')}]`;

/** 'cpu' or 'cuda' */
const deviceType = ({ device }: Tensor): string => device.split(':')[0]!;

/**
 * Throws unless these are features for the loss: (N, D), on its device, and of its dtype or one that `autocast` takes
 * along with it, which is any but float64.
 * @param like one of the loss's parameters; undefined: it has none
 * @throws TypeError naming the argument, what was expected and what came
 */
export function checkFeatures(loss: ClassificationLoss, features: Tensor, like: Tensor | undefined): void {
  if (!(features instanceof Tensor)) fail(loss, 'features', 'a tensor', shown(features));
  const { shape, dtype } = features;
  if (shape.length !== 2 || shape[1] !== loss.featureDim) {
    fail(loss, 'features', `shape (N, ${loss.featureDim})`, shapeOf(features));
  }
  if (!isFloatingPoint(dtype)) fail(loss, 'features', 'a floating-point dtype', dtype);
  if (like === undefined) return;
  const device = deviceType(features);
  if (device !== deviceType(like)) {
    fail(loss, 'features', `it on ${deviceType(like)} like the parameters`, device);
  }
  if (dtype === like.dtype) return;
  if ([dtype, like.dtype].includes('float64') || !isAutocastEnabled(device)) {
    fail(loss, 'features', `${like.dtype} like the parameters`, dtype);
  }
}

/**
 * Throws unless these are labels for the rows of features. On a GPU the labels themselves are not looked at, for which
 * the device would have to be waited for.
 * @returns whether all rows are known to take part
 * @throws TypeError naming the argument, what was expected and what came
 * @throws RangeError if a label is neither a class nor −100
 */
export function checkLabels(loss: ClassificationLoss, features: Tensor, labels: Tensor): boolean {
  if (!(labels instanceof Tensor)) fail(loss, 'labels', 'a tensor', shown(labels));
  if (labels.dtype !== 'int64') fail(loss, 'labels', 'int64', labels.dtype);
  if (deviceType(labels) !== deviceType(features)) {
    fail(loss, 'labels', `it on ${deviceType(features)} like features`, deviceType(labels));
  }
  const rows = features.shape[0]!;
  if (labels.ndim !== 1 || labels.shape[0] !== rows) {
    fail(loss, 'labels', `shape (${rows}), one for each row of features`, shapeOf(labels));
  }
  if (labels.device !== 'cpu') return false;
  const values = labels.toTypedArray() as BigInt64Array;
  values.forEach((value, row) => {
    const label = Number(value);
    if (label !== ignoreIndex && !(label >= 0 && label < loss.numClasses)) {
      throw new RangeError(
        `${loss.constructor.name}: labels: expected classes from 0 to ${loss.numClasses - 1}, or ${ignoreIndex}, ` +
          `got ${label} in row ${row}`,
      );
    }
  });
  return !values.includes(BigInt(ignoreIndex));
}
