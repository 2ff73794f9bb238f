import { type Tensor, torch } from '../tensor/index.ts';
import { checkRange } from './check.ts';
import { Module } from './module.ts';

/** In training, zeroes each element with probability p and scales the others by 1 / (1 − p). */
export class Dropout extends Module {
  readonly p: number;

  /** @param p default 0.5 */
  constructor(p = 0.5) {
    super();
    checkRange('Dropout', 'p', p, 0, 1);
    this.p = p;
  }

  forward(input: Tensor): Tensor {
    return torch.dropout(input, this.p, this.training);
  }
}
