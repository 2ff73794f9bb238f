/** Losses for classification, each with the layer that turns features into logits. */
export { ASoftmaxLoss, type ASoftmaxOptions } from './a-softmax.ts';
export { BalancedSoftmaxLoss, type BalancedSoftmaxOptions } from './balanced-softmax.ts';
export { CenterLoss, type CenterOptions } from './center.ts';
export { ClassBalancedLoss, type ClassBalancedOptions } from './class-balanced.ts';
export { effectiveNumberWeights } from './class-counts.ts';
export { CosFaceLoss, type CosFaceOptions } from './cosface.ts';
export { CrossEntropyLoss, type CrossEntropyOptions } from './cross-entropy.ts';
export { FocalLoss, type FocalOptions } from './focal.ts';
export { GaussianLoss, type GaussianOptions } from './gaussian.ts';
export { IcuLoss, type IcuLossOptions } from './icu.ts';
export { IcuAuthorsLoss, type IcuAuthorsOptions } from './icu-authors.ts';
export {
  type AlphaMode,
  alphaModes,
  type Covariance,
  covariances,
  type GammaMode,
  gammaModes,
  type IcuOptions,
  icuDefaults,
  type MomentCenter,
  momentCenters,
  type Reduction,
  type RegReduction,
  regReductions,
} from './icu-options.ts';
export { LgmLoss, type LgmOptions } from './l-gm.ts';
export { LSoftmaxLoss, type LSoftmaxOptions } from './l-softmax.ts';
export { LdamLoss, type LdamOptions } from './ldam.ts';
export { ClassificationLoss, type LossOutput, type MixedLabels, type ParameterGroup } from './loss.ts';
export { NormFaceLoss, type NormFaceOptions } from './normface.ts';
export {
  createLoss,
  type LossName,
  type LossOptions,
  lacksClassCounts,
  lossNames,
  lossTitle,
} from './registry.ts';
export { RingLoss, type RingOptions } from './ring.ts';
