import { checkInteger, checkRange } from '../nn/check.ts';
import { checkBoolean, checkOptions } from '../tensor/check.ts';
import { describeValue } from '../tensor/index.ts';
import { Optimizer, requireNumber } from './optimizer.ts';

/**
 * The base of learning-rate schedules, as torch.optim.lr_scheduler: step() is called after each optimiser step (or
 * epoch, for schedules counted in epochs), and sets the learning rate of every group from its initial one. Groups that the
 * optimiser gets later are left alone.
 */
export abstract class LRScheduler {
  /** The optimiser whose learning rates it sets. */
  readonly optimizer: Optimizer;
  protected readonly baseLrs: readonly number[];
  private count = 0;

  constructor(optimizer: Optimizer) {
    if (!(optimizer instanceof Optimizer)) {
      throw new TypeError(
        `${new.target.name}: argument 'optimizer' expected an Optimizer, got ${describeValue(optimizer)}`,
      );
    }
    this.optimizer = optimizer;
    this.baseLrs = optimizer.paramGroups.map((group) => group.lr);
  }

  /** How many steps have been taken. */
  get lastStep(): number {
    return this.count;
  }

  /** The learning rate of each group now. */
  get lrs(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  /**
   * Goes on by one step, and sets the learning rate of each group.
   * @throws Error beyond the end of a schedule that has one, as OneCycleLR; it is where it was then
   */
  step(): void {
    this.apply(this.count + 1);
    this.count++;
  }

  /**
   * Puts the schedule to where it was after `lastStep` steps.
   * @throws TypeError unless that is a number of at least 0; as `step`
   */
  resume(lastStep: number): void {
    requireNumber(this.constructor.name, 'lastStep', lastStep, 0);
    this.apply(lastStep);
    this.count = lastStep;
  }

  /** The learning rate after `step` steps of a group that began with `base`. */
  protected abstract lrAt(step: number, base: number, group: number): number;

  protected apply(step: number): void {
    this.scheduled.forEach((group, i) => {
      group.lr = this.lrAt(step, this.baseLrs[i]!, i);
    });
  }

  /** The groups that the optimiser had when the schedule was made; later ones keep their own rates. */
  protected get scheduled(): Optimizer['paramGroups'] {
    return this.optimizer.paramGroups.slice(0, this.baseLrs.length);
  }
}

/** Throws a TypeError unless `value` is a finite number above 0. */
function requirePositive(schedule: string, name: string, value: unknown): void {
  if (!(Number.isFinite(value) && (value as number) > 0)) {
    throw new TypeError(
      `${schedule}: argument '${name}' expected a finite number above 0, got ${describeValue(value)}`,
    );
  }
}

/** Multiplies the learning rate by `gamma` at each milestone. */
export class MultiStepLR extends LRScheduler {
  private readonly milestones: readonly number[];
  private readonly gamma: number;

  /** @param options.gamma default 0.1 */
  constructor(optimizer: Optimizer, options: { milestones: readonly number[]; gamma?: number }) {
    super(optimizer);
    checkOptions('MultiStepLR', options, ['milestones', 'gamma']);
    const { milestones, gamma = 0.1 } = options;
    if (!Array.isArray(milestones) || !milestones.every(Number.isFinite)) {
      const got = Array.isArray(milestones)
        ? `[${milestones.map(describeValue).join(', ')}]`
        : describeValue(milestones);
      throw new TypeError(
        `MultiStepLR: argument 'milestones' expected an array of finite numbers, got ${got}`,
      );
    }
    requireNumber('MultiStepLR', 'gamma', gamma, 0);
    this.milestones = milestones;
    this.gamma = gamma;
    // A milestone of 0 counts from the first step on.
    this.apply(0);
  }

  protected override lrAt(step: number, base: number): number {
    return base * this.gamma ** this.milestones.filter((milestone) => milestone <= step).length;
  }
}

/** How much of a part of the schedule is done; a part without steps is done at once. */
const shareOf = (steps: number, all: number): number => (all === 0 ? 1 : steps / all);

/** From b to a along half a cosine: a + (b − a)(1 + cos(π · fraction)) / 2 */
const cosine = (from: number, to: number, fraction: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * fraction))) / 2;

/** Half a cosine from the initial learning rate down to `etaMin` over `tMax` steps (Loshchilov & Hutter 2017). */
export class CosineAnnealingLR extends LRScheduler {
  private readonly tMax: number;
  private readonly etaMin: number;

  /** @param options.etaMin default 0 */
  constructor(optimizer: Optimizer, options: { tMax: number; etaMin?: number }) {
    super(optimizer);
    checkOptions('CosineAnnealingLR', options, ['tMax', 'etaMin']);
    const { tMax, etaMin = 0 } = options;
    requirePositive('CosineAnnealingLR', 'tMax', tMax);
    requireNumber('CosineAnnealingLR', 'etaMin', etaMin, 0);
    this.tMax = tMax;
    this.etaMin = etaMin;
  }

  protected override lrAt(step: number, base: number): number {
    return cosine(base, this.etaMin, step / this.tMax);
  }
}

export interface OneCycleOptions {
  /** The highest learning rate: of all groups, or one for each. */
  maxLr: number | readonly number[];
  /** The number of steps of the whole cycle. */
  totalSteps: number;
  /** The part of the cycle in which the learning rate rises. Default 0.3. */
  pctStart?: number;
  /** The cycle begins at maxLr / divFactor. Default 25. */
  divFactor?: number;
  /** It ends at the beginning's / finalDivFactor. Default 1e4. */
  finalDivFactor?: number;
  /** Lower the momentum (β₁, for Adam) while the learning rate rises, and back. Default true. */
  cycleMomentum?: boolean;
  /** Default 0.85. */
  baseMomentum?: number;
  /** Default 0.95. */
  maxMomentum?: number;
}

const oneCycleNames = [
  'maxLr',
  'totalSteps',
  'pctStart',
  'divFactor',
  'finalDivFactor',
  'cycleMomentum',
  'baseMomentum',
  'maxMomentum',
] satisfies (keyof OneCycleOptions)[];

/** The 1cycle policy with cosine annealing, as torch.optim.lr_scheduler.OneCycleLR (Smith & Topin 2018). */
export class OneCycleLR extends LRScheduler {
  private readonly maxLrs: readonly number[];
  private readonly options: Required<Omit<OneCycleOptions, 'maxLr'>>;

  constructor(optimizer: Optimizer, options: OneCycleOptions) {
    super(optimizer);
    checkOptions('OneCycleLR', options, oneCycleNames);
    const {
      maxLr,
      totalSteps,
      pctStart = 0.3,
      divFactor = 25,
      finalDivFactor = 1e4,
      cycleMomentum = true,
      baseMomentum = 0.85,
      maxMomentum = 0.95,
    } = options;
    const groups = optimizer.paramGroups.length;
    this.maxLrs = Array.isArray(maxLr) ? maxLr : new Array<number>(groups).fill(maxLr as number);
    if (this.maxLrs.length !== groups) {
      throw new TypeError(
        `OneCycleLR: argument 'maxLr' expected ${groups} numbers, got ${this.maxLrs.length}`,
      );
    }
    for (const lr of this.maxLrs) requireNumber('OneCycleLR', 'maxLr', lr, 0);
    checkInteger('OneCycleLR', 'totalSteps', totalSteps, 1);
    requirePositive('OneCycleLR', 'divFactor', divFactor);
    requirePositive('OneCycleLR', 'finalDivFactor', finalDivFactor);
    checkBoolean('OneCycleLR', 'cycleMomentum', cycleMomentum);
    const shares = { pctStart, baseMomentum, maxMomentum };
    for (const [name, value] of Object.entries(shares)) checkRange('OneCycleLR', name, value, 0, 1);
    this.options = { ...shares, totalSteps, divFactor, finalDivFactor, cycleMomentum };
    this.apply(0);
  }

  /** low → high → end, the first part being `pctStart` of the steps. */
  private cycle(step: number, low: number, high: number, end: number): number {
    const { totalSteps, pctStart } = this.options;
    const peak = pctStart * totalSteps - 1;
    const last = totalSteps - 1;
    return step <= peak
      ? cosine(low, high, shareOf(step, peak))
      : cosine(high, end, shareOf(step - peak, last - peak));
  }

  protected override lrAt(step: number, _base: number, group: number): number {
    const { divFactor, finalDivFactor, totalSteps } = this.options;
    if (step > totalSteps) {
      throw new Error(`OneCycleLR: step ${step} is beyond the cycle's ${totalSteps} steps`);
    }
    const maxLr = this.maxLrs[group]!;
    const initial = maxLr / divFactor;
    return this.cycle(step, initial, maxLr, initial / finalDivFactor);
  }

  protected override apply(step: number): void {
    super.apply(step);
    const { cycleMomentum, baseMomentum, maxMomentum } = this.options;
    if (!cycleMomentum) return;
    const momentum = this.cycle(step, maxMomentum, baseMomentum, maxMomentum);
    for (const group of this.scheduled as { momentum?: number; betas?: [number, number] }[]) {
      if (group.betas !== undefined) group.betas[0] = momentum;
      else if (group.momentum !== undefined) group.momentum = momentum;
    }
  }
}

export interface LinearWarmupOptions {
  /** The number of steps over which the learning rate rises. */
  steps: number;
  /** It begins at the initial learning rate times this. Default 1/3. */
  startFactor?: number;
  /** The schedule that takes over afterwards, made for the same optimiser. */
  next?: LRScheduler;
}

/** Raises the learning rate linearly to its initial value, then hands over to another schedule. */
export class LinearWarmup extends LRScheduler {
  private readonly steps: number;
  private readonly startFactor: number;
  private readonly next: LRScheduler | undefined;

  constructor(optimizer: Optimizer, options: LinearWarmupOptions) {
    super(optimizer);
    checkOptions('LinearWarmup', options, ['steps', 'startFactor', 'next']);
    const { steps, startFactor = 1 / 3, next } = options;
    requireNumber('LinearWarmup', 'steps', steps, 1);
    requireNumber('LinearWarmup', 'startFactor', startFactor, 0);
    if (next !== undefined && !(next instanceof LRScheduler)) {
      throw new TypeError(`LinearWarmup: argument 'next' expected a schedule, got ${describeValue(next)}`);
    }
    // It would leave this one's learning rates where they are, and change the other's.
    if (next !== undefined && next.optimizer !== optimizer) {
      throw new TypeError(
        "LinearWarmup: argument 'next' expected a schedule of the same optimiser, got one of another",
      );
    }
    this.steps = steps;
    this.startFactor = startFactor;
    this.next = next;
    this.apply(0);
  }

  protected override lrAt(step: number, base: number): number {
    const done = Math.min(1, step / this.steps);
    return base * (this.startFactor + (1 - this.startFactor) * done);
  }

  protected override apply(step: number): void {
    if (this.next !== undefined && step >= this.steps) this.next.resume(step - this.steps);
    else super.apply(step);
  }
}
