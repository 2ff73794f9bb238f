import { checkBoolean, checkOptions } from '../tensor/check.ts';
import { type Tensor, torch } from '../tensor/index.ts';
import { checkFinite, checkInteger } from './check.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** max(x, 0) */
export class ReLU extends Module {
  readonly inplace: boolean;

  /** @param options.inplace overwrite the input, which saves its memory and gives the same object back. Default false. */
  constructor(options: { inplace?: boolean } = {}) {
    super();
    checkOptions('ReLU', options, ['inplace']);
    const { inplace = false } = options;
    checkBoolean('ReLU', 'inplace', inplace);
    this.inplace = inplace;
  }

  forward(input: Tensor): Tensor {
    return this.inplace ? torch.relu_(input) : torch.relu(input);
  }
}

/** max(x, 0) + weight · min(x, 0), with a learned slope (He et al. 2015). */
export class PReLU extends Module {
  readonly weight: Parameter;

  /**
   * @param options.numParameters one slope for all channels (1) or one for each. Default 1.
   * @param options.init the slopes at the beginning. Default 0.25.
   */
  constructor(options: { numParameters?: number; init?: number } = {}) {
    super();
    checkOptions('PReLU', options, ['numParameters', 'init']);
    const { numParameters = 1, init = 0.25 } = options;
    checkInteger('PReLU', 'numParameters', numParameters, 1);
    checkFinite('PReLU', 'init', init);
    this.weight = new Parameter(torch.full([numParameters], init, { dtype: 'float32' }));
  }

  forward(input: Tensor): Tensor {
    return torch.prelu(input, this.weight);
  }
}
