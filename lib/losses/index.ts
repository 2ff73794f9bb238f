/** Losses for classification, each with the layer that turns features into logits. */
export { CrossEntropyLoss, type CrossEntropyOptions } from './cross-entropy.ts';
export { IcuLoss, type IcuLossOptions } from './icu.ts';
export {
  type AlphaMode,
  type Covariance,
  type GammaMode,
  type IcuOptions,
  icuDefaults,
  type MomentCenter,
  type Reduction,
  type RegReduction,
} from './icu-options.ts';
export { ClassificationLoss, type LossOutput, type ParameterGroup } from './loss.ts';
export { createLoss, type LossName, type LossOptions, lossNames, lossTitle } from './registry.ts';
