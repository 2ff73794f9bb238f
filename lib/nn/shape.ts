import type { Tensor } from '../tensor/index.ts';
import { Module } from './module.ts';

/** Joins the dimensions from `startDim` to `endDim` into one. Default: all but the batch's. */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }

  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }
}

/** Its input, unchanged. */
export class Identity extends Module {
  forward(input: Tensor): Tensor {
    return input;
  }
}
