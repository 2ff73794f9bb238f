/** The optimiser and the learning rates of a configuration. */

import type { ParameterGroup } from '../losses/index.ts';
import {
  Adam,
  AdamW,
  CosineAnnealingLR,
  LinearWarmup,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  type Optimizer,
  SGD,
} from '../optim/index.ts';
import type { TrainConfig } from './config.ts';

/** The optimiser for these groups, each of which has its own learning rate and decay. */
export function createOptimizer(
  { optimizer, lr, momentum, nesterov }: Pick<TrainConfig, 'optimizer' | 'lr' | 'momentum' | 'nesterov'>,
  groups: readonly ParameterGroup[],
): Optimizer {
  switch (optimizer) {
    case 'adam':
      return new Adam(groups, { lr });
    case 'adamw':
      return new AdamW(groups, { lr });
    case 'sgd':
      return new SGD(groups, { lr, momentum, nesterov });
  }
}

/** What decides the learning rates. */
export type ScheduleConfig = Pick<
  TrainConfig,
  'epochs' | 'schedule' | 'milestones' | 'milestoneFactor' | 'warmupEpochs' | 'warmupStart'
>;

/**
 * The schedule, stepped after each of T = epochs · stepsPerEpoch optimiser steps. Of a group with the learning rate η,
 * step t = 0, 1, …, T − 1 has, with a warm-up of W steps:
 *
 *     one-cycle            up to η in the first 30 % of the steps, then down, see `OneCycleLR`
 *     warm-up, t < W       η · (start + (1 − start) · t/W)
 *     then constant        η
 *          cosine          η · (1 + cos(π · (t − W)/(T − W))) / 2, which comes to 0 when the last step is done
 *          multi-step      η · factor^(number of milestones m with m · stepsPerEpoch ≤ t)
 *
 * Fractions of an epoch are rounded to whole steps, and to one at least.
 */
export function createScheduler(
  config: ScheduleConfig,
  optimizer: Optimizer,
  stepsPerEpoch: number,
): LRScheduler {
  const totalSteps = config.epochs * stepsPerEpoch;
  if (config.schedule === 'one-cycle') {
    return new OneCycleLR(optimizer, {
      maxLr: optimizer.paramGroups.map((group) => group.lr),
      totalSteps,
      // Adam's β₁ goes down and up with it, as in PyTorch; SGD's momentum is a setting.
      cycleMomentum: !(optimizer instanceof SGD),
    });
  }
  const stepsOf = (epochs: number): number =>
    epochs === 0 ? 0 : Math.max(1, Math.round(epochs * stepsPerEpoch));
  const steps = stepsOf(config.warmupEpochs);
  // What follows the warm-up counts from its end.
  const next =
    config.schedule === 'cosine'
      ? new CosineAnnealingLR(optimizer, { tMax: Math.max(1, totalSteps - steps) })
      : // Without milestones it is constant.
        new MultiStepLR(optimizer, {
          milestones: config.milestones.map((epoch) => stepsOf(epoch) - steps),
          gamma: config.milestoneFactor,
        });
  return steps === 0 ? next : new LinearWarmup(optimizer, { steps, startFactor: config.warmupStart, next });
}
