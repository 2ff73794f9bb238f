import { Tensor } from '../tensor/index.ts';
import { shown } from './check.ts';
import type { ClassificationLoss } from './loss.ts';
import { ignoreIndex } from './rows.ts';

/**
 * Throws unless features and labels are a batch for the loss. LibTorch would stretch labels of another shape over the
 * rows, or speak of an index; and a loss that counts its steps must not count one that fails.
 *
 * On a GPU the labels themselves are not looked at, for which the device would have to be waited for.
 * @throws TypeError naming the argument, what was expected and what came
 * @throws RangeError if a label is neither a class nor −100
 */
export function checkBatch(loss: ClassificationLoss, features: Tensor, labels: Tensor): void {
  const { numClasses, featureDim } = loss;
  const fail = (name: string, expected: string, got: string): never => {
    throw new TypeError(`${loss.constructor.name}: ${name}: expected ${expected}, got ${got}`);
  };
  for (const [name, value] of Object.entries({ features, labels })) {
    if (!(value instanceof Tensor)) fail(name, 'a tensor', shown(value));
  }
  const [rows, dims] = features.shape;
  if (features.ndim !== 2 || dims !== featureDim) {
    fail('features', `shape (N, ${featureDim})`, `[${features.shape.join(', ')}]`);
  }
  if (labels.dtype !== 'int64') fail('labels', 'int64', labels.dtype);
  if (labels.ndim !== 1 || labels.shape[0] !== rows) {
    fail('labels', `shape (${rows}), one for each row of features`, `[${labels.shape.join(', ')}]`);
  }
  if (labels.device !== 'cpu') return;
  (labels.toTypedArray() as BigInt64Array).forEach((value, row) => {
    const label = Number(value);
    if (label !== ignoreIndex && !(label >= 0 && label < numClasses)) {
      throw new RangeError(
        `${loss.constructor.name}: labels: expected classes from 0 to ${numClasses - 1}, or ${ignoreIndex}, ` +
          `got ${label} in row ${row}`,
      );
    }
  });
}
