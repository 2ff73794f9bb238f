import * as nn from '../nn/index.ts';
import { noGrad, type Tensor } from '../tensor/index.ts';

/** Fills the weights of every convolution and linear layer below a module anew, and puts their biases to 0. */
export function initialize(module: nn.Module, fill: (weight: Tensor) => void): void {
  for (const [, layer] of module.namedModules()) {
    if (!(layer instanceof nn.Conv2d || layer instanceof nn.Linear)) continue;
    fill(layer.weight);
    const { bias } = layer;
    if (bias !== null) noGrad(() => bias.zero_());
  }
}

/** Caffe's fillers, which look at a layer's inputs alone: `xavier` is U(−b, b) with b = √(3 / fanIn), … */
export const caffeXavier = (weight: Tensor): Tensor => nn.init.kaimingUniform_(weight, { a: 1 });

/** … and `msra` is N(0, 2 / fanIn), He et al. 2015. */
export const caffeMsra = (weight: Tensor): Tensor => nn.init.kaimingNormal_(weight);
