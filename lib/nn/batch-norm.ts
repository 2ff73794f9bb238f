import { checkBoolean, checkOptions } from '../tensor/check.ts';
import { elementCount } from '../tensor/elements.ts';
import { noGrad, type Tensor, torch } from '../tensor/index.ts';
import { checkAtLeast0, checkInteger, checkRange } from './check.ts';
import { Module } from './module.ts';
import { Buffer, Parameter } from './parameter.ts';

export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** The weight of the newest batch in the running statistics. Default 0.1. */
  momentum?: number;
  /** Learn a scale and a shift. Default true. */
  affine?: boolean;
  /** Keep running statistics and use them in evaluation. Default true. */
  trackRunningStats?: boolean;
}

const optionNames = ['eps', 'momentum', 'affine', 'trackRunningStats'] satisfies (keyof BatchNormOptions)[];

/** y = (x − mean) / √(var + eps) · weight + bias, per channel (Ioffe & Szegedy 2015). */
abstract class BatchNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Buffer | null;
  readonly runningVar: Buffer | null;
  readonly numBatchesTracked: Buffer | null;
  readonly eps: number;
  readonly momentum: number;

  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super();
    const { name } = new.target;
    checkInteger(name, 'numFeatures', numFeatures, 1);
    checkOptions(name, options, optionNames);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    checkAtLeast0(name, 'eps', eps);
    checkRange(name, 'momentum', momentum, 0, 1);
    checkBoolean(name, 'affine', affine);
    checkBoolean(name, 'trackRunningStats', trackRunningStats);
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(torch.ones([numFeatures])) : null;
    this.bias = affine ? new Parameter(torch.zeros([numFeatures])) : null;
    this.runningMean = trackRunningStats ? new Buffer(torch.zeros([numFeatures])) : null;
    this.runningVar = trackRunningStats ? new Buffer(torch.ones([numFeatures])) : null;
    this.numBatchesTracked = trackRunningStats ? new Buffer(torch.zeros([], { dtype: 'int64' })) : null;
  }

  protected abstract checkInput(input: Tensor): void;

  forward(input: Tensor): Tensor {
    this.checkInput(input);
    const { training, runningMean, runningVar, numBatchesTracked } = this;
    const useBatch = training || runningMean === null;
    const [rows = 0, , ...places] = input.shape;
    if (useBatch && rows * elementCount(places) === 1) {
      throw new Error(
        `${this.constructor.name}: input: expected more than one value for each channel in training, got shape ${describeShape(input)}`,
      );
    }
    if (training && numBatchesTracked !== null) noGrad(() => numBatchesTracked.add_(1));
    return torch.batchNorm(
      input,
      this.weight,
      this.bias,
      runningMean,
      runningVar,
      useBatch,
      this.momentum,
      this.eps,
      true,
    );
  }
}

const describeShape = (input: Tensor): string => `[${input.shape.join(', ')}]`;

/** Batch normalisation of (N, C) or (N, C, L). */
export class BatchNorm1d extends BatchNorm {
  protected override checkInput(input: Tensor): void {
    const { ndim } = input;
    if (ndim !== 2 && ndim !== 3) {
      throw new TypeError(
        `BatchNorm1d: argument 'input' expected (N, C) or (N, C, L), got ${describeShape(input)}`,
      );
    }
  }
}

/** Batch normalisation of (N, C, H, W). */
export class BatchNorm2d extends BatchNorm {
  protected override checkInput(input: Tensor): void {
    if (input.ndim !== 4) {
      throw new TypeError(`BatchNorm2d: argument 'input' expected (N, C, H, W), got ${describeShape(input)}`);
    }
  }
}
