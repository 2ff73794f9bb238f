import { checkBoolean, checkOptions } from '../tensor/check.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { pair, type Size2d } from './check.ts';
import { Module } from './module.ts';

export interface PoolOptions {
  /** Default: the kernel size. */
  stride?: Size2d;
  /** Default 0. */
  padding?: Size2d;
  /** Keep a last, incomplete window. Default false. */
  ceilMode?: boolean;
}

const optionNames = ['stride', 'padding', 'ceilMode'] satisfies (keyof PoolOptions)[];

abstract class Pool2d extends Module {
  readonly kernelSize: [number, number];
  readonly stride: [number, number];
  readonly padding: [number, number];
  readonly ceilMode: boolean;

  constructor(kernelSize: Size2d, options: PoolOptions = {}) {
    super();
    const { name } = new.target;
    checkOptions(name, options, optionNames);
    const { stride = kernelSize, padding = 0, ceilMode = false } = options;
    checkBoolean(name, 'ceilMode', ceilMode);
    this.kernelSize = pair(name, 'kernelSize', kernelSize, 1);
    this.stride = pair(name, 'stride', stride, 1);
    this.padding = pair(name, 'padding', padding, 0);
    this.ceilMode = ceilMode;
  }
}

/** The largest value of each window: (N, C, H, W) → (N, C, H', W'). */
export class MaxPool2d extends Pool2d {
  forward(input: Tensor): Tensor {
    return torch.maxPool2d(input, this.kernelSize, this.stride, this.padding, 1, this.ceilMode);
  }
}

/** The mean of each window, padding zeros included: (N, C, H, W) → (N, C, H', W'). */
export class AvgPool2d extends Pool2d {
  forward(input: Tensor): Tensor {
    return torch.avgPool2d(input, this.kernelSize, this.stride, this.padding, this.ceilMode);
  }
}

/** The mean of outH × outW windows that together cover the whole image: (N, C, H, W) → (N, C, outH, outW). */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: [number, number];

  /** @param outputSize 1 is global average pooling */
  constructor(outputSize: Size2d) {
    super();
    this.outputSize = pair('AdaptiveAvgPool2d', 'outputSize', outputSize, 1);
  }

  forward(input: Tensor): Tensor {
    return torch.adaptiveAvgPool2d(input, this.outputSize);
  }
}
