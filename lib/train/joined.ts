import { Module } from '../nn/index.ts';

/** Several modules under the names of one state dict, so that loading checks all before it changes any. */
export class Joined extends Module {
  readonly #parts: readonly (readonly [prefix: string, module: Module])[];

  /** @param parts by the prefix of their names; '' is none */
  constructor(parts: Readonly<Record<string, Module>>) {
    super();
    this.#parts = Object.entries(parts);
  }

  override namedChildren(): [string, Module][] {
    return this.#parts.map(([prefix, module]) => [prefix, module]);
  }

  forward(): never {
    throw new Error('Joined: it has names only');
  }
}
