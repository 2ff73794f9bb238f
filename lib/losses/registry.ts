import { shown } from './check.ts';
import { CrossEntropyLoss, type CrossEntropyOptions } from './cross-entropy.ts';
import { IcuLoss, type IcuLossOptions } from './icu.ts';
import type { ClassificationLoss } from './loss.ts';

/** The options of each loss, by its name. */
export interface LossOptions {
  icu: IcuLossOptions;
  ce: CrossEntropyOptions;
}

export type LossName = keyof LossOptions;

const losses: {
  readonly [name in LossName]: {
    readonly title: string;
    create(numClasses: number, featureDim: number, options?: LossOptions[name]): ClassificationLoss;
  };
} = {
  icu: {
    title: 'intra-class uncertainty: a Gaussian with a learned variance for each class',
    create: (numClasses, featureDim, options) => new IcuLoss(numClasses, featureDim, options),
  },
  ce: {
    title: 'softmax cross-entropy on a linear layer',
    create: (numClasses, featureDim, options) => new CrossEntropyLoss(numClasses, featureDim, options),
  },
};

/** The names that `createLoss` knows. */
export const lossNames = Object.keys(losses) as LossName[];

/** What a loss is, in a few words. */
export const lossTitle = (name: LossName): string => losses[name].title;

/**
 * A loss by its name.
 * @throws TypeError listing the names if there is none such; the loss's own errors for its options
 */
export function createLoss<Name extends LossName>(
  name: Name,
  numClasses: number,
  featureDim: number,
  options?: LossOptions[Name],
): ClassificationLoss {
  if (!Object.hasOwn(losses, name)) {
    const names = lossNames.map((known) => `${known} (${lossTitle(known)})`).join(', ');
    throw new TypeError(`createLoss: there is no loss ${shown(name)}; the losses are ${names}`);
  }
  return losses[name].create(numClasses, featureDim, options);
}
