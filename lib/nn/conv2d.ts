import { checkBoolean, checkOptions } from '../tensor/check.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { checkInteger, pair, type Size2d } from './check.ts';
import { layerTensors } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

export interface Conv2dOptions {
  /** Default 1. */
  stride?: Size2d;
  /** Zeros added on each side. Default 0. */
  padding?: Size2d;
  /** Default 1. */
  dilation?: Size2d;
  /** Default 1. */
  groups?: number;
  /** Default true. */
  bias?: boolean;
}

const optionNames = ['stride', 'padding', 'dilation', 'groups', 'bias'] satisfies (keyof Conv2dOptions)[];

/** 2-D convolution (cross-correlation), weight (outChannels, inChannels / groups, height, width). */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly stride: [number, number];
  readonly padding: [number, number];
  readonly dilation: [number, number];
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: Conv2dOptions = {}) {
    super();
    checkOptions('Conv2d', options, optionNames);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias: isBiased = true } = options;
    checkInteger('Conv2d', 'inChannels', inChannels, 1);
    checkInteger('Conv2d', 'outChannels', outChannels, 1);
    checkInteger('Conv2d', 'groups', groups, 1);
    checkBoolean('Conv2d', 'bias', isBiased);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new TypeError(
        `Conv2d: argument 'groups' expected a divisor of ${inChannels} and ${outChannels}, got ${groups}`,
      );
    }
    this.stride = pair('Conv2d', 'stride', stride, 1);
    this.padding = pair('Conv2d', 'padding', padding, 0);
    this.dilation = pair('Conv2d', 'dilation', dilation, 1);
    this.groups = groups;
    const kernel = pair('Conv2d', 'kernelSize', kernelSize, 1);
    const { weight, bias } = layerTensors([outChannels, inChannels / groups, ...kernel], isBiased);
    this.weight = new Parameter(weight);
    this.bias = bias === null ? null : new Parameter(bias);
  }

  /** (N, inChannels, H, W) → (N, outChannels, H', W') */
  forward(input: Tensor): Tensor {
    return torch.conv2d(input, this.weight, this.bias, this.stride, this.padding, this.dilation, this.groups);
  }
}
