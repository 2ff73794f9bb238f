/** Losses for classification, each with the layer that turns features into logits. */
export { CrossEntropyLoss, type CrossEntropyOptions } from './cross-entropy.ts';
export { IcuLoss, type IcuLossOptions } from './icu.ts';
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
export { ClassificationLoss, type LossOutput, type ParameterGroup } from './loss.ts';
export { createLoss, type LossName, type LossOptions, lossNames, lossTitle } from './registry.ts';
