import { checkBoolean, checkOptions } from '../tensor/check.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { checkInteger } from './check.ts';
import { layerTensors } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** y = x Wᵀ + b, with W (outFeatures, inFeatures). */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  /** @param options.bias add a learned bias. Default true. */
  constructor(inFeatures: number, outFeatures: number, options: { bias?: boolean } = {}) {
    super();
    checkInteger('Linear', 'inFeatures', inFeatures, 1);
    checkInteger('Linear', 'outFeatures', outFeatures, 1);
    checkOptions('Linear', options, ['bias']);
    const { bias: isBiased = true } = options;
    checkBoolean('Linear', 'bias', isBiased);
    const { weight, bias } = layerTensors([outFeatures, inFeatures], isBiased);
    this.weight = new Parameter(weight);
    this.bias = bias === null ? null : new Parameter(bias);
  }

  /** (…, inFeatures) → (…, outFeatures) */
  forward(input: Tensor): Tensor {
    return torch.linear(input, this.weight, this.bias);
  }
}
