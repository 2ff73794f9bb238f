/** Optimisers and learning-rate schedules, as torch.optim. */
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export {
  Optimizer,
  type OptimizerOptions,
  type OptimizerState,
  type ParamGroup,
  type ParamGroupInput,
} from './optimizer.ts';
export {
  CosineAnnealingLR,
  LinearWarmup,
  type LinearWarmupOptions,
  LRScheduler,
  MultiStepLR,
  OneCycleLR,
  type OneCycleOptions,
} from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
