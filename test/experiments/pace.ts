import type { Pace } from '../../lib/experiments/estimate.ts';
import type { Experiment } from '../../lib/experiments/index.ts';

/** Seconds of all runs, added up image by image. */
export const estimateSeconds = (
  runs: readonly { experiment: Experiment; count: number; pace: Pace }[],
  epochs: ReadonlyMap<string, number>,
): number =>
  runs.reduce((sum, { experiment: { name, images }, count, pace }) => {
    const trained = epochs.get(name)! * images.train;
    const evaluated = epochs.get(name)! * images.validation + 2 * images.test;
    return sum + count * (trained * pace.train + evaluated * pace.evaluate);
  }, 0);
