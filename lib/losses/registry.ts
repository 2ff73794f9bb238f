import { ASoftmaxLoss, type ASoftmaxOptions } from './a-softmax.ts';
import { BalancedSoftmaxLoss, type BalancedSoftmaxOptions } from './balanced-softmax.ts';
import { CenterLoss, type CenterOptions } from './center.ts';
import { shown } from './check.ts';
import { ClassBalancedLoss, type ClassBalancedOptions } from './class-balanced.ts';
import { CosFaceLoss, type CosFaceOptions } from './cosface.ts';
import { CrossEntropyLoss, type CrossEntropyOptions } from './cross-entropy.ts';
import { FocalLoss, type FocalOptions } from './focal.ts';
import { IcuLoss, type IcuLossOptions } from './icu.ts';
import { IcuAuthorsLoss, type IcuAuthorsOptions } from './icu-authors.ts';
import { LgmLoss, type LgmOptions } from './l-gm.ts';
import { LSoftmaxLoss, type LSoftmaxOptions } from './l-softmax.ts';
import { LdamLoss, type LdamOptions } from './ldam.ts';
import type { ClassificationLoss } from './loss.ts';
import { NormFaceLoss, type NormFaceOptions } from './normface.ts';
import { RingLoss, type RingOptions } from './ring.ts';

/** The options of each loss, by its name. */
export interface LossOptions {
  icu: IcuLossOptions;
  'icu-authors': IcuAuthorsOptions;
  ce: CrossEntropyOptions;
  'l-softmax': LSoftmaxOptions;
  'a-softmax': ASoftmaxOptions;
  cosface: CosFaceOptions;
  normface: NormFaceOptions;
  ring: RingOptions;
  center: CenterOptions;
  'l-gm': LgmOptions;
  focal: FocalOptions;
  'class-balanced': ClassBalancedOptions;
  ldam: LdamOptions;
  'balanced-softmax': BalancedSoftmaxOptions;
}

export type LossName = keyof LossOptions;

interface Entry<Options> {
  readonly title: string;
  readonly Loss: new (numClasses: number, featureDim: number, options?: Options) => ClassificationLoss;
  /** Whether, with these options, it needs `classCounts`. Default: no. */
  readonly needsCounts?: (options: Options) => boolean;
}

const always = () => true;

const losses: { readonly [name in LossName]: Entry<LossOptions[name]> } = {
  icu: {
    title: 'intra-class uncertainty: a Gaussian with a learned variance for each class',
    Loss: IcuLoss,
    needsCounts: ({ logPrior }) => logPrior === 'counts',
  },
  'icu-authors': { title: "what the ICU authors' published code computes", Loss: IcuAuthorsLoss },
  ce: { title: 'softmax cross-entropy on a linear layer', Loss: CrossEntropyLoss },
  'l-softmax': {
    title: 'the angle to the own class counts m times',
    Loss: LSoftmaxLoss,
  },
  'a-softmax': { title: 'the same with weights of length 1: SphereFace', Loss: ASoftmaxLoss },
  cosface: { title: 'a margin off the cosine to the own class: AM-Softmax', Loss: CosFaceLoss },
  normface: { title: 'cosines with a learned scale', Loss: NormFaceLoss },
  ring: { title: 'softmax, and features drawn to one learned length', Loss: RingLoss },
  center: { title: "softmax, and features drawn to their class's centre", Loss: CenterLoss },
  'l-gm': { title: 'a Gaussian mixture with a margin on the distance', Loss: LgmLoss },
  focal: { title: 'rows already classified rightly count less', Loss: FocalLoss },
  'class-balanced': {
    title: 'classes weighted by their effective number of samples',
    Loss: ClassBalancedLoss,
    needsCounts: always,
  },
  ldam: {
    title: 'larger cosine margins for smaller classes, weights late in training',
    Loss: LdamLoss,
    needsCounts: always,
  },
  'balanced-softmax': {
    title: "softmax with the classes' sizes as a prior: logit adjustment",
    Loss: BalancedSoftmaxLoss,
    needsCounts: always,
  },
};

/** The names that `createLoss` knows. */
export const lossNames = Object.keys(losses) as LossName[];

/** What a loss is, in a few words. */
export const lossTitle = (name: LossName): string => losses[name].title;

/** Whether a loss needs the option `classCounts`, the number of training images of each class, and has not been given it. */
export function lacksClassCounts<Name extends LossName>(name: Name, options: LossOptions[Name]): boolean {
  const entry: Entry<LossOptions[Name]> = losses[name];
  return (entry.needsCounts?.(options) ?? false) && !('classCounts' in options && options.classCounts);
}

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
  const { Loss }: Entry<LossOptions[Name]> = losses[name];
  return new Loss(numClasses, featureDim, options);
}
