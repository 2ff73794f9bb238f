import { describeValue, type Tensor } from '../tensor/index.ts';
import { Module } from './module.ts';

/** Modules one after the other; their names in state dicts are '0', '1', … */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    layers.forEach((layer, i) => {
      if (!(layer instanceof Module)) {
        throw new TypeError(`Sequential: argument ${i} expected a Module, got ${describeValue(layer)}`);
      }
    });
    this.layers = layers;
  }

  override namedChildren(): [string, Module][] {
    return this.layers.map((layer, i) => [String(i), layer]);
  }

  forward(input: Tensor): Tensor {
    let output = input;
    for (const layer of this.layers) output = layer.forward(output) as Tensor;
    return output;
  }
}
