import { scope, type Tensor, torch } from '../tensor/index.ts';
import { checkInteger } from './check.ts';
import { Module } from './module.ts';

/**
 * The shortcut without parameters ("option A", He et al. 2016, sect. 3.3) around a block that widens and shrinks: every
 * stride-th pixel, with as many channels of zeros before as behind.
 */
export class ZeroPadShortcut extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;

  constructor(inChannels: number, outChannels: number, stride = 1) {
    super();
    checkInteger('ZeroPadShortcut', 'inChannels', inChannels, 1);
    checkInteger('ZeroPadShortcut', 'outChannels', outChannels, inChannels);
    checkInteger('ZeroPadShortcut', 'stride', stride, 1);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.stride = stride;
  }

  /** (N, inChannels, H, W) → (N, outChannels, ⌈H / stride⌉, ⌈W / stride⌉) */
  forward(input: Tensor): Tensor {
    const { inChannels, outChannels, stride } = this;
    const before = Math.floor((outChannels - inChannels) / 2);
    const behind = outChannels - inChannels - before;
    return scope(() => {
      const pixels = input.slice(2, 0, null, stride).slice(3, 0, null, stride);
      return torch.constantPadNd(pixels, [0, 0, 0, 0, before, behind]);
    });
  }
}
