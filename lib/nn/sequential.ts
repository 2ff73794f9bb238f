import { describeValue, scope, type Tensor } from '../tensor/index.ts';
import { Module } from './module.ts';

/**
 * Modules one after the other; their names in state dicts are '0', '1', …, and what else a subclass has comes after them.
 * What lies between two modules is freed as soon as the second is done, unless autograd needs it: a module that holds on
 * to its input must `keep()` it.
 */
export class Sequential extends Module {
  // Private, as an array is no property that a module may have; `namedChildren` gives the layers their names.
  readonly #layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    layers.forEach((layer, i) => {
      if (!(layer instanceof Module)) {
        throw new TypeError(`Sequential: argument ${i} expected a Module, got ${describeValue(layer)}`);
      }
    });
    this.#layers = layers;
  }

  get layers(): readonly Module[] {
    return this.#layers;
  }

  override namedChildren(): [string, Module][] {
    const layers = this.#layers.map((layer, i): [string, Module] => [String(i), layer]);
    return [...layers, ...super.namedChildren()];
  }

  forward(input: Tensor): Tensor {
    // The scope around a layer is the one to which its input belongs, and ends with it.
    const after = (count: number): Tensor =>
      count === 0 ? input : scope(() => this.#layers[count - 1]!.forward(after(count - 1)) as Tensor);
    return after(this.#layers.length);
  }
}
